//! What a running trial still owes, and whose its answers are.

use std::collections::BTreeSet;

use clsrl_spec::{CellKey, TrialEvent};

use crate::{
    Store, Task,
    failure::Failed,
    store::{Published, RecordError},
};

/// What a running trial still owes, and whose its answers are.
pub(super) struct Owed {
    cells: BTreeSet<CellKey>,
    /// The digest of the weights that its fine-tune's record is of, once there is one.
    weights: Option<String>,
}

impl Owed {
    pub(super) fn new(task: &Task) -> Self {
        let weights = task.trained.as_ref().map(|record| record.outcome.weights_digest.clone());
        Owed { cells: task.cells.iter().copied().collect(), weights }
    }

    /// Publishes what an event leaves behind; says how, if it is a record.
    pub(super) fn record(
        &mut self,
        store: &Store,
        task: &Task,
        event: &TrialEvent,
    ) -> Result<Option<Published>, RecordError> {
        if let TrialEvent::CellDone(record, _) = event {
            self.check_weights(record.outcome.weights_digest.as_ref())?;
        }
        let published = task.record(store, event)?;
        match event {
            TrialEvent::CellDone(record, _) => {
                self.cells.remove(&record.outcome.cell);
            }
            TrialEvent::TrainingDone(record) => {
                self.weights = Some(record.outcome.weights_digest.clone());
            }
            _ => {}
        }
        Ok(published)
    }

    fn check_weights(&self, found: Option<&String>) -> Result<(), RecordError> {
        let expected = self.weights.as_ref();
        if expected.is_none() || expected == found {
            return Ok(());
        }
        let shown = |digest: Option<&String>| digest.map_or("none", |digest| digest).to_owned();
        Err(RecordError::Trial(format!(
            "other weights answered than those of its fine-tune's record: expected {}, found {}",
            shown(expected),
            shown(found)
        )))
    }

    /// Fails if cells are missing at its end.
    pub(super) fn check_complete(&self) -> Result<(), Failed> {
        if self.cells.is_empty() {
            return Ok(());
        }
        let owed: Vec<String> = self.cells.iter().map(CellKey::to_string).collect();
        Err(Failed::because(format!("it ended without the cells {}", owed.join(", "))))
    }
}
