//! Rows: what records hold, typed and flat, one field a column.
//!
//! Owns what a row is called and holds, in which order rows stand, and which records cannot be a table. Everything
//! that is estimated, written or shown comes from these rows. Knows no file format and no frame library; columns,
//! types and units are also listed in `results/README.md`.

mod column;
mod cell;
mod trial;
mod step;
mod sample;
mod class;
mod transfer;

pub(crate) use cell::table_order;
pub use cell::{CellRow, FineTune, MadeFrom};
pub use class::ClassRow;
pub use column::{Column, Field, FrameRow, Kind, Value};
pub(crate) use sample::CellOf;
pub use sample::SampleRow;
pub use step::StepRow;
pub use transfer::TransferRow;
pub(crate) use transfer::transfer_rows;
pub use trial::{Evaluated, Hyperparameters, TrialRow};

#[cfg(test)]
mod tests;
