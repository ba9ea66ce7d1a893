//! The accuracy of one run, and Wilson's interval around it.

use super::{Interval, Level, StatisticsError, level::normal_quantile};

/// So many of so many images; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    n_right: usize,
    n: usize,
}

impl Proportion {
    /// Counts right answers. Refuses no images, and more right answers than images.
    pub fn new(n_right: usize, n: usize) -> Result<Self, StatisticsError> {
        match (n, n_right <= n) {
            (0, _) => Err(StatisticsError::Empty { what: "images" }),
            (_, false) => Err(StatisticsError::CountTooLarge { counted: n_right, n }),
            (_, true) => Ok(Proportion { n_right, n }),
        }
    }

    /// The accuracy, in percent.
    pub fn pct(self) -> f64 {
        100.0 * self.n_right as f64 / self.n as f64
    }

    /// Wilson's score interval (Wilson 1927, without continuity correction), two-sided, in percent.
    ///
    /// Unlike the one that adds and subtracts a standard error it has a width where all answers are
    /// right or wrong, and holds its level for a few dozen images.
    pub fn wilson_pct(self, level: Level) -> Interval {
        let n = self.n as f64;
        let share = self.n_right as f64 / n;
        let z = normal_quantile(level.get() / 2.0);
        let scale = 1.0 + z * z / n;
        let middle = (share + z * z / (2.0 * n)) / scale;
        let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt() / scale;
        // At the ends of the scale the formula is exact and its rounding is not.
        let lower = if self.n_right == 0 { 0.0 } else { middle - half };
        let upper = if self.n_right == self.n { 1.0 } else { middle + half };
        Interval { lower: 100.0 * lower, upper: 100.0 * upper }
    }
}
