//! Two runs, cell by cell and image by image: what accuracy changed, which settings differ, which answers flipped.
//!
//! Owns the pairing of two runs whatever suite, protocol or model they are of, and how the outcome is shown. A number is
//! of images that both runs answered; whatever else differs between its sides stands beside it. Judges nothing, which
//! `gate` does, with the same statistics. Knows nothing of files or of how results are found on disk.

mod pairs;
mod outcome;
mod text;
mod document;

#[cfg(test)]
mod tests;

pub use outcome::{Comparison, Flip, Measured, Remark, Row, Setting, Side};
pub use pairs::{CellOfRun, Comparer};
