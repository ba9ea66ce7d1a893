//! Frames: rows as polars has them, their files, and the counting of samples.
//!
//! Owns what is written and what users read; the only home of polars. Columns, types and units are listed in
//! `results/README.md`.

mod batch;
mod frame;
mod parquet;
mod file;
mod text;
mod samples;
mod tally;

pub use file::{FrameFile, FrameFormat, write_frame};
pub use frame::frame;
pub use samples::{SamplePaths, Samples, samples_frame, write_samples};
pub use tally::{SampleCounts, tally_samples};

#[cfg(test)]
mod tests;
