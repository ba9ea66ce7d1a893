//! Records to frames to tables and matrices.
//!
//! Owns the two frames (cells and training curves), their Parquet files and the Markdown report. Knows
//! nothing of how results are found on disk: it is handed records and a plan. Everything but
//! [`write_parquet`] is a pure function, so a report is a function of its results, to the byte.

mod results;
mod frames;
mod summary;
mod document;
mod table;
mod number;
mod markdown;
pub mod statistics;
pub mod gate;
mod error;

#[cfg(test)]
mod made;

pub use document::markdown_report;
pub use error::ReportError;
pub use frames::{cells_frame, curves_frame, write_parquet};
pub use results::{ReportContext, TrialResults};
