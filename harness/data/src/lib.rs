//! From disk to model input: datasets, few-shot sampling, choice lists, pictures, prompts, tokens.

pub mod datasets;
pub mod image;
pub mod text;
pub mod drawn;
