//! What another scorer makes of stored answers.

use clsrl_report::{Provenance, ScoreChange, TrialResults};
use clsrl_runner::{State, Store, TrialStatus};
use clsrl_spec::{Binding, CellKey, CellRecord, MethodId, Scorer, Trial, training_identity};

use crate::{output::note, stored_run::provenance};

/// The score that counted at the run, and the one that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Scorers {
    /// At the run.
    pub before: Scorer,
    /// Now.
    pub now: Scorer,
}

/// What happened to a cell.
#[derive(Debug)]
pub struct Cell {
    /// The trial's key.
    pub trial: String,
    pub method: MethodId,
    /// Which cell of it.
    pub key: CellKey,
    /// The version of the scorers at the run.
    pub scored_by: Option<u64>,
    /// How its verdicts change.
    pub change: ScoreChange,
}

/// Everything under its new verdicts.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The results under the new verdicts.
    pub results: Vec<TrialResults>,
    /// What happened to each cell.
    pub cells: Vec<Cell>,
    /// Cells without answers that can be read.
    pub n_left_out: usize,
}

impl Outcome {
    /// Re-scores a trial's cells; tells of those whose answers cannot be read.
    pub fn add(
        &mut self,
        store: &Store,
        status: &TrialStatus,
        binding: &Binding,
        scorers: Scorers,
    ) {
        let TrialStatus { trial, training: State::Done(training), cells, .. } = status else {
            return;
        };
        let provenance = provenance(status, binding);
        let mut results = TrialResults {
            trial: trial.clone(),
            training_id: training_identity(trial, binding).id(),
            training: training.record.clone(),
            cells: Vec::new(),
            provenance: Provenance { rescored: true, ..provenance },
        };
        for (key, state) in cells {
            let State::Done(done) = state else { continue };
            let stored = match store.read_predictions(trial, done) {
                Ok(stored) => stored,
                Err(why) => {
                    let trial = trial.key();
                    note(&format!("warning: cell `{key}` of trial `{trial}` is left out: {why}"));
                    self.n_left_out += 1;
                    continue;
                }
            };
            let identity = &done.identity;
            let rescored = clsrl_report::rescore(&done.record, &stored);
            let scored_by = identity.json()["scorer"].as_u64();
            let change = rescored.change(&stored, scorers.before, scorers.now);
            self.cells.push(Cell {
                trial: trial.key(),
                method: trial.method,
                key: *key,
                scored_by,
                change,
            });
            results.cells.push((identity.id(), rescored.record));
        }
        self.results.push(results);
    }

    /// The new record of a cell that has one.
    pub fn record(&self, trial: &Trial, cell: CellKey) -> &CellRecord {
        let of_trial = self.results.iter().filter(|results| results.trial == *trial);
        let mut records = of_trial.flat_map(|results| &results.cells).map(|(_, record)| record);
        records.find(|record| record.outcome.cell == cell).expect("only these cells are written")
    }

    /// What happened to all cells together.
    pub fn total(&self) -> ScoreChange {
        let mut total = ScoreChange::default();
        self.cells.iter().for_each(|cell| total += cell.change);
        total
    }
}
