//! Every estimate of a suite by one score.

use std::collections::BTreeMap;

use clsrl_spec::{ParseStatus, Seed};
use rayon::prelude::*;

use super::{
    Bounds, Change, Estimate, IntervalKind, Tested, Untested,
    change::{Test, adjust},
    sample::{Sample, Together, bounds, has_spread, of_constant_accuracies, t_bounds, together},
};
use crate::{
    SuiteVerdicts,
    statistics::{
        Bootstrap, Design, Discordance, Level, PairCounts, Probability, Scores, SeedValues,
        detectable_by_error, detectable_one_way, mcnemar, minimum_detectable_change,
    },
    summary::{Counts, Score, Survey},
    verdicts::{CellVerdicts, ParseCounts, Repeats},
};

/// The chance of finding a change that is there, for the smallest detectable one.
const POWER: f64 = 0.8;

/// The accuracies and changes of a suite's cells by one score.
pub(crate) struct Estimates<'a> {
    /// Which verdict counts.
    pub(crate) score: Score,
    verdicts: &'a SuiteVerdicts,
    done: BTreeMap<Repeats, BTreeMap<Seed, Counts>>,
    n_planned: BTreeMap<Repeats, usize>,
}

/// Two sides that are compared: what `after` has more than `before`, on the same images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contrast {
    pub(crate) before: Repeats,
    pub(crate) after: Repeats,
}

/// One run on each side.
struct Pair {
    /// The seed of the side that has several.
    seed: Seed,
    before: (Seed, Counts),
    after: (Seed, Counts),
}

impl<'a> Estimates<'a> {
    /// Takes the counts from the survey and the verdicts by image as far as they are there.
    pub(crate) fn new(survey: &Survey, verdicts: &'a SuiteVerdicts, score: Score) -> Self {
        let mut done: BTreeMap<Repeats, BTreeMap<Seed, Counts>> = BTreeMap::new();
        let mut n_planned = BTreeMap::new();
        for cell in &survey.cells {
            *n_planned.entry(cell.repeats).or_insert(0) += 1;
            if let Some(counts) = cell.counts().filter(|counts| 0 < counts.n) {
                done.entry(cell.repeats).or_default().insert(cell.seed, counts);
            }
        }
        Estimates { score, verdicts, done, n_planned }
    }

    /// The accuracy of one cell over its seeds, in percent.
    pub(crate) fn accuracy(&self, of: Repeats) -> Estimate {
        let Some(sample) = self.sample(of) else {
            return Estimate { n_planned: self.n_planned(of), ..Estimate::default() };
        };
        let wilson = || Some(Bounds::by_formula(sample.wilson()?, IntervalKind::Wilson));
        let bounds = sample.t_bounds().or_else(wilson);
        Estimate { bounds, ..sample.estimate() }
    }

    /// The mean accuracy of several cells, each with the same weight, in percent; none unless all have one.
    pub(crate) fn average(&self, of: &[Repeats]) -> Estimate {
        if let [one] = of {
            return self.accuracy(*one);
        }
        let planned = of.iter().map(|&cells| self.n_planned(cells)).max().unwrap_or(0);
        let samples: Option<Vec<Sample>> = of.iter().map(|&cells| self.sample(cells)).collect();
        match samples.filter(|samples| !samples.is_empty()) {
            None => Estimate { n_planned: planned, ..Estimate::default() },
            Some(samples) => {
                let names: Vec<String> = of.iter().map(|cells| cells.name()).collect();
                let Together { estimate, resampled } = together(&samples, &self.stream(&names));
                match resampled.is_ok_and(|(_, bootstrap)| !has_spread(&bootstrap)) {
                    true => Estimate { bounds: of_constant_accuracies(&samples), ..estimate },
                    false => estimate,
                }
            }
        }
    }

    /// The harmonic mean of two averages, in percent. Its spread and Student's interval are those of the
    /// harmonic means of single seeds, over the seeds that all cells have.
    pub(crate) fn harmonic(&self, one: &[Repeats], other: &[Repeats]) -> Estimate {
        let (first, second) = (self.average(one), self.average(other));
        let of_seed =
            |seed: &Seed| harmonic(self.of_seed(one, *seed)?, self.of_seed(other, *seed)?);
        let seeds = one.first().and_then(|cells| self.done.get(cells));
        let by_seed = seeds.map(|runs| runs.keys().filter_map(of_seed).collect());
        let by_seed = by_seed.and_then(|values: Vec<f64>| SeedValues::new(values).ok());
        let mean = match (first.mean, second.mean) {
            (Some(first), Some(second)) => harmonic(first, second),
            _ => None,
        };
        Estimate {
            mean,
            sd: by_seed.as_ref().and_then(SeedValues::sd),
            n_seeds: first.n_seeds.min(second.n_seeds),
            n_planned: first.n_planned.max(second.n_planned),
            n_images: first.n_images + second.n_images,
            bounds: mean.and(by_seed.as_ref().and_then(t_bounds)),
        }
    }

