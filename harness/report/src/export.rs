//! Exports: results as other tools have them, made from the same rows as the tables.
//!
//! Owns the files of lm-evaluation-harness and of Every Eval Ever, and the cards of datasets and models on Hugging
//! Face. Every number in them stands beside what it is of: suite, protocol, the digest of the weights and the commit.
//! A cell's answers are read once and written as they come, because those of all cells may not fit into memory.

mod context;
mod cell;
mod file;
mod lm_eval;
mod every_eval_ever;
mod card;
mod licences;
mod dataset_card;
mod model_card;

pub use context::{BaseModel, ExportContext, PublishedData};
pub use dataset_card::{FrameSizes, dataset_card};
pub use every_eval_ever::write_every_eval_ever;
pub use lm_eval::write_lm_eval;
pub use model_card::{MODEL_CARD_MARK, model_card};

use std::path::PathBuf;

use crate::LeftOut;

/// What an export wrote, and what it could not.
#[derive(Debug, Default)]
pub struct Exported {
    /// Its files, in the order in which they were written.
    pub paths: Vec<PathBuf>,
    /// Cells without their answers, which are in no file.
    pub left_out: Vec<LeftOut>,
}

#[cfg(test)]
mod tests;
