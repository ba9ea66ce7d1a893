//! Audits of a protocol: which wrong answers its rewards and scorers pay for, and in which fields two
//! protocols differ.
//!
//! A reward audit goes through every ordered pair of different class names. It is exact and needs
//! nothing but the names.

mod rewards;
mod judge;
mod case;
mod tally;
mod difference;
mod field;

pub use case::Case;
pub use difference::{Difference, differences_of_protocols};
pub use judge::Judge;
pub use rewards::RewardAudit;
pub use tally::{CaseTally, Paid, Tally};

#[cfg(test)]
mod tests;
