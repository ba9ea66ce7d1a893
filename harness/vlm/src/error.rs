//! The one error type of this crate: files, configs, weights, prompts and devices of the world.
//!
//! Shapes inside the model are our own doing: a wrong one is a panic, not an error.

use std::{fmt, io, path::PathBuf};

/// What can be wrong with what comes from outside.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum VlmError {
    /// A file could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A file should hold JSON and does not.
    #[error("`{}` is not a JSON object", path.display())]
    Json {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    /// A config lacks keys or has impossible values: all of them.
    #[error("`{}` cannot be used:{}", path.display(), lines(problems))]
    Config { path: PathBuf, problems: Vec<String> },
    /// Tensors are missing, too many, misshapen, unreadable or not finite: all of them.
    #[error("the weights in `{}` cannot be used:{}", dir.display(), lines(problems))]
    Weights { dir: PathBuf, problems: Vec<WeightProblem> },
    /// A prompt does not fit the model.
    #[error("prompt {row} of the batch: {problem}")]
    Prompt { row: usize, problem: String },
    /// A model's logits have overflowed or are NaN: no token is the likeliest.
    #[error("row {row} of the batch: the logits of its new token {token} are not finite")]
    NotFinite { row: usize, token: usize },
    /// A device is unknown or not there.
    #[error("device `{name}`: {problem}")]
    Device { name: String, problem: String },
}

/// One tensor, or one file, that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightProblem {
    /// The file within the model directory.
    pub file: String,
    /// The tensor, unless the file as a whole is wrong.
    pub tensor: Option<String>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for WeightProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(tensor) = &self.tensor {
            write!(f, "tensor `{tensor}`: ")?;
        }
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl VlmError {
    /// Whether a file is gone, cut or holds something else, so that writing it anew would help.
    pub fn is_damage(&self) -> bool {
        match self {
            VlmError::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::FileTooLarge
            ),
            VlmError::Json { .. } | VlmError::Config { .. } | VlmError::Weights { .. } => true,
            VlmError::Prompt { .. } | VlmError::Device { .. } | VlmError::NotFinite { .. } => false,
        }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        VlmError::Io { action, path: path.into(), source }
    }
}

fn lines<T: fmt::Display>(problems: &[T]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}
