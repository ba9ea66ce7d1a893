//! What can be wrong between a text and its tokens.

use std::{io, path::PathBuf};

/// A tokenizer that cannot be used, or tokens that are not what a prompt asks for.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A file of the tokenizer cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word on it.
        #[source]
        source: io::Error,
    },
    /// A file of the tokenizer does not parse.
    #[error("`{}` is not a tokenizer's file", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tokenizer is of another kind than Qwen2-VL's.
    #[error("`{}`: found {found}, expected a byte-level BPE tokenizer", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// In what it differs.
        found: String,
    },
    /// `tokenizer.json` and `tokenizer_config.json` disagree.
    #[error("`{}`: {}", path.display(), conflicts.join("\n  "))]
    Conflict {
        /// The file that adds tokens.
        path: PathBuf,
        /// Every disagreement.
        conflicts: Vec<String>,
    },
    /// A token that the program needs is not in the vocabulary.
    #[error("`{}` has no token `{token}`", path.display())]
    NoToken {
        /// The model's folder.
        path: PathBuf,
        /// The token.
        token: String,
    },
    /// The prompt has more or fewer places for images than there are images.
    #[error(
        "found {n_places} image tokens in the prompt, expected {n_images}\n\
         hint: a question or class name must not hold the image token's text"
    )]
    ImageCount {
        /// Image tokens in the prompt.
        n_places: usize,
        /// Images given.
        n_images: usize,
    },
    /// The tokens of a supervised example have no answer to learn.
    #[error("found no `<|im_start|>assistant` turn that ends in `<|im_end|>`, expected an answer")]
    NoAnswer,
}
