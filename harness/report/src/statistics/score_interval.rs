//! The change of an accuracy on the same images, and Tango's interval around it.

use super::{Interval, Level, StatisticsError, level::normal_quantile};

/// Pairs of verdicts on the same images: how many there are, and how many differ which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairCounts {
    n: usize,
    n_worse: usize,
    n_better: usize,
}

impl PairCounts {
    /// Counts pairs. Refuses none, and more changes than pairs.
    pub fn new(n: usize, n_worse: usize, n_better: usize) -> Result<Self, StatisticsError> {
        let counted = n_worse.saturating_add(n_better);
        match (n, counted <= n) {
            (0, _) => Err(StatisticsError::Empty { what: "images" }),
            (_, false) => Err(StatisticsError::CountTooLarge { counted, n }),
            (_, true) => Ok(PairCounts { n, n_worse, n_better }),
        }
    }

    /// All pairs.
    pub fn n(self) -> usize {
        self.n
    }

    /// Right before, wrong after: McNemar's b.
    pub fn n_worse(self) -> usize {
        self.n_worse
    }

    /// Wrong before, right after: McNemar's c.
    pub fn n_better(self) -> usize {
        self.n_better
    }

    /// Those that differ.
    pub fn n_discordant(self) -> usize {
        self.n_worse + self.n_better
    }

    /// The change, in points.
    pub fn change_points(self) -> f64 {
        100.0 * (self.n_better as f64 - self.n_worse as f64) / self.n as f64
    }

    /// Tango's score interval of the change (Tango 1998), two-sided, in points.
    ///
    /// It has a width where no verdict differs, and holds its level for a few dozen images.
    pub fn score_interval_points(self, level: Level) -> Interval {
        let n = self.n as f64;
        let shares =
            Trinomial { n, worse: self.n_worse as f64 / n, better: self.n_better as f64 / n };
        let z = normal_quantile(level.get() / 2.0);
        Interval { lower: 100.0 * lower_end(shares, z), upper: 100.0 * upper_end(shares, z) }
    }
}

/// Shares of pairs that went each way; with weights, `n` is the effective number of pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trinomial {
    pub(crate) n: f64,
    pub(crate) worse: f64,
    pub(crate) better: f64,
}

/// The largest change that the score test at `z` does not reject, from −1 to 1.
pub(crate) fn upper_end(shares: Trinomial, z: f64) -> f64 {
    // The statistic falls as the supposed change rises.
    bisect(shares.better - shares.worse, 1.0, |change| -z < statistic(shares, change))
}

/// The smallest change that the score test at `z` does not reject, from −1 to 1.
pub(crate) fn lower_end(shares: Trinomial, z: f64) -> f64 {
    let mirrored = Trinomial { n: shares.n, worse: shares.better, better: shares.worse };
    -upper_end(mirrored, z)
}

/// Tango's statistic of a supposed change: the distance of the one seen, in standard errors under it.
fn statistic(shares: Trinomial, change: f64) -> f64 {
    let Trinomial { n, worse, better } = shares;
    let linear = (2.0 - better + worse) * change - better - worse;
    let constant = -worse * change * (1.0 - change);
    let root = (linear * linear - 8.0 * constant).max(0.0).sqrt();
    let supposed_worse = (root - linear) / 4.0;
    let variance = (2.0 * supposed_worse + change * (1.0 - change)) / n;
    let distance = better - worse - change;
    match (variance <= 0.0, distance == 0.0) {
        (_, true) => 0.0,
        (true, false) => distance.signum() * f64::INFINITY,
        (false, false) => distance / variance.sqrt(),
    }
}

/// The border between where a condition holds, at `low`, and where it does not.
pub(super) fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        match holds(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    (low + high) / 2.0
}
