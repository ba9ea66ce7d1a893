//! What the report says, as numbers: every aggregation over the rows, none of the wording.

mod survey;
mod score;
mod transfer;
mod classes;
mod clock;
mod curves;
mod pace;
mod steps;

pub use classes::Classes;
pub(crate) use clock::{Clock, Clocks};
pub(crate) use curves::{Curve, Curves};
pub(crate) use pace::Pace;
pub(crate) use score::Score;
pub(crate) use steps::{StepMean, StepMeans, StepValue};
pub(crate) use survey::{Arm, Counts, Group, Questions, Survey};
pub(crate) use transfer::{Transfer, TransferMatrix};

/// The mean of the numbers that are there; none of none.
fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
