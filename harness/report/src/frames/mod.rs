//! The frames: one row per cell, one row per optimizer step, and their Parquet files.
//!
//! Columns, types and units are listed in `results/README.md`.

mod cells;
mod curves;
mod parquet;

pub use cells::cells_frame;
pub use curves::curves_frame;
pub use parquet::write_parquet;

#[cfg(test)]
mod tests;
