//! The order in which training examples are seen.
//!
//! Deviations from the published trainer (transformers 4.49's loop):
//! - Shuffles come from a stream of our own; there from torch's generator.
//! - A last step short of examples stays short; there, on several devices, the epoch's first examples
//!   fill its last micro-batch up.
//!
//! As there, what is left of an epoch after its whole steps is a short step of its own that the number
//! of steps does not count: at 4 shots EuroSAT's 200 steps are 67 epochs of 40 images, not 100.

use std::collections::VecDeque;

use clsrl_spec::{Seed, StepRecord, Stream};

use crate::EngineError;

/// Makes the model inputs of a step from the positions of its examples in the training set.
pub type Prepare<'a, Input> = dyn Fn(&[usize]) -> Result<Vec<Input>, EngineError> + Sync + 'a;

/// Deals batches of example positions: every epoch is a fresh shuffle of all examples.
#[derive(Debug)]
pub struct EpochOrder {
    stream: Stream,
    n_examples: usize,
    per_step: usize,
    /// What is left of the epoch, in the order of its shuffle.
    left: VecDeque<usize>,
}

impl EpochOrder {
    /// The order of a trial, from its seed and the name of what is trained on.
    pub fn new(seed: Seed, name: &str, n_examples: usize, per_step: usize) -> Self {
        let stream = Stream::new(seed, &["order", name]);
        EpochOrder { stream, n_examples, per_step, left: VecDeque::new() }
    }

    /// The size of the training set.
    pub fn n_examples(&self) -> usize {
        self.n_examples
    }

    /// The positions of the next step's examples, which stay where they are.
    pub fn peek(&mut self) -> &[usize] {
        self.reshuffle_at_the_end();
        let n = self.per_step.min(self.left.len());
        &self.left.make_contiguous()[..n]
    }

    /// The positions of the next step's examples.
    pub fn next_batch(&mut self) -> Vec<usize> {
        self.reshuffle_at_the_end();
        self.left.drain(..self.per_step.min(self.left.len())).collect()
    }

    /// Leaves out the examples of steps that are done.
    pub fn skip(&mut self, n_steps: usize) {
        (0..n_steps).for_each(|_| drop(self.next_batch()));
    }

    fn reshuffle_at_the_end(&mut self) {
        if self.left.is_empty() {
            let mut shuffled: Vec<usize> = (0..self.n_examples).collect();
            self.stream.shuffle(&mut shuffled);
            self.left = shuffled.into();
        }
    }
}

/// Refuses a step of which something is not a finite number.
pub(crate) fn check_finite(record: &StepRecord) -> Result<(), EngineError> {
    let StepRecord { step, loss, grad_norm, rollout, .. } = record;
    let mut numbers = vec![("loss", *loss), ("gradient norm", *grad_norm)];
    if let Some(rollout) = rollout {
        numbers.extend([("reward", rollout.reward_mean), ("divergence", rollout.kl)]);
        numbers.extend(rollout.rewards.iter().map(|reward| ("reward", *reward)));
        numbers.extend(rollout.entropy.map(|entropy| ("entropy", entropy)));
    }
    match numbers.into_iter().find(|(_, found)| !found.is_finite()) {
        None => Ok(()),
        Some((what, found)) => Err(EngineError::NotFinite { step: *step, what, found }),
    }
}

#[cfg(test)]
mod tests {
    use clsrl_spec::RolloutRecord;

    use super::*;

    fn order(n_examples: usize) -> EpochOrder {
        EpochOrder::new(1, "dtd", n_examples, 16)
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
    fn looking_ahead_changes_nothing() {
        let mut order = order(40);
        for _ in 0..4 {
            let seen = order.peek().to_vec();
            assert_eq!(order.next_batch(), seen);
        }
    }

    #[test]
    fn steps_that_are_left_out_are_those_that_would_have_come() {
        for n_steps in 0..7 {
            let (mut dealt, mut skipped) = (order(40), order(40));
            (0..n_steps).for_each(|_| drop(dealt.next_batch()));
            skipped.skip(n_steps);
            assert_eq!(dealt.next_batch(), skipped.next_batch());
        }
    }

    #[test]
    fn fewer_examples_than_a_step_wants_make_a_smaller_step() {
        assert_eq!(order(10).next_batch().len(), 10);
    }

    #[test]
    fn the_last_step_of_an_epoch_may_be_short() {
        let mut order = order(40);
        let lengths = [(); 4].map(|()| order.next_batch().len());
        assert_eq!(lengths, [16, 16, 8, 16]);
    }

    #[test]
    fn a_step_tells_finite_numbers_or_ends_the_training() {
        let rollout = RolloutRecord {
            reward_mean: 1.0,
            rewards: vec![0.5, 0.5],
            kl: 0.1,
            entropy: Some(2.0),
            mean_tokens: 3.0,
            truncated: 0.0,
            zero_variance_groups: 0.0,
        };
        let step = |change: fn(&mut StepRecord, &mut RolloutRecord)| {
            let (mut rollout, loss) = (rollout.clone(), 1.0);
            let (grad_norm, learning_rate) = (2.0, 1e-6);
            let mut record = StepRecord { step: 3, loss, grad_norm, learning_rate, rollout: None };
            change(&mut record, &mut rollout);
            check_finite(&StepRecord { rollout: Some(rollout), ..record })
                .err()
                .map(|e| e.to_string())
        };
        assert_eq!(step(|_, _| ()), None);
        let found = [
            ("loss is not finite, found NaN", step(|record, _| record.loss = f64::NAN)),
            (
                "gradient norm is not finite, found inf",
                step(|record, _| record.grad_norm = f64::INFINITY),
            ),
            ("reward is not finite, found NaN", step(|_, rollout| rollout.reward_mean = f64::NAN)),
            (
                "reward is not finite, found -inf",
                step(|_, rollout| rollout.rewards[1] = f64::NEG_INFINITY),
            ),
            ("divergence is not finite, found inf", step(|_, rollout| rollout.kl = f64::INFINITY)),
            (
                "entropy is not finite, found NaN",
                step(|_, rollout| rollout.entropy = Some(f64::NAN)),
            ),
        ];
        for (expected, found) in found {
            assert!(
                found.as_ref().is_some_and(|text| text.contains(expected)),
                "{expected}: {found:?}"
            );
        }
    }
}
