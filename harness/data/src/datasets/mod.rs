//! The eleven datasets as they lie on disk, the pictures that few-shot training sees, and the question
//! that is asked about a picture.
//!
//! Knows CoOp's folder layout and nothing of pixels, tokens or models.

mod dataset;
pub(crate) mod layout;
mod split_file;
mod imagenet;
mod fgvc_aircraft;
mod few_shot;
mod python_random;
mod question;
mod error;

pub use dataset::{Dataset, Example};
pub use error::{DatasetError, Faults};
pub use few_shot::{FewShot, sample_few_shot};
pub use python_random::PythonRandom;
pub(crate) use question::question_text;
pub use question::{Question, ask, list_length};
