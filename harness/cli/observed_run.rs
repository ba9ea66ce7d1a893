//! The verdicts of a suite's last run, as they are found in its results without model and data.

use clsrl_report::{
    baseline::{Absent, Digests, Observed, SavedCell, SavedKey, Timing},
    gate::Absence,
};
use clsrl_runner::{State, Store, TrialStatus, stored_binding, trial_statuses};
use clsrl_spec::{Binding, CellKey, CellRecord, Selection, TrainingRecord};

use crate::{options::SuiteOptions, request::Request, stored_run::last_request};

/// The cells of a run, done or not.
pub struct Run {
    /// The suite and the part of it that was asked for.
    pub request: Request,
    /// What the results were made with, as far as they tell.
    pub binding: Binding,
    /// Every cell of the plan.
    pub observed: Vec<Observed>,
    /// How long it took; none unless everything is done, on one kind of machine.
    pub timing: Option<Timing>,
    /// The commit of the first record; `unknown` without one.
    pub commit: String,
    /// Cells that are done and whose records, or those of their fine-tunes, have no seal.
    pub n_unsealed: usize,
}

/// Reads a run: the last one, or a selection of what is there.
pub fn read_run(options: &SuiteOptions) -> anyhow::Result<Run> {
    let request = last_request(options)?;
    let store = request.store();
    let binding = stored_binding(&store, &request.trials)?.unwrap_or_else(Binding::unknown);
    let statuses = trial_statuses(&store, &request.trials, &binding)?;
    let observed: Vec<Observed> =
        statuses.iter().flat_map(|status| observe_trial(&store, status)).collect();
    let (trainings, cells) = records(&statuses);
    let is_done = observed.iter().all(|observed| observed.found.is_ok());
    let commit = trainings.first().map_or("unknown", |record| &record.run.place.commit).to_owned();
    let timing = match is_done {
        true => Timing::of(&binding.device_kind, trainings, cells),
        false => None,
    };
    let n_unsealed = statuses.iter().map(n_unsealed).sum();
    Ok(Run { request, binding, observed, timing, commit, n_unsealed })
}

impl Run {
    /// A line about cells whose records have no seal, if there are any.
    pub fn describe_unsealed(&self) -> Option<String> {
        (0 < self.n_unsealed).then(|| {
            format!(
                "{} cells have records of an earlier format, without a seal: counts and verdicts were checked",
                self.n_unsealed
            )
        })
    }

    /// What the cells were made from.
    pub fn digests(&self) -> Digests {
        Digests::of(&self.binding)
    }
}

/// Whether a cell is in a selection; the limit selects none.
pub fn is_selected(selection: &Selection, key: &SavedKey) -> bool {
    fn holds<T: PartialEq>(wanted: &Option<Vec<T>>, found: &T) -> bool {
        wanted.as_ref().is_none_or(|wanted| wanted.contains(found))
    }
    let source = key.source.as_ref();
    holds(&selection.methods, &key.method)
        && holds(&selection.datasets, &key.target())
        && source.is_none_or(|source| {
            holds(&selection.datasets, source)
                && holds(&selection.shots, &key.shots)
                && holds(&selection.seeds, &key.seed)
        })
}

fn observe_trial(store: &Store, status: &TrialStatus) -> Vec<Observed> {
    let observe = |(cell, state): &(CellKey, State<CellRecord>)| {
        let found = match state {
            State::Done(done) => store
                .read_predictions(&status.trial, done)
                .and_then(|predictions| SavedCell::of(&status.trial, &done.record, &predictions))
                .map_err(|reason| Absent { absence: Absence::Missing, reason }),
            State::Stale(reasons) => {
                Err(Absent { absence: Absence::Stale, reason: reasons.join("; ") })
            }
            State::Missing(reason) => {
                Err(Absent { absence: Absence::Missing, reason: reason.clone() })
            }
        };
        Observed { key: SavedKey::of(&status.trial, *cell), found }
    };
    status.cells.iter().map(observe).collect()
}

fn n_unsealed(status: &TrialStatus) -> usize {
    let is_trained_sealed = matches!(&status.training, State::Done(done) if done.is_sealed);
    let is_unsealed = |state: &State<CellRecord>| match state {
        State::Done(done) => !(done.is_sealed && is_trained_sealed),
        State::Stale(_) | State::Missing(_) => false,
    };
    status.cells.iter().filter(|(_, state)| is_unsealed(state)).count()
}

fn records(statuses: &[TrialStatus]) -> (Vec<&TrainingRecord>, Vec<&CellRecord>) {
    let (mut trainings, mut cells) = (Vec::new(), Vec::new());
    for status in statuses {
        if let State::Done(done) = &status.training {
            trainings.push(&done.record);
        }
        cells.extend(status.cells.iter().filter_map(|(_, state)| match state {
            State::Done(done) => Some(&done.record),
            State::Stale(_) | State::Missing(_) => None,
        }));
    }
    (trainings, cells)
}
