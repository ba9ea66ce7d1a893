//! The five characters that markup cannot hold as they are, for HTML, SVG and JUnit alike.
//!
//! What becomes of control characters is each format's own rule, and stands there.

/// How XML and HTML write a character that has a meaning of its own, in an element and in a quoted attribute.
pub(crate) fn entity(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    }
}

/// Escapes the characters of a text, each after `keep` has said what it becomes.
pub(crate) fn escape(text: &str, keep: impl Fn(char) -> char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().map(keep) {
        match entity(character) {
            Some(entity) => escaped.push_str(entity),
            None => escaped.push(character),
        }
    }
    escaped
}
