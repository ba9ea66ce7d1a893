//! The report's document: sections, tables, wording.

mod report;
mod overview;
mod accuracy;
mod shown;
mod base_new;
mod shots;
mod format;
mod efficiency;
mod provenance;
mod questions;
mod wall_clock;
mod transfer;
mod training;
mod classes;
mod matrix_figure;
mod plots;
mod illustrations;
mod names;

pub use illustrations::Figure;
pub use names::head as column_head;
pub use report::{InShort, Report, ReportFile};

#[cfg(test)]
mod tests;

#[cfg(test)]
mod illustrations_tests;
