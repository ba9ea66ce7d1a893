//! The rewards of a completion (the released `grpo.py` and `grpo_direct.py`, and sound ones).
//!
//! Deviations from the released code: those of the number step, which [`reading`] lists.

mod judged;
mod format;
mod name;
mod reading;
mod pattern;
mod latex;
mod arithmetic;
mod value;

pub use judged::{Completion, Solution};
pub use reading::Reading;

use crate::RewardId;

/// Gives a completion one reward, 0 or 1. The solution is the label, with or without an answer tag.
pub fn reward(id: RewardId, completion: &str, solution: &str) -> f64 {
    f64::from(Completion::new(completion).earns(id, &Solution::new(solution)))
}

#[cfg(test)]
mod tests;
