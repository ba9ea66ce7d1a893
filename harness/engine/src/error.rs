//! What can go wrong in a trial.

use std::{error::Error, io, path::PathBuf};

use clsrl_data::{BoundError, datasets::DatasetError, image::ImageError, text::TextError};
use clsrl_files::{Differs, difference_in};
use clsrl_libtorch::{LibtorchError, OutOfMemory};
use clsrl_vlm::VlmError;

use crate::MemoryHint;

const LEARN_SLOWER: &str = "hint: a lower learning rate, or a smaller `max_grad_norm`";

/// An error of a trial.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum EngineError {
    /// Weights, config or device.
    #[error(transparent)]
    Model(#[from] VlmError),
    /// libtorch itself, for another reason than want of memory.
    #[error(transparent)]
    Libtorch(LibtorchError),
    /// An image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A dataset's lists or files.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A file of the data that is not what was checked.
    #[error("the data changed while it was used")]
    Differs(#[from] Differs),
    /// Tokenizer or prompt.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The files of a model directory are of different models.
    #[error("the files in `{}` do not fit each other:{}", dir.display(), indent(problems))]
    Misfit { dir: PathBuf, problems: Vec<String> },
    /// A result could not be handed on or written.
    #[error("cannot keep a result")]
    Sink(#[source] std::io::Error),
    /// A prompt is longer than the settings allow.
    #[error(
        "the prompt of `{image}` has {found} tokens, expected at most {limit}\n\
         hint: raise `max_prompt_tokens`; a cut prompt would hide the question's end"
    )]
    PromptTooLong { image: String, found: usize, limit: usize },
    /// The device has no memory for the smallest part that work can be cut into.
    #[error("out of memory: {n_tokens} tokens of one prompt and its answers do not fit the device")]
    OutOfMemory { n_tokens: usize },
    /// The device has no memory for what is there whatever the size of the parts.
    #[error("out of memory: weights, gradients and optimizer state do not fit the device")]
    NoMemory(#[from] OutOfMemory),
    /// Memory ran out, and what can be done about it.
    #[error("{what}\nhint: {hint}")]
    Memory { what: String, hint: MemoryHint },
    /// A checkpoint cannot be removed.
    #[error("cannot remove `{}`", path.display())]
    Checkpoint { path: PathBuf, source: io::Error },
    /// The middle of a trial cannot be kept.
    #[error("cannot write `{}`", path.display())]
    State { path: PathBuf, source: io::Error },
    /// What is kept beside a checkpoint cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A prompt recipe beside a checkpoint is none of it.
    #[error("`{}`: {problem}", path.display())]
    Recipe { path: PathBuf, problem: String },
    /// The weights of a checkpoint are not those of its record.
    #[error(
        "`{}` has other weights than its record: expected {expected}, found {found}",
        path.display()
    )]
    OtherWeights { path: PathBuf, expected: String, found: String },
    /// Training left the finite numbers.
    #[error("step {step}: the {what} is not finite, found {found}\n{LEARN_SLOWER}")]
    NotFinite { step: usize, what: &'static str, found: f64 },
    /// Training left the finite numbers in its last step.
    #[error("after the last step the weight `{name}` is not finite\n{LEARN_SLOWER}")]
    WeightNotFinite { name: String },
    /// The model answers nothing: its logits have overflowed or are NaN.
    #[error(
        "the logits of token {token} of the {what} about `{image}` are not finite\n\
         hint: weights that give no numbers cannot be evaluated; look at the fine-tune's losses, or at the start model"
    )]
    LogitsNotFinite { what: &'static str, image: String, token: usize },
    /// Fewer images were answered about than the cell is of.
    #[error("`{cell}` has answers about {found} images, expected {expected}")]
    TooFew { cell: String, found: usize, expected: usize },
    /// A dataset has nothing to train on or to evaluate.
    #[error("`{dataset}` has no images in its {split} split")]
    Empty { dataset: String, split: &'static str },
}

impl From<BoundError> for EngineError {
    fn from(error: BoundError) -> Self {
        match error {
            BoundError::Dataset(error) => error.into(),
            BoundError::Differs(differs) => differs.into(),
        }
    }
}

fn indent(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

impl From<LibtorchError> for EngineError {
    fn from(error: LibtorchError) -> EngineError {
        if error.is_out_of_memory() { OutOfMemory.into() } else { EngineError::Libtorch(error) }
    }
}

impl EngineError {
    /// Whether weights or data are not what they were when they were checked, or no model at all.
    pub fn is_difference(&self) -> bool {
        let is_no_model = match self {
            EngineError::Model(error) => matches!(
                error,
                VlmError::Config { .. } | VlmError::Weights { .. } | VlmError::Json { .. }
            ),
            EngineError::Differs(_)
            | EngineError::Recipe { .. }
            | EngineError::OtherWeights { .. } => true,
            _ => false,
        };
        is_no_model || difference_in(self).is_some()
    }

    /// The error and its causes on one line.
    pub(crate) fn in_one_line(&self) -> String {
        let mut text = self.to_string();
        let mut cause = Error::source(self);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text.replace('\n', " ")
    }

    /// Tells what can be done where memory ran out.
    pub(crate) fn with_hint(self, hint: MemoryHint) -> Self {
        match self {
            EngineError::OutOfMemory { .. } | EngineError::NoMemory(_) => {
                EngineError::Memory { what: self.to_string(), hint }
            }
            other => other,
        }
    }

    /// Names the image where a row of a batch has no finite logits.
    pub(crate) fn about<'p>(self, what: &'static str, image: impl Fn(usize) -> &'p str) -> Self {
        match self {
            EngineError::Model(VlmError::NotFinite { row, token }) => {
                EngineError::LogitsNotFinite { what, image: image(row).to_owned(), token }
            }
            other => other,
        }
    }
}
