//! What a completion names: as the released code takes it, and soundly.

use crate::answer::strip;

/// The first answer tag on one line, stripped, or the whole text, stripped, where there is none:
/// `re.search(r"<answer>(.*?)</answer>", text)`, in which `.` is no line break.
pub fn first_line_tag(text: &str) -> &str {
    let on_one_line = text.match_indices("<answer>").find_map(|(at, tag)| {
        let (inside, _) = text[at + tag.len()..].split_once("</answer>")?;
        (!inside.contains('\n')).then_some(inside)
    });
    strip(on_one_line.unwrap_or(text))
}

/// The text of the only answer tag outside thoughts. A thought that does not end takes the rest of the
/// text with it.
pub fn only_answer(completion: &str) -> Option<String> {
    let spoken = without_thoughts(completion);
    let (before, rest) = spoken.split_once("<answer>")?;
    let (inside, after) = rest.split_once("</answer>")?;
    let is_only = [before, inside, after].iter().all(|part| !has_answer_mark(part));
    is_only.then(|| inside.to_owned())
}

fn has_answer_mark(text: &str) -> bool {
    text.contains("<answer>") || text.contains("</answer>")
}

fn without_thoughts(text: &str) -> String {
    let mut spoken = String::new();
    let mut rest = text;
    while let Some((before, thought)) = rest.split_once("<think>") {
        spoken.push_str(before);
        // What stood before a thought and what comes after it make no tag together.
        spoken.push('\n');
        rest = thought.split_once("</think>").map_or("", |(_, after)| after);
    }
    spoken + rest
}
