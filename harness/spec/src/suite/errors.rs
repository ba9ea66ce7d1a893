//! The mistakes of a suite file, as they are reported.

use std::fmt;

/// One mistake in a suite or in its protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// All mistakes of a suite and of its protocol, file by file, in the order of lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteErrors(pub Vec<SuiteError>);

impl std::error::Error for SuiteErrors {}

impl fmt::Display for SuiteErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, of_file) in self.0.chunk_by(|a, b| a.file == b.file).enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            let plural = if of_file.len() == 1 { "" } else { "s" };
            write!(f, "{newline}{} has {} error{plural}", of_file[0].file, of_file.len())?;
            for error in of_file {
                write!(f, "\n  line {}: {}", error.line, error.message)?;
            }
        }
        Ok(())
    }
}
