//! A layer that may be run again in the backward pass.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clsrl_libtorch::recompute;
use tch::Tensor;

/// A layer whose activations can be computed again instead of being kept. The lock is never waited for: it
/// is there because the backward pass of a GPU runs on a thread of its own while this one waits.
pub(crate) struct Repeatable<L>(Arc<Mutex<L>>);

impl<L: Send + 'static> Repeatable<L> {
    pub(crate) fn new(layer: L) -> Self {
        Repeatable(Arc::new(Mutex::new(layer)))
    }

    /// Does something with the layer, whose activations are kept.
    pub(crate) fn once<R>(&self, forward: impl FnOnce(&L) -> R) -> R {
        forward(&entered(&self.0))
    }

    /// Runs the layer. If `is_recomputed`, only its inputs are kept for the backward pass.
    pub(crate) fn run<const N: usize>(
        &self,
        is_recomputed: bool,
        inputs: &[&Tensor],
        forward: impl Fn(&L, &[Tensor]) -> [Tensor; N] + Send + 'static,
    ) -> [Tensor; N] {
        let layer = Arc::clone(&self.0);
        let run = move |inputs: &[Tensor]| forward(&entered(&layer), inputs);
        if is_recomputed {
            return recompute(inputs, run).unwrap_or_else(|error| panic!("{error}"));
        }
        let inputs: Vec<Tensor> = inputs.iter().map(|input| input.shallow_clone()).collect();
        run(&inputs)
    }
}

/// Nothing changes a layer, so that one that panicked, for want of memory, is as good as before.
fn entered<L>(layer: &Mutex<L>) -> MutexGuard<'_, L> {
    layer.lock().unwrap_or_else(PoisonError::into_inner)
}
