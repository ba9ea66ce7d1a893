//! The report's document: sections, tables, wording.

mod accuracy;
mod names;
mod overview;
mod questions;
mod report;
mod training;
mod transfer;
mod wall_clock;

pub use report::markdown_report;

#[cfg(test)]
mod tests;
