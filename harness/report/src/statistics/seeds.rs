//! One number per seed: mean, spread and Student's interval.

use super::{Interval, Level, StatisticsError, level::t_quantile};

/// The same number under several seeds: finite, and at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedValues(Vec<f64>);

impl SeedValues {
    /// Takes the values. Refuses none at all, NaN and infinities.
    pub fn new(values: Vec<f64>) -> Result<Self, StatisticsError> {
        if values.is_empty() {
            return Err(StatisticsError::Empty { what: "seeds" });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(position) => Err(StatisticsError::NotFinite { position, found: values[position] }),
            None => Ok(SeedValues(values)),
        }
    }

    /// The values.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// Their mean, in their unit.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// Their standard deviation (n − 1), in their unit; none of one value.
    pub fn sd(&self) -> Option<f64> {
        (1 < self.0.len()).then(|| {
            let mean = self.mean();
            let squares: f64 = self.0.iter().map(|value| (value - mean).powi(2)).sum();
            (squares / (self.0.len() - 1) as f64).sqrt()
        })
    }

    /// Student's two-sided interval of the mean over seeds (Student 1908), in the values' unit; none of
    /// one value, whose spread nobody knows.
    pub fn t_interval(&self, level: Level) -> Option<Interval> {
        let n = self.0.len() as f64;
        let half = t_quantile(level.get() / 2.0, (n - 1.0).max(1.0)) * self.sd()? / n.sqrt();
        Some(Interval { lower: self.mean() - half, upper: self.mean() + half })
    }
}
