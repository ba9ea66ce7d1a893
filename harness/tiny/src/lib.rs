//! The embedded default: images, datasets, texts and a tokenizer that are made, not collected.
//!
//! Owns everything that a tiny model needs to be pre-trained and that the eleven drawn datasets
//! consist of, down to their bytes on disk. Knows nothing about weights or about how a dataset is read,
//! but where the real ones have their files.

pub mod write;
mod layout;
pub mod classes;
pub mod image;
pub mod style;
pub mod shape;
pub mod texture;
pub mod colour;
mod sine;
pub mod captions;
mod tokenizer;
mod model_files;
mod shared_names;

pub use captions::{Caption, CaptionKind};
pub use shared_names::shared_names_of_drawn;
pub use tokenizer::{TinyTokenizer, TinyTokenizerError};
pub use write::{DrawnError, write_drawn};
