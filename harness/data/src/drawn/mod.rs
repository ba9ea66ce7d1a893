//! The embedded default: pictures, datasets, texts and a tokenizer that are made, not collected.
//!
//! Owns everything that a tiny model needs to be pre-trained and that the eleven drawn datasets
//! consist of, down to their bytes on disk. Knows nothing about models or about how a dataset is read.

pub mod captions;
pub mod classes;
pub mod colour;
mod layout;
pub mod picture;
pub mod shape;
mod sine;
pub mod style;
pub mod texture;
mod tiny_processor;
pub mod tiny_tokenizer;
pub mod write;

pub use captions::{Caption, CaptionKind};
pub use tiny_tokenizer::{TinyTokenizer, TinyTokenizerError};
pub use write::{DrawnError, write_drawn};
