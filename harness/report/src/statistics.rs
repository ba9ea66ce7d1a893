//! Statistics of accuracies: intervals, paired comparisons, corrections. Pure functions over checked inputs.
//!
//! Owns the formulas and the types that keep NaN, an empty set and unlike pairs out of them. Knows
//! nothing of frames, records or documents. Accuracies and intervals are in percent, changes in points
//! of it, levels and p-values between 0 and 1.

mod level;
mod proportion;
mod square_and_add;
mod seeds;
mod verdicts;
mod scores;
mod mcnemar;
mod score_interval;
mod average;
mod change;
mod binomial;
mod fourier;
mod sums;
mod exact;
mod bootstrap;
mod holm;
mod detectable;
mod error;

#[cfg(test)]
mod tests;

pub use average::{Average, AveragedCell};
pub use bootstrap::{Bootstrap, BootstrapPlan};
pub use change::Change;
pub use detectable::{
    Design, Discordance, detectable_by_error, detectable_one_way, minimum_detectable_change,
};
pub use error::StatisticsError;
pub use holm::holm;
pub(crate) use level::t_quantile;
pub use level::{Interval, Level, Probability};
pub use mcnemar::{McNemar, mcnemar};
pub use proportion::Proportion;
pub use score_interval::PairCounts;
pub use scores::Scores;
pub use seeds::SeedValues;
pub(crate) use square_and_add::{Part, square_and_add};
pub use verdicts::Verdicts;
