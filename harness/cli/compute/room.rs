//! The room that a run needs on the disk for weights: they are float32.

use std::path::Path;

use clsrl_spec::{Training, Trial};
use indicatif::DecimalBytes;

use crate::{model::float32_bytes, options::KeptWeights};

/// Room on the disk, and what for.
pub struct Room {
    /// The most that is taken at a time.
    pub n_bytes: u64,
    what: &'static str,
}

impl Room {
    /// The room that these trials need, so many at a time; none where the model's files do not tell its size.
    ///
    /// A state has two moments beside the weights, and of each trial's there are two; those of adapters are small.
    pub fn needed<'a>(
        trials: impl Iterator<Item = &'a Trial>,
        n_jobs: usize,
        model_dir: &Path,
        kept: KeptWeights,
    ) -> Option<Self> {
        let of_weights = float32_bytes(model_dir)?;
        let trained: Vec<&Trial> =
            trials.filter(|trial| !matches!(trial.training, Training::None)).collect();
        let n_at_once = if kept.checkpoints { trained.len() } else { trained.len().min(n_jobs) };
        let n_large = trained.iter().filter(|trial| trial.protocol.lora.is_none()).count();
        let n_states = if kept.states { n_large.min(n_jobs) } else { 0 };
        let what = match (n_states, kept.checkpoints) {
            (0, true) => "checkpoints, kept",
            (0, false) => "checkpoints, until a trial is done",
            (_, true) => "kept weights and of states",
            (_, false) => "weights and states till a trial is done",
        };
        Some(Room {
            n_bytes: of_weights.saturating_mul((n_at_once + 2 * 3 * n_states) as u64),
            what,
        })
    }

    /// Renders it, for a line.
    pub fn render(&self) -> String {
        format!("{} of {}", DecimalBytes(self.n_bytes), self.what)
    }
}
