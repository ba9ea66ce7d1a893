//! The hierarchical bootstrap: other seeds, and other images.
//!
//! A resample draws, with replacement, the seeds of every group of fine-tunes and then the images of every target,
//! and takes the mean of the cells again. A cell's seeds are asked about the same images, so they share the
//! resampled ones: drawn anew for every seed, images would seem to be as many more as there are seeds, and the
//! interval would be too narrow (Owen 2007, the pigeonhole bootstrap; it errs on the wide side).
//!
//! What all resamples there are would tell is worked out ([`super::exact`]), so that nothing of it is chance. Where
//! that has too many cases, which takes several seeds of several fine-tunes that are asked about the same images,
//! resamples are drawn, as many as the printed digit needs. Images with the same scores under all seeds are one
//! kind then, and a resample draws how many there are of each kind, which is the same distribution.
//!
//! What it cannot tell: with one seed it says nothing of other seeds; with two or three it has seen so
//! little of their spread that it is too narrow; and where no image differs it has no width.

use clsrl_spec::{Seed, Stream};

use super::{
    Average, Interval, Level, Probability,
    binomial::{CountSampler, Kinds},
    exact::Distribution,
    level::normal_quantile,
};

/// What is asked of a bootstrap, and from which stream resamples are drawn where it is not worked out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapPlan<'a> {
    /// What the two-sided interval leaves out.
    pub level: Level,
    /// The seed of the stream.
    pub seed: Seed,
    /// What is resampled, for the stream's name: another name gives other resamples.
    pub name: &'a str,
}

/// The places of a distribution without a common lattice: more where the printed digit needs them.
const N_PLACES: [usize; 2] = [1 << 14, 1 << 16];

/// The numbers of resamples that are drawn, one after the other, until the printed digit is certain.
const N_RESAMPLES: [usize; 3] = [2_000, 8_000, 32_000];

/// The most kinds of images that all further resamples of an average draw together: half a minute.
const MAX_DRAWS: usize = 200_000_000;

/// No share of resamples is believed to be smaller: what so few of them show is the shape of the sample's ends.
const SMALLEST_P: f64 = 0.001;

/// What the resamples tell of a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// The mean itself, not resampled: percent of an accuracy, points of a change.
    pub mean_pct: f64,
    /// The percentile interval, in the mean's unit.
    pub interval: Interval,
    /// How far an end may lie from where all resamples there are would have it, in the same unit; 0 where they were
    /// all counted. Of drawn resamples it is exceeded once in a thousand.
    pub end_error: f64,
    /// The standard deviation of the resampled means: their standard error, in the same unit.
    pub standard_error: f64,
    /// Two-sided p-value of no change: twice the smaller share of resamples at or beyond zero. Never below 0.001.
    pub p_no_change: Probability,
}

impl Bootstrap {
    /// Resamples an average. The same average and plan give the same numbers.
    pub fn new(average: &Average, plan: BootstrapPlan<'_>) -> Self {
        let mut found = None;
        for n_places in N_PLACES {
            let Some(distribution) = Distribution::of(average, n_places) else { break };
            let bootstrap = Bootstrap::worked_out(average, plan.level, &distribution);
            if bootstrap.is_certain() {
                return bootstrap;
            }
            found = Some(bootstrap);
        }
        found.unwrap_or_else(|| Bootstrap::drawn(average, plan))
    }

    fn worked_out(average: &Average, level: Level, distribution: &Distribution) -> Self {
        let tail = level.get() / 2.0;
        let (at_or_below, at_or_above) = distribution.beyond_zero();
        Bootstrap {
            mean_pct: average.mean_pct(),
            interval: Interval { lower: distribution.lower(tail), upper: distribution.upper(tail) },
            end_error: distribution.error,
            standard_error: distribution.deviation(),
            p_no_change: p_of_shares(at_or_below, at_or_above),
        }
    }

    /// Draws resamples whether or not they could be counted.
    pub(super) fn drawn(average: &Average, plan: BootstrapPlan<'_>) -> Self {
        let mut resamples = Resamples::new(average, plan);
        let n_kinds: usize = average.targets.iter().map(|target| target.patterns.len()).sum();
        let (mut means, mut found) = (Vec::new(), None);
        for n in N_RESAMPLES {
            if found.is_some() && MAX_DRAWS < n * n_kinds {
                break;
            }
            while means.len() < n {
                means.push(resamples.draw());
            }
            let bootstrap = Bootstrap::of_means(average, plan.level, means.clone());
            if bootstrap.is_certain() {
                return bootstrap;
            }
            found = Some(bootstrap);
        }
        found.expect("the first number of resamples is always drawn")
    }

