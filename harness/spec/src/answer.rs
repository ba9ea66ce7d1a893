//! What an answer says, and whether it is right: the published rule and the strict one.
//!
//! The published rule is that of the evaluation scripts in the paper's repository. It takes an answer
//! for right that merely contains the label: a list of all names, or a longer name.

/// White space as Python's `str.strip` and `\s` see it: Unicode's, and the four separators U+001C to U+001F.
pub(crate) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_python_space)
}

/// Takes what counts out of an answer as the published evaluation does: the text of the first
/// `<answer>…</answer>`, or all of it where there is no such tag or nothing in it.
pub fn extract_published(answer: &str) -> &str {
    match tag_text(answer).map(strip) {
        Some(inside) if !inside.is_empty() => inside,
        _ => strip(answer),
    }
}

/// Whether an answer has an answer tag with something in it.
pub fn has_answer_tag(answer: &str) -> bool {
    tag_text(answer).is_some_and(|inside| !strip(inside).is_empty())
}

/// The text between the first `<answer>` and the next `</answer>`, line breaks included.
pub(crate) fn tag_text(answer: &str) -> Option<&str> {
    let (_, rest) = answer.split_once("<answer>")?;
    rest.split_once("</answer>").map(|(inside, _)| inside)
}

/// The published verdict: the label is somewhere in the extracted answer, blind to case, as it stands
/// or with its underscores read as blanks.
pub fn is_correct_published(extracted: &str, label: &str) -> bool {
    is_published_in(&extracted.to_lowercase(), label)
}

/// The same for an extracted answer in lower case.
pub(crate) fn is_published_in(extracted: &str, label: &str) -> bool {
    // Most labels have letters that need no table and nothing to read as a blank: they are looked for as they stand.
    if label.is_ascii() && !label.is_empty() && !label.contains('_') {
        let places = extracted.as_bytes().windows(label.len());
        return places.into_iter().any(|place| place.eq_ignore_ascii_case(label.as_bytes()));
    }
    PublishedLabel::of(label).is_in(extracted)
}

/// A label as the published verdict looks for it.
#[derive(Debug)]
pub(crate) struct PublishedLabel {
    lower: String,
    spaced: String,
}

impl PublishedLabel {
    pub(crate) fn of(label: &str) -> Self {
        let lower = label.to_lowercase();
        PublishedLabel { spaced: lower.replace('_', " "), lower }
    }

    /// Whether the label is in an extracted answer in lower case.
    pub(crate) fn is_in(&self, extracted: &str) -> bool {
        let has_underscore = self.spaced != self.lower;
        extracted.contains(&self.lower) || (has_underscore && extracted.contains(&self.spaced))
    }
}

/// The strict verdict: what the answer says and the label are equal after normalisation (case,
/// underscores, runs of white space); it says its first tag's text, or all of it without a tag.
pub fn is_correct_strict(answer: &str, label: &str) -> bool {
    is_same_name(tag_text(answer).unwrap_or(answer), label)
}

/// Whether two texts are equal after normalisation.
pub(crate) fn is_same_name(a: &str, b: &str) -> bool {
    if !(a.is_ascii() && b.is_ascii()) {
        return normalise(a) == normalise(b);
    }
    let (mut a, mut b) = (words(a), words(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
            _ => return false,
        }
    }
}

/// Whether two texts are equal but for case.
pub(crate) fn is_equal_but_for_case(a: &str, b: &str) -> bool {
    match a.is_ascii() && b.is_ascii() {
        true => a.eq_ignore_ascii_case(b),
        false => a.to_lowercase() == b.to_lowercase(),
    }
}

/// Lower case, underscores as blanks, and one blank for any run of white space.
fn normalise(text: &str) -> String {
    words(&text.to_lowercase()).collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| c == '_' || is_python_space(c)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, label: &str, published: bool, strict: bool) {
        let extracted = extract_published(answer);
        assert_eq!(is_correct_published(extracted, label), published, "published: {answer:?}");
        assert_eq!(is_correct_strict(answer, label), strict, "strict: {answer:?}");
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

    #[test]
    fn labels_in_ascii_are_found_where_their_lower_case_is() {
        let labels =
            ["", "a", "Rose", "ROSE", "rose bush", "tree_frog", "É", "İ", "k", "ﬁ", "2012 BMW M3"];
        let texts = [
            "",
            "a rose",
            "ROSE BUSH",
            "Tree Frog",
            "tree_frog",
            "é",
            "i̇",
            "\u{212a}",
            "x2012 bmw m3y",
            "ro se",
        ];
        for (label, text) in labels.iter().flat_map(|label| texts.map(|text| (*label, text))) {
            let extracted = text.to_lowercase();
            let expected = PublishedLabel::of(label).is_in(&extracted);
            assert_eq!(is_published_in(&extracted, label), expected, "{label:?} in {text:?}");
        }
    }
}
