//! Levels, probabilities, intervals, and the quantiles that lead from one to the other.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::StatisticsError;

/// A significance level: above 0, below 1. The share of errors that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Level(f64);

impl Level {
    /// Five percent, two-sided: what a 95 % interval leaves out.
    pub const FIVE_PERCENT: Level = Level(0.05);

    /// Takes a number strictly between 0 and 1; NaN is not.
    pub fn new(level: f64) -> Result<Self, StatisticsError> {
        match 0.0 < level && level < 1.0 {
            true => Ok(Level(level)),
            false => Err(StatisticsError::BadLevel { found: level }),
        }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The level of each of `n` tests that together keep to this one (Bonferroni); itself for none.
    pub fn shared_by(self, n: usize) -> Level {
        Level(self.0 / n.max(1) as f64)
    }
}

/// A probability: 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Probability(f64);

impl Probability {
    /// Takes a number from 0 to 1; NaN is not.
    pub fn new(probability: f64) -> Result<Self, StatisticsError> {
        match (0.0..=1.0).contains(&probability) {
            true => Ok(Probability(probability)),
            false => Err(StatisticsError::BadProbability { found: probability }),
        }
    }

    /// A number that can leave the range by rounding alone.
    pub(crate) fn rounded(probability: f64) -> Self {
        Probability(probability.clamp(0.0, 1.0))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// A range of values, both ends included, in the unit of what it is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

impl Interval {
    /// Half the distance of the ends: what stands behind ±.
    pub fn half_width(self) -> f64 {
        (self.upper - self.lower) / 2.0
    }

    /// Whether a value lies inside, the ends included.
    pub fn has(self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }
}

/// The standard normal quantile that `tail` of the mass lies above.
pub(crate) fn normal_quantile(tail: f64) -> f64 {
    -Normal::standard().inverse_cdf(tail)
}

/// The quantile of Student's t that `tail` of the mass lies above.
pub(crate) fn t_quantile(tail: f64, degrees_of_freedom: f64) -> f64 {
    let t = StudentsT::new(0.0, 1.0, degrees_of_freedom)
        .expect("degrees of freedom are at least 1: there are two values or more");
    -t.inverse_cdf(tail)
}
