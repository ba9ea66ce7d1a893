//! What the report says, as numbers: every aggregation over the rows, none of the wording.

mod survey;
mod score;
mod transfer;
mod clock;
mod curves;
mod pace;
mod steps;

pub(crate) use clock::{Clock, Clocks};
pub(crate) use curves::{Curve, Curves};
pub(crate) use pace::Pace;
pub(crate) use score::Score;
pub(crate) use steps::{StepMean, StepMeans, StepValue};
pub(crate) use survey::{Arm, Counts, Group, Questions, Survey};
pub(crate) use transfer::{Transfer, TransferMatrix};

/// The mean over seeds of one number, and how many seeds it rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Stat {
    /// The mean over the seeds that are there.
    pub(crate) mean: Option<f64>,
    /// Their standard deviation (n − 1), from two seeds on.
    pub(crate) sd: Option<f64>,
    /// The values that are there.
    pub(crate) n: usize,
    /// The values that were planned.
    pub(crate) planned: usize,
}

/// The mean of the numbers that are there; none of none.
fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
