//! The frames: one row per cell, one per answered picture, one per optimizer step, and their files.
//!
//! Columns, types and units are listed in `results/README.md`.

mod cells;
mod curves;
mod samples;
mod transfer;
mod tally;
mod file;
mod text;
mod columns;

pub use cells::cells_frame;
pub use curves::curves_frame;
pub use file::{FrameFile, FrameFormat, write_frame};
pub use samples::{LeftOut, ReadPredictions, Samples, samples_frame, write_samples};
pub use tally::tally_samples;
pub(crate) use transfer::transfer_frame;

#[cfg(test)]
mod tests;
