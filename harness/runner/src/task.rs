//! A task: what is left to do of one trial.

use std::path::PathBuf;

use clsrl_spec::{
    Binding, CellKey, CellRecord, Identity, Prediction, Training, TrainingRecord, Trial,
    TrialEvent, cell_identity, training_identity,
};

use crate::{State, Store, StoreError, TrialStatus};

/// What is left to do of one trial.
#[derive(Debug, Clone)]
pub struct Task {
    /// The trial.
    pub trial: Trial,
    /// The cells to evaluate, in the trial's order; never empty.
    pub cells: Vec<CellKey>,
    /// The training's record if its tuned weights are still there, so that it need not be repeated.
    pub trained: Option<TrainingRecord>,
    /// Where the tuned weights are kept until every cell is done.
    pub checkpoint_dir: PathBuf,
    /// The digest of the weights that the trial's finished cells were evaluated with.
    expected_weights: Option<String>,
    training_identity: Identity,
    cell_identities: Vec<Identity>,
}

/// Why an event of a trial cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The results folder fails, so no other trial would fare better.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The trial itself went wrong.
    #[error("{0}")]
    Trial(String),
}

/// Lists what is left to do, in the order of the plan.
pub fn tasks(store: &Store, statuses: &[TrialStatus], binding: &Binding) -> Vec<Task> {
    statuses.iter().filter_map(|status| task(store, status, binding)).collect()
}

fn task(store: &Store, status: &TrialStatus, binding: &Binding) -> Option<Task> {
    let trial = &status.trial;
    let left = status.cells.iter().filter(|(_, state)| !state.is_done());
    let cells: Vec<CellKey> = left.map(|&(cell, _)| cell).collect();
    if cells.is_empty() {
        return None;
    }
    let training_identity = training_identity(trial, binding);
    let done = match &status.training {
        State::Done(done) => Some(done),
        _ => None,
    };
    let weights_are_here =
        trial.training == Training::None || store.has_checkpoint(trial, &training_identity);
    let some_cells_are_done = cells.len() < status.cells.len();
    Some(Task {
        trained: done.filter(|_| weights_are_here).map(|done| done.record.clone()),
        expected_weights: done
            .filter(|_| some_cells_are_done)
            .map(|done| done.record.outcome.weights_digest.clone()),
        checkpoint_dir: store.checkpoint_dir(trial),
        cell_identities: cells.iter().map(|&cell| cell_identity(trial, cell, binding)).collect(),
        training_identity,
        trial: trial.clone(),
        cells,
    })
}

impl Task {
    /// The trial's readable name.
    pub fn key(&self) -> String {
        self.trial.key()
    }

    /// Makes the trial's folder ready: nothing half-written, no checkpoint that is not used.
    pub(crate) fn prepare(&self, store: &Store) -> Result<(), StoreError> {
        store.prepare(&self.trial, self.trained.is_some())
    }

    /// Writes what an event leaves behind.
    pub(crate) fn record(&self, store: &Store, event: &TrialEvent) -> Result<(), RecordError> {
        match event {
            TrialEvent::TrainingDone(record) => self.record_training(store, record),
            TrialEvent::CellDone(record, predictions) => {
                self.record_cell(store, record, predictions)
            }
            TrialEvent::Loading
            | TrialEvent::TrainsAgain { .. }
            | TrialEvent::Trained { .. }
            | TrialEvent::Evaluated { .. } => Ok(()),
        }
    }

    fn record_training(&self, store: &Store, record: &TrainingRecord) -> Result<(), RecordError> {
        let found = &record.outcome.weights_digest;
        if let Some(expected) = self.expected_weights.as_ref().filter(|&expected| expected != found)
        {
            // Otherwise the cells of one trial would come from two different models.
            return Err(RecordError::Trial(format!(
                "training again gave other weights: expected {expected}, found {found}\n\
                 hint: remove `{}` to start this trial over",
                store.trial_dir(&self.trial).display()
            )));
        }
        record.check().map_err(RecordError::Trial)?;
        Ok(store.write_training(&self.trial, &self.training_identity, record)?)
    }

    fn record_cell(
        &self,
        store: &Store,
        record: &CellRecord,
        predictions: &[Prediction],
    ) -> Result<(), RecordError> {
        record.check().map_err(RecordError::Trial)?;
        let cell = record.outcome.cell;
        let Some(idx) = self.cells.iter().position(|&wanted| wanted == cell) else {
            return Err(RecordError::Trial(format!("evaluated `{cell}`, which nobody asked for")));
        };
        Ok(store.write_cell(&self.trial, &self.cell_identities[idx], record, predictions)?)
    }
}
