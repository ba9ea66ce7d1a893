//! The mean change of an average, with one-sided bounds that hold for few images and few seeds.
//!
//! Two sources of chance are added as squared distances from the mean (MOVER, Zou and Donner 2008). The
//! images: Tango's score bound at an effective number of images, which keeps a width where no verdict
//! differs. The seeds: a t bound from the spread between the seeds of every group of fine-tunes
//! (Satterthwaite's degrees of freedom), to which images contribute once more, so it errs on the wide
//! side. Where five groups or more have one seed each, the spread between the groups stands in for it,
//! less what the images explain; where there are fewer, the bounds are about those fine-tunes alone.

use super::{
    Average, Interval, Level,
    average::{Target, weighted},
    level::{normal_quantile, t_quantile},
    score_interval::{Trinomial, lower_end, upper_end},
};

/// The mean change of an average and what bounds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    mean: f64,
    shares: Trinomial,
    seeds: Option<SeedSpread>,
}

/// The standard error that seeds contribute, and what its own uncertainty is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SeedSpread {
    standard_error: f64,
    degrees_of_freedom: f64,
}

/// A bound's distance from the mean, in points, by source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reach {
    pub(crate) images: f64,
    pub(crate) seeds: f64,
}

impl Reach {
    /// Both sources together.
    pub(crate) fn whole(self) -> f64 {
        self.images.hypot(self.seeds)
    }
}

impl Change {
    /// Sums up an average of changes.
    pub fn of(average: &Average) -> Self {
        let whole: Vec<Vec<usize>> = average.n_seeds.iter().map(|&n| vec![1; n]).collect();
        let weights: Vec<Vec<f64>> =
            average.targets.iter().map(|target| average.weights(target, &whole)).collect();
        let shares = shares(average, &weights);
        let seeds = seed_spread(average, &weights);
        Change { mean: average.mean_pct() / 100.0, shares, seeds }
    }

    /// The mean change, in points.
    pub fn points(&self) -> f64 {
        100.0 * self.mean
    }

    /// The one-sided lower bound, in points: the true change is below it at most at the level.
    pub fn lower_points(&self, level: Level) -> f64 {
        self.points() - self.reach_below(level).whole()
    }

    /// The one-sided upper bound, in points: the true change is above it at most at the level.
    pub fn upper_points(&self, level: Level) -> f64 {
        self.points() + self.reach_above(level).whole()
    }

    /// The two-sided interval, in points: both bounds at half the level.
    pub fn interval_points(&self, level: Level) -> Interval {
        let half = level.shared_by(2);
        Interval { lower: self.lower_points(half), upper: self.upper_points(half) }
    }

    /// Whether any verdict differs.
    pub fn is_any(&self) -> bool {
        0.0 < self.shares.worse + self.shares.better
    }

    pub(crate) fn reach_below(&self, level: Level) -> Reach {
        let end = lower_end(self.shares, normal_quantile(level.get()));
        self.reach(self.mean - end, level)
    }

    pub(crate) fn reach_above(&self, level: Level) -> Reach {
        let end = upper_end(self.shares, normal_quantile(level.get()));
        self.reach(end - self.mean, level)
    }

    fn reach(&self, images: f64, level: Level) -> Reach {
        let seeds = self.seeds.map_or(0.0, |seeds| {
            seeds.standard_error * t_quantile(level.get(), seeds.degrees_of_freedom)
        });
        // Above a level of one half a quantile is on the other side of the mean; there is no bound then.
        Reach { images: 100.0 * images.max(0.0), seeds: 100.0 * seeds.max(0.0) }
    }
}

/// The images' mean changes as shares that went each way, at an effective number of images.
///
/// An image counts with its weight in the average, and only by as much as its seeds and cells agree. The
/// effective number is the smaller of two estimates: one supposes that verdicts differ equally often in
/// all targets, the other takes each target as it is seen.
fn shares(average: &Average, weights: &[Vec<f64>]) -> Trinomial {
    let (mut worse, mut better, mut squares, mut sizes) = (0.0, 0.0, 0.0, 0.0);
    let mut weight_squares = 0.0;
    for (target, weights) in average.targets.iter().zip(weights) {
        let n_images = target.n_images as f64;
        let weight = weights.iter().sum::<f64>() / n_images;
        weight_squares += n_images * weight * weight;
        for (row, n) in &target.patterns {
            let part = weighted(row, weights) / n_images;
            let n = *n as f64;
            worse += n * (-part).max(0.0);
            better += n * part.max(0.0);
            squares += n * part * part;
            sizes += n * weight * part.abs();
        }
    }
    let n = match 0.0 < squares {
        true => (sizes / squares / weight_squares).min((worse + better) / squares),
        false => 1.0 / weight_squares,
    };
    Trinomial { n, worse, better }
}

