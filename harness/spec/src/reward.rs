//! The rewards of a completion (the released `grpo.py` and `grpo_direct.py`).
//!
//! Deviations from the released code:
//! - Its accuracy reward asks a symbolic number match first; here it is the comparison of names alone.

use crate::{RewardId, answer::is_python_space, answer::strip};

/// Gives a completion one reward, 0 or 1. The solution is the label, with or without an answer tag.
pub fn reward(id: RewardId, completion: &str, solution: &str) -> f64 {
    let earned = match id {
        RewardId::Format => has_thinking_format(completion),
        RewardId::AccuracyString => names_label(completion, solution),
        RewardId::Equality => completion == first_line_tag(solution),
    };
    f64::from(earned)
}

/// `re.fullmatch(r"<think>.*?</think>\s*<answer>.*?</answer>", text, re.DOTALL)`: doubled and nested
/// tags pass, text before or after does not.
fn has_thinking_format(completion: &str) -> bool {
    let Some(rest) = completion.strip_prefix("<think>") else { return false };
    rest.match_indices("</think>").any(|(at, tag)| {
        let after = rest[at + tag.len()..].trim_start_matches(is_python_space);
        after.strip_prefix("<answer>").is_some_and(|answer| answer.ends_with("</answer>"))
    })
}

/// Both sides' first tag on one line, or their whole text; equal but for case.
fn names_label(completion: &str, solution: &str) -> bool {
    first_line_tag(completion).to_lowercase() == first_line_tag(solution).to_lowercase()
}

/// `re.search(r"<answer>(.*?)</answer>", text)`, stripped, where `.` is no line break; the stripped
/// whole text if nothing matches.
fn first_line_tag(text: &str) -> &str {
    let on_one_line = text.match_indices("<answer>").find_map(|(at, tag)| {
        let (inside, _) = text[at + tag.len()..].split_once("</answer>")?;
        (!inside.contains('\n')).then_some(inside)
    });
    strip(on_one_line.unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: RewardId, completion: &str, expected: f64) {
        assert_eq!(reward(id, completion, "<answer>rose</answer>"), expected, "{completion:?}");
    }

    #[test]
    fn the_format_wants_both_tags_and_nothing_around_them() {
        check(RewardId::Format, "<think>a</think> <answer>b</answer>", 1.0);
        check(RewardId::Format, "<think>a</think><answer>b</answer>\n", 0.0);
        check(RewardId::Format, "So: <think>a</think><answer>b</answer>", 0.0);
        check(RewardId::Format, "<think>a</think> so <answer>b</answer>", 0.0);
        check(RewardId::Format, "<think>a</think>b</think>\n<answer>c</answer>", 1.0);
    }

    #[test]
    fn accuracy_is_blind_to_case_but_not_to_line_breaks_in_the_tag() {
        check(RewardId::AccuracyString, "<answer> ROSE </answer>", 1.0);
        check(RewardId::AccuracyString, "<answer>\nrose\n</answer>", 0.0);
        check(RewardId::AccuracyString, "rose", 1.0);
    }

    #[test]
    fn equality_forgives_nothing() {
        check(RewardId::Equality, "rose", 1.0);
        check(RewardId::Equality, "Rose", 0.0);
        check(RewardId::Equality, "rose.", 0.0);
        check(RewardId::Equality, "rose\n", 0.0);
    }
}
