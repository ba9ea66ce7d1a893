//! Seed by seed: the values of one cell or change, and the scores that they rest on.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::Seed;

use super::{Bounds, Estimate, IntervalKind, Untested};
use crate::statistics::{
    Average, AveragedCell, Bootstrap, BootstrapPlan, Change as BoundedChange, Interval, Level,
    Part, Proportion, Scores, SeedValues, square_and_add,
};

/// The seed of all bootstraps of a report; their names tell them apart.
const STREAM_SEED: Seed = 1;

/// What rounding leaves of a standard error that is zero, in points.
const ROUNDING: f64 = 1e-9;

/// One cell, or one change, under its seeds.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Names the fine-tunes, for averages.
    pub(super) fine_tunes: String,
    /// Names the images, for averages.
    pub(super) images: String,
    pub(super) n_images: usize,
    pub(super) n_planned: usize,
    /// Percent or points; at least one.
    pub(super) by_seed: BTreeMap<Seed, f64>,
    /// The same by image, or why it is not known.
    pub(super) scores: Result<Scores, Untested>,
}

/// Several samples, put together.
pub(super) struct Together {
    pub(super) estimate: Estimate,
    /// What was resampled, or why nothing was.
    pub(super) resampled: Result<(Average, Bootstrap), Untested>,
}

impl Sample {
    /// The mean over seeds and its spread, without bounds.
    pub(super) fn estimate(&self) -> Estimate {
        let values = self.values();
        Estimate {
            mean: Some(values.mean()),
            sd: values.sd(),
            n_seeds: self.by_seed.len(),
            n_planned: self.n_planned,
            n_images: self.n_images,
            bounds: None,
        }
    }

    /// Student's interval over seeds, from two on, if they differ: seeds that agree have shown no spread, which is
    /// not to say that there is none.
    pub(super) fn t_bounds(&self) -> Option<Bounds> {
        t_bounds(&self.values())
    }

    /// Wilson's interval of an accuracy, over the images of one seed: all seeds answer the same ones.
    pub(super) fn wilson(&self) -> Option<Interval> {
        let n_right = (self.values().mean() / 100.0 * self.n_images as f64).round() as usize;
        let share = Proportion::new(n_right.min(self.n_images), self.n_images).ok()?;
        Some(share.wilson_pct(Level::FIVE_PERCENT))
    }

    fn values(&self) -> SeedValues {
        SeedValues::new(self.by_seed.values().copied().collect())
            .expect("a sample has a seed, and a share of images is finite")
    }
}

/// Student's interval of what differs from seed to seed.
pub(super) fn t_bounds(values: &SeedValues) -> Option<Bounds> {
    let interval = values.t_interval(Level::FIVE_PERCENT)?;
    let has_width = ROUNDING < interval.half_width();
    has_width.then(|| Bounds::by_formula(interval, IntervalKind::StudentT))
}

/// The interval of an average of accuracies whose resamples are all alike.
pub(super) fn of_constant_accuracies<'a>(samples: &'a [Sample]) -> Option<Bounds> {
    let part = |sample: &'a Sample| {
        let (estimate, interval) = (sample.values().mean(), sample.wilson()?);
        Some(Part { estimate, interval, images: sample.images.as_str() })
    };
    let parts: Vec<Part<'_>> = samples.iter().map(part).collect::<Option<_>>()?;
    Some(Bounds::by_formula(square_and_add(&parts)?, IntervalKind::Newcombe))
}

