//! What is done, stale or missing: stored identities against those that the plan would give now.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use clsrl_spec::{
    Binding, CellKey, CellRecord, FINE_TUNE_CHANGED, Identity, SCORER_CHANGED, TrainingRecord,
    Trial, cell_identity, differences, training_identity,
};
use serde_json::Value;

use crate::{Store, StoreError, Stored, Verified};

/// The longest reason that is reported, in characters: a prompt that changed may have any length.
const MAX_REASON: usize = 400;

/// The state of a training or a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum State<R> {
    /// There is a record that holds, and running again would give the same.
    Done(Box<Verified<R>>),
    /// There is a record, but it was made under other conditions, and which.
    Stale(Vec<String>),
    /// There is no record that can be believed, and why.
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
    /// Whether its folder has the whole weights of another fine-tune, whose record is not there.
    pub foreign_checkpoint: bool,
}

/// The state of a trial that nobody has looked at: all of it is missing.
pub fn unknown_status(trial: &Trial) -> TrialStatus {
    let unknown = || "nobody has looked".to_owned();
    TrialStatus {
        trial: trial.clone(),
        training: State::Missing(unknown()),
        cells: trial.cells().into_iter().map(|cell| (cell, State::Missing(unknown()))).collect(),
        foreign_checkpoint: false,
    }
}

/// Finished results that a run would write over, and why it would.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Fine-tunes: a record, or kept weights.
    pub n_fine_tunes: usize,
    /// Cells.
    pub n_cells: usize,
    /// The trials' keys, in the order of the plan.
    pub trials: Vec<String>,
}

/// The finished results that a run would write over, by the reasons for which they are not what it would make;
/// in the order of the plan. What the same answers would be stored of again is not among them.
pub fn find_replaced(statuses: &[TrialStatus]) -> Vec<(Vec<String>, Replaced)> {
    let mut groups: Vec<(Vec<String>, Replaced)> = Vec::new();
    for status in statuses {
        let mut add = |reasons: Vec<String>, n_fine_tunes: usize, n_cells: usize| {
            if reasons.iter().all(|reason| reason.starts_with(SCORER_CHANGED)) {
                return;
            }
            let at = groups.iter().position(|(of_group, _)| *of_group == reasons);
            let at = at.unwrap_or_else(|| {
                groups.push((reasons, Replaced::default()));
                groups.len() - 1
            });
            let group = &mut groups[at].1;
            group.n_fine_tunes += n_fine_tunes;
            group.n_cells += n_cells;
            let trial = status.trial.key();
            if group.trials.last() != Some(&trial) {
                group.trials.push(trial);
            }
        };
        if let State::Stale(reasons) = &status.training {
            add(reasons.clone(), 1, 0);
        }
        if status.foreign_checkpoint {
            add(vec!["the kept weights are of another fine-tune".to_owned()], 1, 0);
        }
        for (_, state) in &status.cells {
            if let State::Stale(reasons) = state {
                add(reasons.clone(), 0, 1);
            }
        }
    }
    groups
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
        let Stored::Present(stored) = store.read_training(trial)? else { continue };
        let identity = stored.identity;
        let Some(own) = binding_of(identity.json()) else { continue };
        let binding = found.get_or_insert(own);
        let trained_on = |key: &str| Some(identity.json()["train_on"][key].as_str()?.to_owned());
        match trained_on("lists") {
            Some(lists) => {
                note(&mut binding.training_lists, trial.train_on, Some(lists));
                note(&mut binding.training_data, trial.picks_key(), trained_on("data"));
            }
            None => {
                binding.earlier.insert(trial.key());
                note(&mut binding.data, trial.train_on, trained_on("data"));
            }
        }
        note(&mut binding.picks, trial.picks_key(), trained_on("picks"));
        note(&mut binding.prompts, Some(trial.key()), trained_on("prompts"));
        for cell in trial.cells() {
            if let Some(identity) = store.read_cell_identity(trial, cell)? {
                let asked = |key: &str| Some(identity.json()[key].as_str()?.to_owned());
                note(&mut binding.data, Some(cell.target), asked("data"));
                if identity.json()["unlocked_source"].as_bool() == Some(true) {
                    binding.unlocked.extend(trial.train_on);
                }
                note(&mut binding.prompts, Some(cell.to_string()), asked("prompts"));
                let penalty = &mut binding.repetition_penalty;
                *penalty = penalty.take().or_else(|| asked("repetition_penalty"));
            }
        }
    }
    Ok(found)
}

