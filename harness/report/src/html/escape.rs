//! Text in HTML: in elements, in attributes, and as data in a script element.

use std::fmt::Write;

use serde::Serialize;

use crate::xml;

/// Plain text as HTML shows it, in an element and in a quoted attribute alike.
///
/// What no document may hold is replaced by U+FFFD, so that no text makes it another document.
pub(super) fn escape(text: &str) -> String {
    xml::escape(text, |character| match character {
        '\n' | '\t' => character,
        control if control.is_control() => '\u{fffd}',
        other => other,
    })
}

/// Data as JSON that cannot end the script element that it stands in, nor start a comment there.
///
/// Outside its texts JSON has none of these characters, so escaping them all changes no value.
pub(super) fn json(data: &impl Serialize) -> String {
    let plain = serde_json::to_string(data).expect("texts and numbers are JSON");
    let mut escaped = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(escaped, "\\u{:04x}", u32::from(character)).expect("a String takes all");
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use clsrl_spec::Stream;

    use super::*;

    /// What breaks out of HTML, of an attribute, of a script or of JSON, and what looks alike.
    const HOSTILE: [&str; 16] = [
        "<",
        ">",
        "&",
        "\"",
        "'",
        "</script>",
        "<!--",
        "-->",
        "<script",
        "]]>",
        "\u{2028}",
        "\u{2029}",
        "\0",
        "\\",
        "é",
        "\u{202e}",
    ];

    fn hostile_texts() -> impl Iterator<Item = String> {
        (0..2000).map(|seed| {
            let mut stream = Stream::new(seed, &["hostile texts"]);
            let n_parts = stream.below(9);
            (0..n_parts).map(|_| HOSTILE[stream.below(HOSTILE.len())]).collect()
        })
    }

    fn unescape(text: &str) -> String {
        let pairs =
            [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        pairs.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
    }

    #[test]
    fn no_text_leaves_its_element_or_its_attribute() {
        for text in hostile_texts() {
            let escaped = escape(&text);
            assert!(!escaped.contains(['<', '>', '"', '\'', '\0']), "{text:?}");
            let entities = ["&lt;", "&gt;", "&quot;", "&#39;", "&amp;"];
            let is_entity = |(at, _): (usize, &str)| {
                entities.iter().any(|entity| escaped[at..].starts_with(entity))
            };
            assert!(escaped.match_indices('&').all(is_entity), "{text:?}");
            assert_eq!(unescape(&escaped), text.replace('\0', "\u{fffd}"));
        }
    }

    #[test]
    fn no_text_leaves_its_script_and_all_come_back_from_json() {
        for text in hostile_texts() {
            let data = json(&[&text]);
            assert!(!data.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\0']), "{text:?}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&data).unwrap(), [text]);
        }
    }
}
