//! Verdicts by image: what every comparison on the same images rests on.
//!
//! Owns both scores' verdicts and the parse statuses of every finished cell, gathered in one pass over its
//! predictions, and whether those predictions are the ones that its record counts. Knows no formula.

mod check;
mod repeats;
mod cell;
mod suite;

#[cfg(test)]
mod tests;

pub(crate) use cell::{Answered, CellVerdicts, ParseCounts};
pub(crate) use check::check;
pub(crate) use repeats::Repeats;
pub use suite::SuiteVerdicts;