    /// The mean over cells under one seed; none unless all have it.
    fn of_seed(&self, cells: &[Repeats], seed: Seed) -> Option<f64> {
        let pct = |cells: &Repeats| {
            let counts = self.done.get(cells)?.get(&seed)?;
            Some(100.0 * self.score.n_right(*counts) as f64 / counts.n as f64)
        };
        let values: Vec<f64> = cells.iter().map(pct).collect::<Option<_>>()?;
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// One change. Alone it is a family of its own; see [`Estimates::family`].
    pub(crate) fn change(&self, contrast: Contrast) -> Change {
        self.average_change(&[contrast])
    }

    /// The mean of several changes, each with the same weight.
    pub(crate) fn average_change(&self, contrasts: &[Contrast]) -> Change {
        let samples: Result<Vec<Sample>, Untested> =
            contrasts.iter().map(|contrast| self.changed(*contrast)).collect();
        let samples = match samples {
            Ok(samples) if samples.is_empty() => Err(Untested::NotDone),
            samples => samples,
        };
        match samples {
            Err(reason) => {
                let planned = contrasts.iter().map(|contrast| self.n_planned(contrast.after)).max();
                let estimate = Estimate { n_planned: planned.unwrap_or(0), ..Estimate::default() };
                Change::unknown(estimate, reason)
            }
            Ok(samples) => {
                let names: Vec<String> = contrasts.iter().map(Contrast::name).collect();
                of_samples(&samples, together(&samples, &self.stream(&names)))
            }
        }
    }

    /// Changes that are read together, in their order, with Holm's p-values over all of them.
    pub(crate) fn family(&self, contrasts: &[Contrast]) -> Vec<Change> {
        let mut changes: Vec<Change> =
            contrasts.par_iter().map(|contrast| self.change(*contrast)).collect();
        adjust(&mut changes);
        changes
    }

    /// How the answers of one cell parse, all its seeds together, by [`ParseStatus`] in its order; none
    /// without their predictions.
    pub(crate) fn parsed(&self, of: Repeats) -> Option<Vec<ParseCounts>> {
        let runs = self.done.get(&of)?.keys();
        let cells: Option<Vec<&CellVerdicts>> =
            runs.map(|&seed| self.verdicts.of(of.key(seed))).collect();
        let cells = cells?;
        let sum = |status: ParseStatus| cells.iter().map(|cell| cell.parsed(status)).sum();
        Some(ParseStatus::ALL.map(sum).to_vec())
    }

    /// Names the stream of resamples.
    fn stream(&self, names: &[String]) -> String {
        format!("{}: {}", self.score.name(), names.join(", "))
    }

    fn n_planned(&self, of: Repeats) -> usize {
        self.n_planned.get(&of).copied().unwrap_or(0)
    }

    fn sample(&self, of: Repeats) -> Option<Sample> {
        let runs = self.done.get(&of)?;
        let pct = |counts: &Counts| 100.0 * self.score.n_right(*counts) as f64 / counts.n as f64;
        let verdicts = |seed: Seed| {
            let verdicts =
                self.verdicts.of(of.key(seed)).and_then(|cell| cell.of_score(self.score));
            verdicts.ok_or(Untested::NoVerdicts).map(|verdicts| (seed, verdicts))
        };
        let scored: Result<Vec<_>, _> = runs.keys().map(|&seed| verdicts(seed)).collect();
        Some(Sample {
            fine_tunes: of.fine_tunes(),
            images: of.images(),
            n_images: runs.values().map(|counts| counts.n).max()?,
            n_planned: self.n_planned(of),
            by_seed: runs.iter().map(|(&seed, counts)| (seed, pct(counts))).collect(),
            scores: scored
                .and_then(|runs| Scores::of_accuracy(&runs).map_err(|_| Untested::OtherImages)),
        })
    }

    fn changed(&self, contrast: Contrast) -> Result<Sample, Untested> {
        let Contrast { before, after } = contrast;
        let pairs = self.pairs(contrast)?;
        let pct = |counts: Counts| 100.0 * self.score.n_right(counts) as f64 / counts.n as f64;
        let verdicts = |of: Repeats, seed| {
            let cell = self.verdicts.of(of.key(seed)).ok_or(Untested::NoVerdicts)?;
            cell.of_score(self.score).ok_or(Untested::NoVerdicts)
        };
        let both =
            |pair: &Pair| Ok((verdicts(before, pair.before.0)?, verdicts(after, pair.after.0)?));
        let scores =
            pairs.iter().map(both).collect::<Result<Vec<_>, Untested>>().and_then(|sides| {
                let runs: Vec<_> = pairs
                    .iter()
                    .zip(&sides)
                    .map(|(pair, (before, after))| (pair.seed, before, after))
                    .collect();
                Scores::of_change(&runs).map_err(|_| Untested::OtherImages)
            });
        Ok(Sample {
            fine_tunes: contrast.fine_tunes(),
            images: after.images(),
            n_images: pairs.iter().map(|pair| pair.after.1.n).max().unwrap_or(0),
            n_planned: self.n_planned(before).max(self.n_planned(after)),
            by_seed: pairs
                .iter()
                .map(|pair| (pair.seed, pct(pair.after.1) - pct(pair.before.1)))
                .collect(),
            scores,
        })
    }

    /// The runs that belong together; at least one.
    fn pairs(&self, Contrast { before, after }: Contrast) -> Result<Vec<Pair>, Untested> {
        let (Some(old), Some(new)) = (self.done.get(&before), self.done.get(&after)) else {
            return Err(Untested::NotDone);
        };
        let pair = |seed, before: Seed, after: Seed| {
            let (old, new) = (old.get(&before)?, new.get(&after)?);
            Some(Pair { seed, before: (before, *old), after: (after, *new) })
        };
        let first = |runs: &BTreeMap<Seed, Counts>| runs.keys().next().copied();
        let pairs: Vec<Pair> = match (before.source, after.source) {
            (Some(_), Some(_)) => new.keys().filter_map(|&seed| pair(seed, seed, seed)).collect(),
            (None, _) => new.keys().filter_map(|&seed| pair(seed, first(old)?, seed)).collect(),
            (Some(_), None) => {
                old.keys().filter_map(|&seed| pair(seed, seed, first(new)?)).collect()
            }
        };
        if pairs.is_empty() { Err(Untested::NoSharedSeed) } else { Ok(pairs) }
    }
}

/// None of two zeros.
fn harmonic(one: f64, other: f64) -> Option<f64> {
    (0.0 < one + other).then(|| 2.0 * one * other / (one + other))
}

impl Contrast {
    fn name(&self) -> String {
        format!("{} against {}", self.after.name(), self.before.name())
    }

