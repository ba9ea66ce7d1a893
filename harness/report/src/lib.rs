//! Records to frames to tables and matrices.
//!
//! Owns the two frames (cells and training curves), their Parquet files and the Markdown report. Knows
//! nothing of how results are found on disk: it is handed records and a plan. Everything but
//! [`write_parquet`] is a pure function, so a report is a function of its results, to the byte.

mod document;
mod error;
mod frames;
mod markdown;
mod number;
mod results;
mod summary;
mod table;

#[cfg(test)]
mod made;

pub use document::markdown_report;
pub use error::ReportError;
pub use frames::{
    CELLS_SCHEMA_VERSION, CURVES_SCHEMA_VERSION, cells_frame, curves_frame, write_parquet,
};
pub use results::{ReportContext, TrialResults};
