//! How the program ends: one enum of exit codes, and how an error is reported.

use std::fmt;

use crate::output::note;

/// Every way in which the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// An error that has no code of its own.
    Unexpected = 1,
    /// A wrong argument or suite file.
    Usage = 2,
    /// The gate found a regression.
    Regression = 3,
    /// The selection is empty.
    NothingSelected = 4,
    /// Something failed or is missing: trials, or what was to be fetched.
    Incomplete = 5,
    /// The gate cannot tell.
    Inconclusive = 6,
    /// Data or weights are not those that were expected.
    Differs = 7,
    /// The program does not compute here what it should.
    SelfTest = 8,
    /// Ended where the same command goes on, as it was asked to.
    Paused = 75,
    /// Interrupted from the terminal.
    Interrupted = 130,
    /// Asked to end.
    Terminated = 143,
}

impl Exit {
    const ALL: [Exit; 12] = [
        Exit::Ok,
        Exit::Unexpected,
        Exit::Usage,
        Exit::Regression,
        Exit::NothingSelected,
        Exit::Incomplete,
        Exit::Inconclusive,
        Exit::Differs,
        Exit::SelfTest,
        Exit::Paused,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "all went well",
            Exit::Unexpected => "unexpected error",
            Exit::Usage => "wrong usage or bad suite file",
            Exit::Regression => "regression found",
            Exit::NothingSelected => "nothing selected",
            Exit::Incomplete => "incomplete: something failed or is missing",
            Exit::Inconclusive => "inconclusive",
            Exit::Differs => "data, model or weights are not what they should be",
            Exit::SelfTest => "self-test failed",
            Exit::Paused => "paused (SIGUSR1, --stop-after): the same command goes on",
            Exit::Interrupted => "interrupted (SIGINT)",
            Exit::Terminated => "told to end (SIGTERM, SIGHUP)",
        }
    }

    /// The table of exit codes, for `--help`.
    pub fn table() -> String {
        let row = |exit: Exit| format!("\n  {:>3}  {}", exit as u8, exit.meaning());
        format!("Exit codes:{}", Exit::ALL.map(row).concat())
    }

    /// Makes an error end the program with this code.
    pub fn because(self, error: impl Into<anyhow::Error>) -> anyhow::Error {
        anyhow::Error::new(Coded { exit: self, error: error.into() })
    }
}

/// An error and the code that it ends the program with.
#[derive(Debug)]
struct Coded {
    exit: Exit,
    error: anyhow::Error,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Coded {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Tells an error on standard error, and gives the code to end with.
pub fn tell(ended: anyhow::Result<Exit>) -> Exit {
    match ended {
        Ok(exit) => exit,
        Err(error) => {
            note(describe(&error).trim_end());
            code(&error)
        }
    }
}

/// The code that an error ends the program with.
pub fn code(error: &anyhow::Error) -> Exit {
    error.downcast_ref().map_or(Exit::Unexpected, |coded: &Coded| coded.exit)
}

/// Writes an error out: what happened, its causes indented, then the hints of all of them.
pub fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut hints = String::new();
    for (depth, cause) in error.chain().enumerate() {
        for (n, line) in cause.to_string().lines().enumerate() {
            match (depth, n) {
                _ if line.trim_start().starts_with("hint:") => {
                    hints.push_str(line.trim_start());
                    hints.push('\n');
                }
                (0, 0) => text.push_str(&format!("error: {line}\n")),
                (0, _) => text.push_str(&format!("  {line}\n")),
                (_, 0) => text.push_str(&format!("  cause: {line}\n")),
                (_, _) => text.push_str(&format!("    {line}\n")),
            }
        }
    }
    text + &hints
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn causes_are_indented_and_hints_come_last() {
        let error = anyhow!("no space left\nhint: make room").context("cannot write `a`\nnor `b`");
        let expected =
            "error: cannot write `a`\n  nor `b`\n  cause: no space left\nhint: make room\n";
        assert_eq!(describe(&error), expected);
    }

    #[test]
    fn a_code_survives_context() {
        let coded: anyhow::Result<Exit> = Err(Exit::Usage.because(anyhow!("bad suite")));
        let error = coded.context("above").expect_err("it is an error");
        assert_eq!(error.downcast_ref::<Coded>().map(|coded| coded.exit), Some(Exit::Usage));
    }
}
