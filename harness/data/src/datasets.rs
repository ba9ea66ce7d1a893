//! The eleven datasets as they lie on disk, the images that few-shot training sees, and the question
//! that is asked about an image.
//!
//! Knows CoOp's folder layout and nothing of pixels, tokens or models.

mod dataset;
mod lists;
mod layout;
mod registry;
mod imagenet;
mod imagenet_labels;
mod caltech101;
mod oxford_pets;
mod stanford_cars;
mod oxford_flowers;
mod food101;
mod fgvc_aircraft;
mod sun397;
mod dtd;
mod eurosat;
mod ucf101;
mod split_file;
mod class_folders;
mod text_list;
mod text_file;
mod mat_file;
mod coop_split;
mod ledger;
mod places;
mod dataset_dir;
mod few_shot;
mod python_random;
mod coop_cache;
mod form_view;
mod question;
mod shared_names;
mod digest;
mod error;

pub use coop_cache::{few_shot_cache_paths, read_few_shot_cache};
pub use dataset::Dataset;
pub(crate) use dataset::read_marker;
pub use digest::{picks_digest, prompts_digest, questions_digest};
pub use error::{DatasetError, Faults};
pub use few_shot::{FewShot, pick_few_shot, sample_few_shot};
pub use form_view::{FormView, spread_positions};
pub use imagenet_labels::imagenet_validation_folders;
pub use layout::{Layout, Lists, ListsFrom, SplitFile};
pub use lists::Example;
pub(crate) use places::Outside;
pub use places::{Links, Places};
pub use python_random::PythonRandom;
pub use question::{Question, Questions, UnlabelledQuestions, list_length, question_text};
pub use registry::{layout_of, standard_split};
pub use shared_names::{Pair, shared_among, shared_names};