    /// Names the fine-tunes of both sides; zero-shot is none.
    fn fine_tunes(&self) -> String {
        match (self.before.source, self.after.source) {
            (None, _) => self.after.fine_tunes(),
            (_, None) => self.before.fine_tunes(),
            _ => format!("{} against {}", self.after.fine_tunes(), self.before.fine_tunes()),
        }
    }
}

/// The change that samples make together.
fn of_samples(samples: &[Sample], Together { estimate, resampled }: Together) -> Change {
    let (average, bootstrap) = match resampled {
        Err(reason) => return Change::unknown(estimate, reason),
        Ok(resampled) => resampled,
    };
    let one_run = match samples {
        [Sample { scores: Ok(scores), .. }] if scores.n_seeds() == 1 => Some(scores.pairs()),
        _ => None,
    };
    let (bounds, test, p) = match one_run {
        Some(pairs) => {
            let interval = pairs.score_interval_points(Level::FIVE_PERCENT);
            let bounds = Bounds::by_formula(interval, IntervalKind::Score);
            (bounds, Test::McNemar, mcnemar(pairs).mid_p)
        }
        None => (bounds(&average, &bootstrap), Test::Bootstrap, bootstrap.p_no_change),
    };
    let detectable = match one_run {
        Some(pairs) => by_pairs(pairs),
        None => by_resamples(estimate.n_images, &bootstrap),
    };
    let tested = Tested { test, p, p_holm: p, detectable };
    Change {
        estimate: Estimate { bounds: Some(bounds), ..estimate },
        bootstrap: Some(bootstrap.interval),
        tested: Ok(tested),
    }
}

/// Where fewer images differed than the change would need, those that it needs.
fn by_pairs(pairs: PairCounts) -> Option<f64> {
    let (n, level, power) = (pairs.n(), Level::FIVE_PERCENT, power());
    let discordance = Discordance::seen(pairs);
    let of_seen = minimum_detectable_change(Design { n, discordance, level, power });
    of_seen.or_else(|| detectable_one_way(n, level, power))
}

fn by_resamples(n_images: usize, bootstrap: &Bootstrap) -> Option<f64> {
    match has_spread(bootstrap) {
        true => Some(detectable_by_error(bootstrap.standard_error, Level::FIVE_PERCENT, power())),
        false => detectable_one_way(n_images, Level::FIVE_PERCENT, power()),
    }
}

fn power() -> Probability {
    Probability::new(POWER).expect("it is between 0 and 1")
}
