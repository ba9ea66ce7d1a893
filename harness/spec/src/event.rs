//! What happens while a trial runs. Libraries send events; the program shows them.

use serde::{Deserialize, Serialize};

use crate::{CellKey, CellRecord, Prediction, StepRecord, StepSeconds, TrainingRecord};

/// One event of a running trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialEvent {
    /// Weights and data are being read.
    Loading,
    /// What an earlier run left counts as none, and the trial begins with its training.
    TrainsAgain {
        /// Why.
        reason: String,
    },
    /// An earlier attempt was stopped in the middle of the fine-tune, or of a cell, and this one goes on there.
    Resumed {
        /// The cell; none of the fine-tune.
        cell: Option<CellKey>,
        /// Steps or images done.
        done: usize,
        /// Steps or images of the whole.
        of: usize,
    },
    /// What an earlier attempt kept of the middle of a trial is damaged, and not used.
    StateUnused {
        /// Why.
        reason: String,
    },
    /// The middle of the fine-tune, or of a cell, is kept: a later attempt may go on from here.
    Saved {
        /// The cell; none of the fine-tune.
        cell: Option<CellKey>,
        /// Steps or images done.
        done: usize,
        /// Steps or images of the whole.
        of: usize,
    },
    /// The middle of a trial could not be kept; it goes on all the same.
    NotSaved {
        /// Why.
        reason: String,
    },
    /// The trial ends before it is done, because it was asked to; what it has is kept.
    Paused,
    /// An optimizer step is done.
    Trained {
        /// What it came to, its number included.
        step: StepRecord,
        /// What it took.
        seconds: StepSeconds,
        /// Steps of the whole training.
        of: usize,
    },
    /// Training is done, and what was learned is written.
    TrainingDone(Box<TrainingRecord>),
    /// Some images of a cell are answered.
    Evaluated {
        /// The cell.
        cell: CellKey,
        /// Images answered.
        done: usize,
        /// Images of the cell.
        of: usize,
    },
    /// A cell is done.
    CellDone(Box<CellRecord>, Vec<Prediction>),
}
