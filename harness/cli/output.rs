//! Standard output carries data, standard error everything else; a reader that has gone is no error.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;

/// Prints data.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Blanks that fill a text up to a width in characters. A format's own width ends at 65,535, and panics beyond.
pub fn blanks(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.chars().count()))
}

/// Tells something that is no data.
pub fn note(text: &str) {
    // Nobody can be told that standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