    fn of_means(average: &Average, level: Level, mut means: Vec<f64>) -> Self {
        means.sort_by(f64::total_cmp);
        let n = means.len() as f64;
        let mean = means.iter().sum::<f64>() / n;
        let squares: f64 = means.iter().map(|value| (value - mean).powi(2)).sum();
        // What rounding leaves of a mean that is zero is neither side of it. The sample is one of the resamples.
        let share = |is_in: &dyn Fn(f64) -> bool| {
            (1 + means.iter().filter(|&&value| is_in(value)).count()) as f64 / (n + 1.0)
        };
        let tail = level.get() / 2.0;
        let interval =
            Interval { lower: quantile(&means, tail), upper: quantile(&means, 1.0 - tail) };
        Bootstrap {
            mean_pct: average.mean_pct(),
            interval,
            end_error: quantile_error(&means, tail).max(quantile_error(&means, 1.0 - tail)),
            standard_error: (squares / n).sqrt(),
            p_no_change: p_of_shares(
                share(&|value| value <= ROUNDING),
                share(&|value| -ROUNDING <= value),
            ),
        }
    }

    /// Whether half of the interval's width has the same tenth wherever the ends lie.
    fn is_certain(&self) -> bool {
        let tenth = |error: f64| (10.0 * (self.interval.half_width() + error)).round();
        tenth(-self.end_error) == tenth(self.end_error)
    }
}

const ROUNDING: f64 = 1e-9;

fn p_of_shares(at_or_below: f64, at_or_above: f64) -> Probability {
    Probability::rounded((2.0 * at_or_below.min(at_or_above)).max(SMALLEST_P))
}

/// Resamples of an average, one after the other.
struct Resamples<'a> {
    average: &'a Average,
    stream: Stream,
    sampler: CountSampler,
    kinds: Vec<Kinds>,
    /// How often each seed of each group is drawn.
    times: Vec<Vec<usize>>,
    /// How often each kind of each target's images is drawn.
    drawn: Vec<Vec<usize>>,
}

impl<'a> Resamples<'a> {
    fn new(average: &'a Average, plan: BootstrapPlan<'_>) -> Self {
        let n_max = average.targets.iter().map(|target| target.n_images).max().unwrap_or(0);
        let kinds = average.targets.iter().map(|target| &target.patterns);
        Resamples {
            average,
            stream: Stream::new(plan.seed, &["bootstrap", plan.name]),
            sampler: CountSampler::new(n_max),
            times: average.n_seeds.iter().map(|&n| vec![0; n]).collect(),
            drawn: kinds.clone().map(|patterns| vec![0; patterns.len()]).collect(),
            kinds: kinds.map(|patterns| Kinds::new(patterns.iter().map(|(_, n)| *n))).collect(),
        }
    }

    /// The mean of the next resample.
    fn draw(&mut self) -> f64 {
        for times in &mut self.times {
            times.fill(0);
            for _ in 0..times.len() {
                let seed = self.stream.below(times.len());
                times[seed] += 1;
            }
        }
        let mut mean = 0.0;
        for ((target, kinds), drawn) in
            self.average.targets.iter().zip(&self.kinds).zip(&mut self.drawn)
        {
            self.sampler.multinomial(&mut self.stream, kinds, target.n_images, drawn);
            mean += target.mean(drawn, &self.average.weights(target, &self.times));
        }
        100.0 * mean
    }
}

/// How far the quantile of sorted draws may lie from that of all there are, but once in a thousand: by how many of
/// the draws may lie below it.
fn quantile_error(sorted: &[f64], share: f64) -> f64 {
    let n = sorted.len() as f64;
    let spread = normal_quantile(0.0005) * (n * share * (1.0 - share)).sqrt() / n;
    let found = quantile(sorted, share);
    let ends =
        [share - spread, share + spread].map(|share| quantile(sorted, share.clamp(0.0, 1.0)));
    ends.iter().map(|end| (end - found).abs()).fold(0.0, f64::max)
}

/// The quantile of sorted values, interpolated between neighbours as NumPy does by default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}