/// The binding under which fine-tunes of earlier programs keep their identities, if nothing that those name has
/// changed: they named the data by the digest of the whole dataset, of which training reads a part.
pub fn keep_earlier(
    store: &Store,
    trials: &[Trial],
    binding: &Binding,
) -> Result<Binding, StoreError> {
    let mut kept = binding.clone();
    for trial in trials.iter().filter(|trial| trial.train_on.is_some()) {
        let Stored::Present(stored) = store.read_training(trial)? else { continue };
        let earlier = BTreeSet::from([trial.key()]);
        let earlier = training_identity(trial, &Binding { earlier, ..binding.clone() });
        if stored.identity == earlier {
            kept.earlier.insert(trial.key());
        }
    }
    Ok(kept)
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
        training_lists: BTreeMap::new(),
        training_data: BTreeMap::new(),
        unlocked: BTreeSet::new(),
        earlier: BTreeSet::new(),
        picks: BTreeMap::new(),
        prompts: BTreeMap::new(),
        repetition_penalty: None,
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
    let identity = training_identity(trial, binding);
    let training = state(training, &identity, Scorers::Current);
    let mut cells = Vec::new();
    for cell in trial.cells() {
        let stored = store.read_cell(trial, cell)?;
        let own = state(stored, &cell_identity(trial, cell, binding), scorers);
        let own = of_weights(own, &training, &store.cell_path(trial, cell));
        cells.push((cell, after_training(own, &training)));
    }
    let foreign_checkpoint = match (&training, store.checkpoint_mark(trial)) {
        (State::Missing(_), Some(mark)) => mark != identity.id(),
        _ => false,
    };
    Ok(TrialStatus { trial: trial.clone(), training, cells, foreign_checkpoint })
}

fn state<R>(stored: Stored<R>, current: &Identity, scorers: Scorers) -> State<R> {
    match stored {
        Stored::Missing(reason) => State::Missing(reason),
        Stored::Present(verified) => {
            let mut stored = verified.identity.json().clone();
            if scorers == Scorers::Any {
                stored["scorer"] = current.json()["scorer"].clone();
            }
            match differences(&stored, current.json()) {
                reasons if reasons.is_empty() => State::Done(verified),
                reasons => State::Stale(reasons.into_iter().map(shorten).collect()),
            }
        }
    }
}

/// A reason, or its beginning.
fn shorten(reason: String) -> String {
    match reason.char_indices().nth(MAX_REASON) {
        None => reason,
        Some((end, _)) => format!("{}…", &reason[..end]),
    }
}

/// A cell counts only beside the fine-tune whose weights answered.
fn of_weights(
    own: State<CellRecord>,
    training: &State<TrainingRecord>,
    path: &Path,
) -> State<CellRecord> {
    let (State::Done(cell), State::Done(training)) = (&own, training) else { return own };
    let expected = &training.record.outcome.weights_digest;
    match &cell.record.outcome.weights_digest {
        Some(found) if found != expected => State::Missing(format!(
            "its record `{}` is of weights {found}, its fine-tune's of {expected}",
            path.display()
        )),
        _ => own,
    }
}

fn after_training(own: State<CellRecord>, training: &State<TrainingRecord>) -> State<CellRecord> {
    let missing = |reason: &String| State::Missing(format!("its training is missing: {reason}"));
    match (own, training) {
        (State::Done(_), State::Stale(reasons)) => State::Stale(reasons.clone()),
        (State::Stale(own), State::Stale(reasons)) => {
            let is_reported =
                |reason: &String| reason == FINE_TUNE_CHANGED || reasons.contains(reason);
            let others = own.into_iter().filter(|reason| !is_reported(reason));
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
