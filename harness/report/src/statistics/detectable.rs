//! What a comparison could have found: the minimum detectable change, to stand beside "no difference".

use super::{
    Level, PairCounts, Probability, StatisticsError, level::normal_quantile, score_interval::bisect,
};

/// The share of images on which two runs differ: above 0, at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discordance(f64);

impl Discordance {
    /// Takes a share; refuses 0, at which every change could be found, and NaN.
    pub fn new(share: f64) -> Result<Self, StatisticsError> {
        match 0.0 < share && share <= 1.0 {
            true => Ok(Discordance(share)),
            false => Err(StatisticsError::BadProbability { found: share }),
        }
    }

    /// The share that was seen, by Laplace's rule, (k + 1) / (n + 2): none seen is not none there.
    pub fn seen(pairs: PairCounts) -> Self {
        Discordance((pairs.n_discordant() + 1) as f64 / (pairs.n() + 2) as f64)
    }

    /// The share.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// How a comparison is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// The images that both runs are asked about.
    pub n: usize,
    /// The share of them on which the verdicts differ.
    pub discordance: Discordance,
    /// The level of a two-sided test.
    pub level: Level,
    /// The wanted chance of finding the change, 0.8 by custom.
    pub power: Probability,
}

/// The smallest true change, in points, that McNemar's test finds with the wanted power.
///
/// Solves Connor's equation (Connor 1987), `d √n = z(1 − α/2) √p + z(power) √(p − d²)`, for d at a
/// discordance p. None where no change that so few differing images allow would be found.
pub fn minimum_detectable_change(design: Design) -> Option<f64> {
    let (n, discordance) = (design.n as f64, design.discordance.get());
    let z_level = normal_quantile(design.level.get() / 2.0);
    let z_power = normal_quantile(1.0 - design.power.get());
    if !z_power.is_finite() {
        return None;
    }
    let quadratic = n + z_power * z_power;
    let half_linear = (n * discordance).sqrt() * z_level;
    let constant = discordance * (z_level * z_level - z_power * z_power);
    let discriminant = half_linear * half_linear - quadratic * constant;
    if discriminant < 0.0 {
        return None;
    }
    let root = discriminant.sqrt();
    // Below a power of one half the test needs luck, and the smaller root is the equation's.
    let change = (half_linear + root.copysign(z_power)) / quadratic;
    (change <= discordance).then_some(100.0 * change)
}

/// The smallest true change, in the standard error's unit, that a test finds with the wanted power whose
/// statistic is normal with this standard error: `(z(1 − α/2) + z(power)) · SE`.
pub fn detectable_by_error(standard_error: f64, level: Level, power: Probability) -> f64 {
    (normal_quantile(level.get() / 2.0) + normal_quantile(1.0 - power.get())) * standard_error
}

/// The smallest true change, in points, that McNemar's test finds with the wanted power if every image that
/// differs goes the same way: Connor's equation at a discordance as large as the change. For runs that did
/// not differ. None where so few images are not enough for any change.
pub fn detectable_one_way(n: usize, level: Level, power: Probability) -> Option<f64> {
    let z_level = normal_quantile(level.get() / 2.0);
    let z_power = normal_quantile(1.0 - power.get());
    let is_found =
        |change: f64| z_level + z_power * (1.0 - change).sqrt() <= (n as f64 * change).sqrt();
    if !z_power.is_finite() || !is_found(1.0) {
        return None;
    }
    Some(100.0 * bisect(0.0, 1.0, |change| !is_found(change)))
}
