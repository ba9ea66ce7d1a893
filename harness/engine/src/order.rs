//! The order in which training examples are seen.
//!
//! Deviations from the published trainer (transformers 4.49's loop):
//! - Shuffles come from a stream of our own; there from torch's generator.
//! - What is left of an epoch after its whole steps is not seen until the next shuffle; there it makes a
//!   short step of its own, so that the same number of steps ends before the last epochs (EuroSAT at 4
//!   shots: 200 steps are 100 epochs of 32 of the 40 pictures here, 67 epochs of all of them there).
//! - A last step short of examples stays short; there, on several devices, the epoch's first examples
//!   fill it up.

use clsrl_spec::{Duration, Seed, Stream};

use crate::EngineError;

/// Makes the model inputs of a step from the positions of its examples in the training set.
pub type Prepare<'a, Input> = dyn Fn(&[usize]) -> Result<Vec<Input>, EngineError> + 'a;

/// Deals batches of example positions: every epoch is a fresh shuffle of all examples, cut into as
/// many batches as [`Duration::steps_per_epoch`] says; what is left over waits for the next shuffle.
#[derive(Debug)]
pub struct EpochOrder {
    stream: Stream,
    n_examples: usize,
    per_step: usize,
    steps_per_epoch: usize,
    shuffled: Vec<usize>,
    step_in_epoch: usize,
}

impl EpochOrder {
    /// The order of a trial, from its seed and the name of what is trained on.
    pub fn new(seed: Seed, name: &str, n_examples: usize, duration: &Duration) -> Self {
        EpochOrder {
            stream: Stream::new(seed, &["order", name]),
            n_examples,
            per_step: duration.prompts_per_step,
            steps_per_epoch: duration.steps_per_epoch(n_examples),
            shuffled: Vec::new(),
            step_in_epoch: 0,
        }
    }

    /// Examples of the training set.
    pub fn n_examples(&self) -> usize {
        self.n_examples
    }

    /// The positions of the next step's examples.
    pub fn next_batch(&mut self) -> Vec<usize> {
        if self.step_in_epoch == self.steps_per_epoch || self.shuffled.is_empty() {
            self.shuffled = (0..self.n_examples).collect();
            self.stream.shuffle(&mut self.shuffled);
            self.step_in_epoch = 0;
        }
        let start = self.step_in_epoch * self.per_step;
        let end = (start + self.per_step).min(self.n_examples);
        self.step_in_epoch += 1;
        self.shuffled[start..end].to_vec()
    }
}

/// Refuses a step whose loss or gradient norm is not a finite number.
pub(crate) fn check_finite(step: usize, loss: f64, grad_norm: f64) -> Result<(), EngineError> {
    for (what, found) in [("loss", loss), ("gradient norm", grad_norm)] {
        if !found.is_finite() {
            return Err(EngineError::NotFinite { step, what, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(n_examples: usize) -> EpochOrder {
        let duration = Duration { epochs: 2.0, prompts_per_step: 16, accumulation: 1 };
        EpochOrder::new(1, "dtd", n_examples, &duration)
    }

    #[test]
    fn an_epoch_sees_every_example_once() {
        let mut order = order(32);
        let mut seen = [order.next_batch(), order.next_batch()].concat();
        assert_ne!(seen, (0..32).collect::<Vec<_>>());
        seen.sort_unstable();
        assert_eq!(seen, (0..32).collect::<Vec<_>>());
    }

    #[test]
    fn fewer_examples_than_a_step_wants_make_a_smaller_step() {
        assert_eq!(order(10).next_batch().len(), 10);
    }

    #[test]
    fn the_last_step_of_an_epoch_may_be_short() {
        let mut order = order(20);
        assert_eq!((order.next_batch().len(), order.next_batch().len()), (16, 4));
    }
}
