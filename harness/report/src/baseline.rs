//! Baselines, and the gate as its user sees it: a run's verdicts kept as a file, a later run held to them.
//!
//! Owns the baseline's text, the pairing of two runs by seed and image, the wall-clock's verdict, and what
//! is shown of all of them. Judges no accuracy, which `gate` does. Knows nothing of files or of how results
//! are found on disk.

mod saved;
mod bits;
mod text;
mod error;
mod pairs;
mod wall_clock;
mod outcome;
mod show;

#[cfg(test)]
mod tests;

pub use error::BaselineError;
pub use outcome::{Family, GateOutcome, Row};
pub(crate) use pairs::Together;
pub use pairs::{Absent, Observed, Pairing};
pub use saved::{Baseline, Digests, SavedCell, SavedKey};
pub use wall_clock::{Timing, WallClock, WallClockVerdict};
