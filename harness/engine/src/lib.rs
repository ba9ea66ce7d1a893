//! One trial, top to bottom: fine-tune, then evaluate on every target.

mod job;

pub use job::TrialJob;