fn seed_spread(average: &Average, weights: &[Vec<f64>]) -> Option<SeedSpread> {
    let groups: Vec<Group> =
        (0..average.n_seeds.len()).map(|group| Group::new(average, weights, group)).collect();
    let (single, repeated): (Vec<&Group>, Vec<&Group>) =
        groups.iter().partition(|group| group.by_seed.len() == 1);
    let mut parts: Vec<(f64, f64)> = repeated.iter().map(|group| group.seed_variance()).collect();
    parts.extend(spread_between(&single));
    let variance: f64 = parts.iter().map(|(variance, _)| variance).sum();
    let uncertainty: f64 = parts.iter().map(|(variance, freedom)| variance.powi(2) / freedom).sum();
    (0.0 < uncertainty).then(|| SeedSpread {
        standard_error: variance.sqrt(),
        degrees_of_freedom: variance.powi(2) / uncertainty,
    })
}

/// The fine-tunes of one name, as they contribute to the average.
struct Group {
    /// The part of the mean that every seed would be alone.
    by_seed: Vec<f64>,
    /// The group's weight in the average.
    weight: f64,
    /// The variance that its images give to its part of the mean.
    image_variance: f64,
}

impl Group {
    fn new(average: &Average, weights: &[Vec<f64>], group: usize) -> Self {
        let n_seeds = average.n_seeds[group];
        let mut of_group = Group { by_seed: vec![0.0; n_seeds], weight: 0.0, image_variance: 0.0 };
        for (target, weights) in average.targets.iter().zip(weights) {
            let of_target = target.columns.iter().zip(weights);
            let own: Vec<f64> = of_target
                .map(|((of, _), weight)| if *of == group { *weight } else { 0.0 })
                .collect();
            of_group.weight += own.iter().sum::<f64>();
            of_group.image_variance += variance_of_mean(target, &own);
            for (column, (of, seed)) in target.columns.iter().enumerate() {
                if *of == group {
                    let part = n_seeds as f64 * own[column] * column_mean(target, column);
                    of_group.by_seed[*seed] += part;
                }
            }
        }
        of_group
    }

    /// The variance of the group's part over seeds, and its degrees of freedom.
    fn seed_variance(&self) -> (f64, f64) {
        let n = self.by_seed.len() as f64;
        (sample_variance(&self.by_seed) / n, n - 1.0)
    }
}

/// With fewer, the t quantile is so large that nothing could be concluded.
const FEWEST_GROUPS: usize = 5;

/// What the spread between groups of one seed tells of the seeds, beyond what their images explain.
fn spread_between(groups: &[&Group]) -> Option<(f64, f64)> {
    if groups.len() < FEWEST_GROUPS {
        return None;
    }
    let n = groups.len() as f64;
    let means: Vec<f64> = groups.iter().map(|group| group.by_seed[0] / group.weight).collect();
    let explained =
        groups.iter().map(|group| group.image_variance / group.weight.powi(2)).sum::<f64>() / n;
    let left = (sample_variance(&means) - explained).max(0.0);
    Some((left * groups.iter().map(|group| group.weight.powi(2)).sum::<f64>(), n - 1.0))
}

fn sample_variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)
}

fn variance_of_mean(target: &Target, weights: &[f64]) -> f64 {
    let n = target.n_images as f64;
    let (mut sum, mut squares) = (0.0, 0.0);
    for (row, count) in &target.patterns {
        let part = weighted(row, weights);
        sum += *count as f64 * part;
        squares += *count as f64 * part * part;
    }
    (squares / n - (sum / n).powi(2)) / n
}

fn column_mean(target: &Target, column: usize) -> f64 {
    let scored = target.patterns.iter().map(|(row, n)| f64::from(row[column]) * *n as f64);
    scored.sum::<f64>() / target.n_images as f64
}
