//! What an answer says, and whether it is right: the published rule and the strict one.
//!
//! The published rule is the evaluation script of the paper's repository (PAPER §2.8). It takes an
//! answer for right that merely contains the label: a list of all names, or a longer name.

/// White space as Python's `str.strip` and `\s` see it: Unicode's, and the four separators U+001C to U+001F.
pub(crate) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_python_space)
}

/// Takes the answer out of a completion as the published evaluation does: the text of the first
/// `<answer>…</answer>`, or all of it where there is no such tag or nothing in it.
pub fn extract_published(completion: &str) -> &str {
    match tag_text(completion).map(strip) {
        Some(inside) if !inside.is_empty() => inside,
        _ => strip(completion),
    }
}

/// Whether a completion has an answer tag with something in it.
pub fn has_answer_tag(completion: &str) -> bool {
    tag_text(completion).is_some_and(|inside| !strip(inside).is_empty())
}

/// The text between the first `<answer>` and the next `</answer>`, line breaks included.
fn tag_text(completion: &str) -> Option<&str> {
    let (_, rest) = completion.split_once("<answer>")?;
    rest.split_once("</answer>").map(|(inside, _)| inside)
}

/// The published verdict: the label is somewhere in the extracted answer, blind to case, as it stands
/// or with its underscores read as blanks.
pub fn is_correct_published(extracted: &str, label: &str) -> bool {
    let (answer, label) = (extracted.to_lowercase(), label.to_lowercase());
    answer.contains(&label) || answer.contains(&label.replace('_', " "))
}

/// The strict verdict: answer and label are equal after normalisation (case, underscores, runs of
/// white space); the answer is the first tag's text, or all of a completion that has no tag.
pub fn is_correct_strict(completion: &str, label: &str) -> bool {
    normalise(tag_text(completion).unwrap_or(completion)) == normalise(label)
}

fn normalise(text: &str) -> String {
    let spaced = text.replace('_', " ").to_lowercase();
    spaced.split(is_python_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(completion: &str, label: &str, published: bool, strict: bool) {
        let extracted = extract_published(completion);
        assert_eq!(is_correct_published(extracted, label), published, "published: {completion:?}");
        assert_eq!(is_correct_strict(completion, label), strict, "strict: {completion:?}");
    }

    #[test]
    fn a_plain_right_answer_is_right_by_both() {
        check("<answer> Rose </answer>", "rose", true, true);
        check("apple pie", "apple_pie", true, true);
    }

    #[test]
    fn a_longer_name_that_contains_the_label_is_right_by_the_published_rule_only() {
        check("<answer>pink primrose</answer>", "rose", true, false);
        check("polka-dotted", "dotted", true, false);
    }

    #[test]
    fn the_whole_list_is_right_by_the_published_rule_only() {
        check("rose, tulip, lily", "tulip", true, false);
    }

    #[test]
    fn an_empty_tag_falls_back_on_the_thought_by_the_published_rule_only() {
        check("<think> a rose </think> <answer></answer>", "rose", true, false);
    }

    #[test]
    fn the_first_tag_counts() {
        check("<answer>tulip</answer> <answer>rose</answer>", "rose", false, false);
    }
}
