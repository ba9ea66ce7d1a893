//! The one place where the program prints: standard output carries data, standard error everything else, and a
//! reader that has gone is no error.
//!
//! Texts of files that nobody trusts reach the terminal: names of classes, of tensors, of paths. So characters
//! that a terminal obeys instead of showing are written as JSON escapes them, in everything that is printed;
//! JSON keeps its meaning by that.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, ErrorKind, IsTerminal, Write},
};

use anyhow::Context;
use serde::Serialize;

use crate::words::{WIDTH, fit};

/// Prints data.
pub fn print(text: &str) -> anyhow::Result<()> {
    match write_out(escape(text).as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Prints lines for a reader; on a terminal they are broken between words. In a pipe they stay whole, for `grep`.
pub fn print_lines(text: &str) -> anyhow::Result<()> {
    match io::stdout().is_terminal() {
        true => print(&fit(text, WIDTH)),
        false => print(text),
    }
}

/// Blanks that fill a text up to a width in characters. A format's own width ends at 65,535, and panics beyond.
pub fn blanks(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.chars().count()))
}

/// Sends a value to the process that reads standard output, as a line of JSON.
pub fn send(value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    write_out(escape(&line).as_bytes())
}

/// Tells something that is no data; on a terminal lines are broken between words.
pub fn note(text: &str) {
    let text = escape(text);
    let mut stderr = io::stderr().lock();
    // With standard error closed there is nowhere to report it.
    let _ = match stderr.is_terminal() {
        true => write!(stderr, "{}", fit(&text, WIDTH)),
        false => writeln!(stderr, "{text}"),
    };
}

/// A text with nothing in it that a terminal obeys, but for line ends and tabs: no control character, and none
/// that turns the direction of reading or ends a line.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match is_obeyed(char) {
            // All of them lie in the Basic Multilingual Plane.
            true => write!(shown, "\\u{:04x}", u32::from(char)).expect("a string takes all"),
            false => shown.push(char),
        }
    }
    shown.into()
}

fn is_obeyed(char: char) -> bool {
    match char {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => true,
        char => char.is_control(),
    }
}

fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(escape("\u{1b}]0;owned\u{7}\u{1b}[31m"), "\\u001b]0;owned\\u0007\\u001b[31m");
        assert_eq!(
            escape("a\u{202e}b\u{2066}c\u{9b}d\u{7f}e\rf"),
            "a\\u202eb\\u2066c\\u009bd\\u007fe\\u000df"
        );
        for char in (0..=0x10ffff).filter_map(char::from_u32) {
            let text = char.to_string();
            let is_shown = escape(&text) == text;
            assert!(is_shown || escape(&text).is_ascii(), "{char:?}");
            assert!(!is_shown || !char.is_control() || matches!(char, '\n' | '\t'), "{char:?}");
        }
    }

    #[test]
    fn json_means_the_same_when_it_was_escaped() {
        let hostile: String = (0..0x3000).filter_map(char::from_u32).collect();
        let json = serde_json::to_string_pretty(&[&hostile]).unwrap();
        let [read]: [String; 1] = serde_json::from_str(&escape(&json)).unwrap();
        assert_eq!(read, hostile);
    }
}
