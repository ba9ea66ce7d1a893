//! Gradient checkpointing of a layer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clsrl_libtorch::recompute;
use tch::Tensor;

/// A layer whose activations can be recomputed in the backward pass instead of being kept. The lock is never waited for: it
/// is there because the backward pass of a GPU runs on a thread of its own while this one waits.
pub(crate) struct Checkpointed<L>(Arc<Mutex<L>>);

impl<L: Send + 'static> Checkpointed<L> {
    pub(crate) fn new(layer: L) -> Self {
        Checkpointed(Arc::new(Mutex::new(layer)))
    }

    /// Runs the layer as it is: its activations are kept.
    pub(crate) fn with<R>(&self, forward: impl FnOnce(&L) -> R) -> R {
        forward(&lock(&self.0))
    }

    /// Runs the layer. If `is_checkpointed`, only its inputs are kept, and the backward pass runs it again.
    pub(crate) fn run<const N: usize>(
        &self,
        is_checkpointed: bool,
        inputs: &[&Tensor],
        forward: impl Fn(&L, &[Tensor]) -> [Tensor; N] + Send + 'static,
    ) -> [Tensor; N] {
        let layer = Arc::clone(&self.0);
        let run = move |inputs: &[Tensor]| forward(&lock(&layer), inputs);
        if is_checkpointed {
            return recompute(inputs, run).unwrap_or_else(|error| panic!("{error}"));
        }
        let inputs: Vec<Tensor> = inputs.iter().map(|input| input.shallow_clone()).collect();
        run(&inputs)
    }
}

/// Nothing changes a layer, so that one that panicked, for want of memory, is as good as before.
fn lock<L>(layer: &Mutex<L>) -> MutexGuard<'_, L> {
    layer.lock().unwrap_or_else(PoisonError::into_inner)
}
