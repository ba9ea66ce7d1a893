//! What can go wrong in a trial.

use clsrl_data::{BoundError, datasets::DatasetError, image::ImageError, text::TextError};
use clsrl_files::Differs;
use clsrl_libtorch::{LibtorchError, OutOfMemory};
use clsrl_vlm::VlmError;

/// An error of a trial.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Weights, config or device.
    #[error(transparent)]
    Model(#[from] VlmError),
    /// libtorch itself.
    #[error(transparent)]
    Libtorch(#[from] LibtorchError),
    /// A picture.
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
    /// A result could not be handed on or written.
    #[error("cannot keep a result")]
    Sink(#[source] std::io::Error),
    /// A prompt is longer than the settings allow.
    #[error(
        "the prompt of `{image}` has {found} tokens, expected at most {limit}\n\
         hint: raise `max_prompt_tokens`; a cut prompt would hide the question's end"
    )]
    PromptTooLong {
        /// The picture.
        image: String,
        /// Its prompt's length.
        found: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// The device has no memory for the smallest part that work can be cut into.
    #[error(
        "{n_tokens} tokens of one prompt and its answers have no room in the device's memory\n\
         hint: --recompute keeps less for the backward pass, --lora RANK trains less"
    )]
    OutOfMemory {
        /// Tokens of that part.
        n_tokens: usize,
    },
    /// The device has no memory for what is there whatever the size of the parts.
    #[error(
        "weights, gradients and what belongs to them have no room in the device's memory\n\
         hint: --lora RANK trains less; another program may be using the device"
    )]
    NoMemory(#[from] OutOfMemory),
    /// Training left the finite numbers.
    #[error("step {step}: the {what} is not finite, found {found}")]
    NotFinite {
        /// The optimizer step, counted from 1.
        step: usize,
        /// Loss or gradient norm.
        what: &'static str,
        /// Its value.
        found: f64,
    },
    /// A dataset has nothing to train on or to evaluate.
    #[error("`{dataset}` has no pictures in its {split} split")]
    Empty {
        /// The dataset.
        dataset: String,
        /// The split.
        split: &'static str,
    },
}

impl From<BoundError> for EngineError {
    fn from(error: BoundError) -> Self {
        match error {
            BoundError::Dataset(error) => error.into(),
            BoundError::Differs(differs) => differs.into(),
        }
    }
}
