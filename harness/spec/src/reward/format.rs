//! The format rewards: whether a whole completion has the tags that its prompt asks for.
//!
//! They are the authors' regular expressions, matched in full and over line breaks: doubled and nested
//! tags pass, text before or after does not. What the tags hold is no business of theirs.

use crate::answer::is_python_space;

/// `<think>.*?</think>\s*<answer>.*?</answer>`.
pub fn has_thinking_format(completion: &str) -> bool {
    has_two_tags(completion, ["<think>", "</think>"], ["<answer>", "</answer>"])
}

/// `<answer>.*?</answer>\s*<reason>.*?</reason>` (paper E.2, which released no code).
pub fn has_answer_first_format(completion: &str) -> bool {
    has_two_tags(completion, ["<answer>", "</answer>"], ["<reason>", "</reason>"])
}

/// Either `<answer>.*?</answer>` or the thinking format (paper E.3, which released no code).
pub fn has_adaptive_format(completion: &str) -> bool {
    is_tag(completion, ["<answer>", "</answer>"]) || has_thinking_format(completion)
}

fn has_two_tags(text: &str, [open, close]: [&str; 2], second: [&str; 2]) -> bool {
    let Some(rest) = text.strip_prefix(open) else { return false };
    rest.match_indices(close)
        .any(|(at, _)| is_tag(rest[at + close.len()..].trim_start_matches(is_python_space), second))
}

fn is_tag(text: &str, [open, close]: [&str; 2]) -> bool {
    text.strip_prefix(open).is_some_and(|inside| inside.ends_with(close))
}