/// The average of samples, each with the same weight, and the bootstrap of it. At least one.
///
/// Where a fine-tune has not the same seeds in all of its samples, those count that it has in all.
pub(super) fn together(samples: &[Sample], name: &str) -> Together {
    let seeds = shared_seeds(samples);
    let kept = |sample: &Sample| {
        let seeds = &seeds[sample.fine_tunes.as_str()];
        sample
            .by_seed
            .iter()
            .filter(|(seed, _)| seeds.contains(seed))
            .map(|(_, value)| *value)
            .collect()
    };
    let values: Vec<Vec<f64>> = samples.iter().map(kept).collect();
    let estimate = Estimate {
        mean: mean(
            &values
                .iter()
                .map(|values| mean(values))
                .collect::<Option<Vec<f64>>>()
                .unwrap_or_default(),
        ),
        sd: spread_of_whole_seeds(samples),
        n_seeds: values.iter().map(Vec::len).min().unwrap_or(0),
        n_planned: samples.iter().map(|sample| sample.n_planned).max().unwrap_or(0),
        n_images: n_images(samples),
        bounds: None,
    };
    match resampled(samples, &seeds, name) {
        Err(reason) => Together { estimate, resampled: Err(reason) },
        Ok((average, bootstrap)) => {
            let bounds = Some(bounds(&average, &bootstrap));
            Together {
                estimate: Estimate { bounds, ..estimate },
                resampled: Ok((average, bootstrap)),
            }
        }
    }
}

/// The bootstrap's interval, or the score interval of a change where no score differs from another.
pub(super) fn bounds(average: &Average, bootstrap: &Bootstrap) -> Bounds {
    match has_spread(bootstrap) {
        true => Bounds {
            interval: bootstrap.interval,
            kind: IntervalKind::Bootstrap,
            end_error: bootstrap.end_error,
        },
        false => {
            let interval = BoundedChange::of(average).interval_points(Level::FIVE_PERCENT);
            Bounds::by_formula(interval, IntervalKind::Score)
        }
    }
}

/// Whether resamples differ at all.
pub(super) fn has_spread(bootstrap: &Bootstrap) -> bool {
    ROUNDING < bootstrap.standard_error
}

fn resampled(
    samples: &[Sample],
    seeds: &BTreeMap<&str, BTreeSet<Seed>>,
    name: &str,
) -> Result<(Average, Bootstrap), Untested> {
    let scores = |sample: &Sample| {
        let scores = sample.scores.as_ref().map_err(|reason| *reason)?;
        scores.of_seeds(&seeds[sample.fine_tunes.as_str()]).ok_or(Untested::NoSharedSeed)
    };
    let scores: Vec<Scores> = samples.iter().map(scores).collect::<Result<_, _>>()?;
    let cells: Vec<AveragedCell<'_>> = samples
        .iter()
        .zip(&scores)
        .map(|(Sample { fine_tunes, images, .. }, scores)| AveragedCell {
            fine_tunes,
            images,
            scores,
        })
        .collect();
    let average = Average::new(&cells).map_err(|_| Untested::OtherImages)?;
    let plan = BootstrapPlan { level: Level::FIVE_PERCENT, seed: STREAM_SEED, name };
    let bootstrap = Bootstrap::new(&average, plan);
    Ok((average, bootstrap))
}

/// The seeds that each fine-tune has in all of its samples.
fn shared_seeds(samples: &[Sample]) -> BTreeMap<&str, BTreeSet<Seed>> {
    let mut shared: BTreeMap<&str, BTreeSet<Seed>> = BTreeMap::new();
    for Sample { fine_tunes, by_seed, .. } in samples {
        let own: BTreeSet<Seed> = by_seed.keys().copied().collect();
        let seeds = shared.entry(fine_tunes).or_insert_with(|| own.clone());
        seeds.retain(|seed| own.contains(seed));
    }
    shared
}

/// The spread of the average from seed to seed, over the seeds that every sample has.
fn spread_of_whole_seeds(samples: &[Sample]) -> Option<f64> {
    let seeds =
        samples.iter().flat_map(|sample| sample.by_seed.keys()).copied().collect::<BTreeSet<_>>();
    let of_seed = |seed: Seed| {
        let values = samples.iter().map(|sample| sample.by_seed.get(&seed).copied());
        mean(&values.collect::<Option<Vec<f64>>>()?)
    };
    SeedValues::new(seeds.into_iter().filter_map(of_seed).collect()).ok()?.sd()
}

/// Those of one name counted once.
fn n_images(samples: &[Sample]) -> usize {
    let by_name: BTreeMap<&str, usize> =
        samples.iter().map(|sample| (sample.images.as_str(), sample.n_images)).collect();
    by_name.values().sum()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
