//! Whether a model computes on this machine what it should: self-tests, and parity with a golden set.
//!
//! A check finds a number and says how large it may be. Self-tests compare ways of computing the same thing
//! with each other, so they need no reference and work on any weights.

mod check;
mod self_test;
mod golden;
mod golden_files;

pub use check::{Check, all_passed};
pub use golden::golden_checks;
pub use golden_files::GoldenError;
pub use self_test::self_tests;
