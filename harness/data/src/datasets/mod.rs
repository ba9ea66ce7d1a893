//! The eleven datasets as they lie on disk, the pictures that few-shot training sees, and the question
//! that is asked about a picture.
//!
//! Knows CoOp's folder layout and nothing of pixels, tokens or models.

mod dataset;
mod error;
mod few_shot;
mod fgvc_aircraft;
mod imagenet;
mod layout;
mod model_dir;
mod python_random;
mod question;
mod sha256;
mod split_file;

pub use dataset::{Dataset, Example};
pub use error::{DatasetError, Faults};
pub use few_shot::{FewShot, sample_few_shot};
pub use model_dir::{ModelDirError, digest_model_dir};
pub use python_random::PythonRandom;
pub use question::{Question, ask, list_length};
