//! From disk to model input: datasets, few-shot sampling, choice lists, images, prompts, tokens.
//!
//! Owns what is read of a dataset's or a model's folder before the weights are. Knows nothing of
//! tensors, training or results.

pub mod datasets;
pub mod image;
pub mod text;
pub mod prompts;
pub mod lock;
mod bound;
mod model_dir;
mod sha256;

pub use bound::{BoundDataset, BoundError};
pub use model_dir::{ModelDirError, ModelFiles};
