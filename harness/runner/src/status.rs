//! What is done, stale or missing: stored identities against those that the plan would give now.

use std::collections::BTreeMap;

use clsrl_spec::{
    Binding, CellKey, CellRecord, FINE_TUNE_CHANGED, Identity, TrainingRecord, Trial,
    cell_identity, differences, training_identity,
};
use serde_json::Value;

use crate::{Store, StoreError, Stored};

/// The state of a training or a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum State<R> {
    /// There is a record, and running again would give the same.
    Done(Box<R>),
    /// There is a record, but it was made under other conditions, and which.
    Stale(Vec<String>),
    /// There is no record, and why.
    Missing(String),
}

/// The state of one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialStatus {
    /// The trial.
    pub trial: Trial,
    /// Its training.
    pub training: State<TrainingRecord>,
    /// Its cells, in the trial's order.
    pub cells: Vec<(CellKey, State<CellRecord>)>,
}

impl<R> State<R> {
    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        matches!(self, State::Done(_))
    }

    /// `done`, `stale` or `missing`.
    pub fn word(&self) -> &'static str {
        match self {
            State::Done(_) => "done",
            State::Stale(_) => "stale",
            State::Missing(_) => "missing",
        }
    }

    /// Why it is not done; empty if it is.
    pub fn reasons(&self) -> Vec<String> {
        match self {
            State::Done(_) => Vec::new(),
            State::Stale(reasons) => reasons.clone(),
            State::Missing(reason) => vec![reason.clone()],
        }
    }
}

/// Compares what is stored with what these trials would give now.
///
/// A cell is done only if its training is.
pub fn trial_statuses(
    store: &Store,
    trials: &[Trial],
    binding: &Binding,
) -> Result<Vec<TrialStatus>, StoreError> {
    let current = |trial| trial_status(store, trial, binding, Scorers::Current);
    trials.iter().map(current).collect()
}

/// As [`trial_statuses`], but a cell is done as well if nothing but its scorers are of another version:
/// its stored answers are those that a run would give now, its verdicts need not be.
pub fn rescorable_statuses(
    store: &Store,
    trials: &[Trial],
    binding: &Binding,
) -> Result<Vec<TrialStatus>, StoreError> {
    trials.iter().map(|trial| trial_status(store, trial, binding, Scorers::Any)).collect()
}

/// Whose verdicts make a cell done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scorers {
    Current,
    Any,
}

/// What the stored results of these trials were made with, as far as they tell: model, device and
/// settings of the first training that is stored, and the data of the first cell of each dataset.
///
/// `None` if no training is stored.
pub fn stored_binding(store: &Store, trials: &[Trial]) -> Result<Option<Binding>, StoreError> {
    let mut found: Option<Binding> = None;
    for trial in trials {
        let Stored::Present(identity, _) = store.read_training(trial)? else { continue };
        let Some(own) = binding_of(identity.json()) else { continue };
        let binding = found.get_or_insert(own);
        let trained_on = |key: &str| Some(identity.json()["train_on"][key].as_str()?.to_owned());
        note(&mut binding.data, trial.train_on, trained_on("data"));
        note(&mut binding.picks, trial.picks_key(), trained_on("picks"));
        note(&mut binding.prompts, Some(trial.key()), trained_on("prompts"));
        for cell in trial.cells() {
            if let Stored::Present(identity, _) = store.read_cell(trial, cell)? {
                let asked = |key: &str| Some(identity.json()[key].as_str()?.to_owned());
                note(&mut binding.data, Some(cell.target), asked("data"));
                note(&mut binding.prompts, Some(cell.to_string()), asked("prompts"));
            }
        }
    }
    Ok(found)
}

/// Keeps the first digest that is found under a key.
fn note<K: Ord>(digests: &mut BTreeMap<K, String>, key: Option<K>, found: Option<String>) {
    if let (Some(key), Some(found)) = (key, found) {
        digests.entry(key).or_insert(found);
    }
}

fn binding_of(training: &Value) -> Option<Binding> {
    let text = |key: &str| training[key].as_str().map(str::to_owned);
    Some(Binding {
        base_weights: text("base_weights")?,
        data: BTreeMap::new(),
        picks: BTreeMap::new(),
        prompts: BTreeMap::new(),
        device_kind: text("device_kind")?,
        precision: text("precision")?,
        threads: training["threads"].as_u64()?.try_into().ok()?,
        deterministic: training["deterministic"].as_bool()?,
        recompute: training["recompute"].as_bool()?,
    })
}

fn trial_status(
    store: &Store,
    trial: &Trial,
    binding: &Binding,
    scorers: Scorers,
) -> Result<TrialStatus, StoreError> {
    let training = store.read_training(trial)?;
    let training = state(training, &training_identity(trial, binding), Scorers::Current);
    let mut cells = Vec::new();
    for cell in trial.cells() {
        let stored = store.read_cell(trial, cell)?;
        let own = state(stored, &cell_identity(trial, cell, binding), scorers);
        cells.push((cell, after_training(own, &training)));
    }
    Ok(TrialStatus { trial: trial.clone(), training, cells })
}

fn state<R>(stored: Stored<R>, current: &Identity, scorers: Scorers) -> State<R> {
    match stored {
        Stored::Missing(reason) => State::Missing(reason),
        Stored::Present(identity, record) => {
            let mut stored = identity.json().clone();
            if scorers == Scorers::Any {
                stored["scorer"] = current.json()["scorer"].clone();
            }
            match differences(&stored, current.json()) {
                reasons if reasons.is_empty() => State::Done(record),
                reasons => State::Stale(reasons),
            }
        }
    }
}

fn after_training(own: State<CellRecord>, training: &State<TrainingRecord>) -> State<CellRecord> {
    let missing = |reason: &String| State::Missing(format!("its training is missing: {reason}"));
    match (own, training) {
        (State::Done(_), State::Stale(reasons)) => State::Stale(reasons.clone()),
        (State::Stale(own), State::Stale(reasons)) => {
            let is_told = |reason: &String| reason == FINE_TUNE_CHANGED || reasons.contains(reason);
            let others = own.into_iter().filter(|reason| !is_told(reason));
            State::Stale(reasons.iter().cloned().chain(others).collect())
        }
        (State::Done(_), State::Missing(reason)) => missing(reason),
        // Without the record, nobody knows any more what it was trained on.
        (State::Stale(own), State::Missing(reason))
            if own.iter().all(|reason| reason == FINE_TUNE_CHANGED) =>
        {
            missing(reason)
        }
        (own, _) => own,
    }
}

#[cfg(test)]
mod tests;
