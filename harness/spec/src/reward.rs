//! The rewards of a completion (the released `grpo.py` and `grpo_direct.py`, and sound ones).
//!
//! Deviations from the released code: those of the number step, which [`reading`] lists.

mod format;
mod name;
mod reading;
mod pattern;
mod latex;
mod arithmetic;
mod value;

pub use reading::Reading;

use crate::RewardId;

/// Gives a completion one reward, 0 or 1. The solution is the label, with or without an answer tag.
pub fn reward(id: RewardId, completion: &str, solution: &str) -> f64 {
    let earned = match id {
        RewardId::Format => format::has_thinking_format(completion),
        RewardId::FormatAnswerFirst => format::has_answer_first_format(completion),
        RewardId::FormatAdaptive => format::has_adaptive_format(completion),
        RewardId::Accuracy => {
            has_number_of(completion, solution) || name::names_label(completion, solution)
        }
        RewardId::AccuracyString => name::names_label(completion, solution),
        RewardId::AccuracyStrict => name::says_label_once(completion, solution),
        RewardId::Equality => completion == name::first_line_tag(solution),
    };
    f64::from(earned)
}

/// The number step: the numbers of the whole completion and of the whole solution agree, whatever the
/// names say.
fn has_number_of(completion: &str, solution: &str) -> bool {
    let gold = Reading::of(solution);
    !gold.is_empty() && Reading::of(completion).agrees_with(&gold)
}

#[cfg(test)]
mod tests;
