//! The hierarchical bootstrap: other seeds, and other pictures.
//!
//! Every resample draws, with replacement, the seeds of every group of fine-tunes and then the pictures
//! of every target, and takes the mean of the cells again. A cell's seeds are asked about the same
//! pictures, so they share the resampled ones: drawn anew for every seed, pictures would seem to be as
//! many more as there are seeds, and the interval would be too narrow (Owen 2007, the pigeonhole
//! bootstrap; it errs on the wide side). Pictures with the same scores under all seeds are one kind, and
//! the resample draws how many there are of each kind, which is the same distribution.
//!
//! What it cannot tell: with one seed it says nothing of other seeds; with two or three it has seen so
//! little of their spread that it is too narrow; and where no picture differs it has no width.

use std::num::NonZeroUsize;

use clsrl_spec::{Seed, Stream};

use super::{
    Average, Interval, Level, Probability,
    binomial::{CountSampler, Kinds},
};

/// How often and from which stream resamples are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapPlan<'a> {
    /// What the two-sided interval leaves out.
    pub level: Level,
    /// The number of resamples; 2,000 give the ends of a 95 % interval to a few percent of its width.
    pub n_resamples: NonZeroUsize,
    /// The seed of the stream.
    pub seed: Seed,
    /// What is resampled, for the stream's name: another name gives other resamples.
    pub name: &'a str,
}

/// What the resamples tell of a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// The mean itself, not resampled: percent of an accuracy, points of a change.
    pub mean_pct: f64,
    /// The percentile interval, in the mean's unit.
    pub interval: Interval,
    /// The standard deviation of the resampled means: their standard error, in the same unit.
    pub standard_error: f64,
    /// Two-sided p-value of no change: twice the smaller share of resamples at or beyond zero, the
    /// sample itself counted as one of them. Never below 2 / (resamples + 1).
    pub p_no_change: Probability,
}

impl Bootstrap {
    /// Resamples an average. The same average and plan give the same numbers.
    pub fn new(average: &Average, plan: BootstrapPlan<'_>) -> Self {
        let mut means = resampled_means(average, plan);
        means.sort_by(f64::total_cmp);
        let n = means.len() as f64;
        let mean = means.iter().sum::<f64>() / n;
        let squares: f64 = means.iter().map(|value| (value - mean).powi(2)).sum();
        // What rounding leaves of a mean that is zero is neither side of it.
        let at_or_below = means.iter().filter(|&&value| value <= ROUNDING).count();
        let at_or_above = means.iter().filter(|&&value| -ROUNDING <= value).count();
        let beyond = (1 + at_or_below.min(at_or_above)) as f64;
        let tail = plan.level.get() / 2.0;
        Bootstrap {
            mean_pct: average.mean_pct(),
            interval: Interval {
                lower: quantile(&means, tail),
                upper: quantile(&means, 1.0 - tail),
            },
            standard_error: (squares / n).sqrt(),
            p_no_change: Probability::rounded(2.0 * beyond / (n + 1.0)),
        }
    }
}

const ROUNDING: f64 = 1e-9;

fn resampled_means(average: &Average, plan: BootstrapPlan<'_>) -> Vec<f64> {
    let mut stream = Stream::new(plan.seed, &["bootstrap", plan.name]);
    let n_max = average.targets.iter().map(|target| target.n_pictures).max().unwrap_or(0);
    let sampler = CountSampler::new(n_max);
    let mut times: Vec<Vec<usize>> = average.n_seeds.iter().map(|&n| vec![0; n]).collect();
    let kinds: Vec<Kinds> = average
        .targets
        .iter()
        .map(|target| Kinds::new(target.patterns.iter().map(|(_, n)| *n)))
        .collect();
    let mut drawn: Vec<Vec<usize>> =
        average.targets.iter().map(|target| vec![0; target.patterns.len()]).collect();
    let mut resample = || {
        for times in &mut times {
            times.fill(0);
            for _ in 0..times.len() {
                let seed = stream.below(times.len());
                times[seed] += 1;
            }
        }
        let mut mean = 0.0;
        for ((target, kinds), drawn) in average.targets.iter().zip(&kinds).zip(&mut drawn) {
            sampler.multinomial(&mut stream, kinds, target.n_pictures, drawn);
            mean += target.mean(drawn, &average.weights(target, &times));
        }
        100.0 * mean
    };
    (0..plan.n_resamples.get()).map(|_| resample()).collect()
}

/// The quantile of sorted values, interpolated between neighbours as NumPy does by default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}
