//! What the gate is asked: one cell or one average, before and after.

use crate::statistics::{Average, StatisticsError};

/// The drop of accuracy that is allowed, in points: finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct MaxDrop(f64);

impl MaxDrop {
    /// Takes a number of points, 0 to 100; NaN is not.
    pub fn new(points: f64) -> Result<Self, MaxDropError> {
        match (0.0..=100.0).contains(&points) {
            true => Ok(MaxDrop(points)),
            false => Err(MaxDropError { found: points }),
        }
    }

    /// The points.
    pub fn points(self) -> f64 {
        self.0
    }
}

/// A drop that cannot be allowed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the allowed drop is {found} points, expected a number from 0 to 100")]
pub struct MaxDropError {
    /// The number.
    pub found: f64,
}

/// One question to the gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What is compared, for the reader.
    pub name: String,
    /// The changes, or why there are none.
    pub evidence: Evidence,
    /// The drop that is allowed here.
    pub max_drop: MaxDrop,
}

/// What there is to judge.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// The changes of one cell, or of several.
    Changes(Average),
    /// Nothing, or nothing that can be compared. Never a pass.
    Absent(Absence),
}

/// Why a cell or an average cannot be judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Absence {
    /// It has no record, now or in the baseline.
    Missing,
    /// Its trial failed.
    Failed,
    /// Its record is of another identity than the plan's.
    Stale,
    /// Its data or weights are not those of the lock or of the baseline.
    LockDiffers,
    /// Its verdicts do not fit together.
    Unlike(StatisticsError),
}
