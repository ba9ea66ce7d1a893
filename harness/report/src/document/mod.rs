//! The report's document: sections, tables, wording.

mod report;
mod overview;
mod accuracy;
mod format;
mod questions;
mod wall_clock;
mod transfer;
mod training;
mod names;

pub use report::Report;

#[cfg(test)]
mod tests;
