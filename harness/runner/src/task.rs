//! A task: what is left to do of one trial.

use std::{collections::BTreeSet, path::PathBuf};

use clsrl_spec::{
    Binding, CellKey, CellRecord, Identity, Prediction, Training, TrainingRecord, Trial,
    TrialEvent, cell_identity, training_identity,
};

use crate::{
    State, Store, StoreError, Stored, TrialStatus,
    store::{Publication, Published, RecordError},
};

/// What is left to do of one trial.
#[derive(Debug, Clone)]
pub struct Task {
    /// The trial.
    pub trial: Trial,
    /// The cells to evaluate, in the trial's order; never empty.
    pub cells: Vec<CellKey>,
    /// The training's record if its tuned weights are still there, so that it need not be repeated.
    pub trained: Option<TrainingRecord>,
    /// Where the tuned weights are kept until every cell is done; of this process alone.
    pub checkpoint_dir: PathBuf,
    /// Where the middle of the trial is kept; of this process alone.
    pub state_dir: PathBuf,
    /// Where the weights of `trained` are until then; none of what has none.
    weights: Option<PathBuf>,
    /// Whether its fine-tune's record was there when it began, with weights or without.
    had_training: bool,
    /// The ids of the identities whose results are written over.
    replaces: BTreeSet<String>,
    /// The digest of the weights that the trial's finished cells were evaluated with.
    expected_weights: Option<String>,
    training_identity: Identity,
    cell_identities: Vec<Identity>,
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
    let weights =
        done.and_then(|done| store.find_checkpoint(trial, &training_identity, &done.record));
    let weights_are_here = trial.training == Training::None || weights.is_some();
    let some_cells_are_done = cells.len() < status.cells.len();
    Some(Task {
        trained: done.filter(|_| weights_are_here).map(|done| done.record.clone()),
        expected_weights: done
            .filter(|_| some_cells_are_done)
            .map(|done| done.record.outcome.weights_digest.clone()),
        checkpoint_dir: store.own_checkpoint_dir(trial),
        state_dir: store.own_state_dir(trial, &training_identity),
        weights,
        had_training: done.is_some(),
        replaces: store.identities_there(trial),
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

    /// The id of the identity of its training.
    pub fn training_id(&self) -> String {
        self.training_identity.id()
    }

    /// The ids of the identities of its cells, in their order.
    pub fn cell_ids(&self) -> Vec<String> {
        self.cell_identities.iter().map(Identity::id).collect()
    }

    /// Begins an attempt at the trial, with the weights of earlier ones, or their middle, if those are there.
    pub(crate) fn prepare(&self, store: &Store) -> Result<(), StoreError> {
        store.take_over_state(&self.trial, &self.training_identity)?;
        store.prepare(&self.trial, self.weights.as_deref())
    }

    /// What is left after an attempt of this process that failed; `None` if all of it is there.
    pub(crate) fn rest(&self, store: &Store) -> Result<Option<Task>, StoreError> {
        let Stored::Present(training) = store.read_training(&self.trial)? else {
            return Ok(Some(self.clone()));
        };
        let mut rest = self.clone();
        if training.identity != self.training_identity {
            return Ok(Some(rest));
        }
        let digest = &training.record.outcome.weights_digest;
        rest.had_training = true;
        (rest.cells, rest.cell_identities) = (Vec::new(), Vec::new());
        for (&cell, identity) in self.cells.iter().zip(&self.cell_identities) {
            let is_done = match store.read_cell(&self.trial, cell)? {
                Stored::Present(found) => {
                    found.identity == *identity
                        && found.record.outcome.weights_digest.as_ref() == Some(digest)
                }
                Stored::Missing(_) => false,
            };
            if !is_done {
                rest.cells.push(cell);
                rest.cell_identities.push(identity.clone());
            }
        }
        rest.weights =
            store.find_checkpoint(&self.trial, &self.training_identity, &training.record);
        if rest.cells.len() < self.cells.len() {
            rest.expected_weights = Some(digest.clone());
        }
        if rest.weights.is_some() || self.trial.training == Training::None {
            rest.trained = Some(training.record);
        }
        Ok((!rest.cells.is_empty()).then_some(rest))
    }

    /// Publishes what an event leaves behind; says how, if it is a record.
    pub(crate) fn record(
        &self,
        store: &Store,
        event: &TrialEvent,
    ) -> Result<Option<Published>, RecordError> {
        match event {
            TrialEvent::TrainingDone(record) => self.record_training(store, record).map(Some),
            TrialEvent::CellDone(record, predictions) => {
                self.record_cell(store, record, predictions).map(Some)
            }
            TrialEvent::Loading
            | TrialEvent::TrainsAgain { .. }
            | TrialEvent::Resumed { .. }
            | TrialEvent::StateUnused { .. }
            | TrialEvent::Saved { .. }
            | TrialEvent::NotSaved { .. }
            | TrialEvent::Paused
            | TrialEvent::Trained { .. }
            | TrialEvent::Evaluated { .. } => Ok(None),
        }
    }

    fn record_training(
        &self,
        store: &Store,
        record: &TrainingRecord,
    ) -> Result<Published, RecordError> {
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
        let (trial, identity) = (&self.trial, &self.training_identity);
        // First, so that no moment has the record and lacks the weights.
        store.mark_checkpoint(trial, identity, record)?;
        let publication = Publication { trial, identity, record, replaces: &self.replaces };
        let published =
            store.publish_training(publication, &|other| self.is_of_no_use(store, other));
        if let Err(RecordError::Trial(_)) = published {
            store.unmark_checkpoint(trial)?;
        }
        if published.is_ok() {
            store.forget_states(trial)?;
        }
        // Where weights were lost and made again, no other attempt was quicker.
        published.map(|published| if self.had_training { Published::New } else { published })
    }

    /// Whether a fine-tune of the same identity and of other weights is of no use to anybody: its weights are lost, no
    /// cell was answered by them, and nobody else is at work on it.
    fn is_of_no_use(&self, store: &Store, other: &TrainingRecord) -> Result<bool, StoreError> {
        if store.has_company(&self.trial) {
            return Ok(false);
        }
        for (&cell, identity) in self.cells.iter().zip(&self.cell_identities) {
            if let Stored::Present(found) = store.read_cell(&self.trial, cell)? {
                let digest = found.record.outcome.weights_digest.as_ref();
                let is_by_them =
                    digest.is_none_or(|digest| *digest == other.outcome.weights_digest);
                if found.identity == *identity && is_by_them {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn record_cell(
        &self,
        store: &Store,
        record: &CellRecord,
        predictions: &[Prediction],
    ) -> Result<Published, RecordError> {
        record.check().map_err(RecordError::Trial)?;
        let cell = record.outcome.cell;
        let Some(idx) = self.cells.iter().position(|&wanted| wanted == cell) else {
            return Err(RecordError::Trial(format!("evaluated `{cell}`, which nobody asked for")));
        };
        store.check_weights(&self.trial, record)?;
        let publication = Publication {
            trial: &self.trial,
            identity: &self.cell_identities[idx],
            record,
            replaces: &self.replaces,
        };
        store.publish_cell(publication, predictions)
    }
}
