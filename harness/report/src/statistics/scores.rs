//! One cell over its seeds: a score for every image under every seed.
//!
//! An accuracy scores 0 or 1; a change scores −1 (right before, wrong after), 0 or 1. The seeds of a cell
//! are asked about the same images, so the scores are a table, and both its sides can be resampled.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::Seed;

use super::{PairCounts, SeedValues, StatisticsError, Verdicts};

/// The scores of one cell: seeds by images, both at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scores {
    /// Ascending.
    seeds: Vec<Seed>,
    /// Positions in the split's list, ascending.
    images: Vec<usize>,
    /// By seed, then by image.
    rows: Vec<Vec<i8>>,
}

impl Scores {
    /// The scores of an accuracy: 1 for every right answer.
    pub fn of_accuracy(runs: &[(Seed, Verdicts)]) -> Result<Self, StatisticsError> {
        let row = |verdicts: &Verdicts| verdicts.right().map(i8::from).collect();
        Self::of_rows(runs.iter().map(|(seed, verdicts)| Ok((*seed, verdicts, row(verdicts)))))
    }

    /// The scores of a change: each seed with the verdicts before and after, on the same images.
    ///
    /// A run that has no seeds, such as zero-shot, stands before each of the others.
    pub fn of_change(runs: &[(Seed, &Verdicts, &Verdicts)]) -> Result<Self, StatisticsError> {
        Self::of_rows(runs.iter().map(|&(seed, before, after)| {
            before.same_images(seed, after)?;
            let change = |(before, after)| i8::from(after) - i8::from(before);
            Ok((seed, after, before.right().zip(after.right()).map(change).collect()))
        }))
    }

    fn of_rows<'a>(
        runs: impl Iterator<Item = Result<(Seed, &'a Verdicts, Vec<i8>), StatisticsError>>,
    ) -> Result<Self, StatisticsError> {
        let mut first: Option<&Verdicts> = None;
        let mut by_seed = BTreeMap::new();
        for run in runs {
            let (seed, verdicts, row) = run?;
            first.get_or_insert(verdicts).same_images(seed, verdicts)?;
            if by_seed.insert(seed, row).is_some() {
                return Err(StatisticsError::DuplicateSeed { seed });
            }
        }
        let first = first.ok_or(StatisticsError::Empty { what: "seeds" })?;
        let (seeds, rows) = by_seed.into_iter().unzip();
        Ok(Scores { seeds, images: first.images(), rows })
    }

    /// The scores of those seeds that are among some; none if none is.
    pub fn of_seeds(&self, among: &BTreeSet<Seed>) -> Option<Self> {
        let kept = self.seeds.iter().zip(&self.rows).filter(|(seed, _)| among.contains(seed));
        let (seeds, rows): (Vec<Seed>, Vec<Vec<i8>>) =
            kept.map(|(seed, row)| (*seed, row.clone())).unzip();
        let is_any = !seeds.is_empty();
        is_any.then(|| Scores { seeds, images: self.images.clone(), rows })
    }

    /// The number of seeds.
    pub fn n_seeds(&self) -> usize {
        self.seeds.len()
    }

    /// The number of images.
    pub fn n_images(&self) -> usize {
        self.images.len()
    }

    /// The mean score over seeds and images: percent of an accuracy, points of a change.
    pub fn mean_pct(&self) -> f64 {
        let means = self.seed_means();
        100.0 * means.iter().sum::<f64>() / means.len() as f64
    }

    /// The mean score of every seed: percent of an accuracy, points of a change.
    pub fn by_seed_pct(&self) -> SeedValues {
        let pct = self.seed_means().iter().map(|mean| 100.0 * mean).collect();
        SeedValues::new(pct).expect("a mean of at least one score from −1 to 1 is finite")
    }

    /// Of a change: the pairs of all seeds, counted together.
    pub fn pairs(&self) -> PairCounts {
        let count = |score| self.rows.iter().flatten().filter(|&&found| found == score).count();
        PairCounts::new(self.n_images() * self.n_seeds(), count(-1), count(1))
            .expect("a score is −1 or 1, not both, and there is at least one")
    }

    pub(super) fn seeds(&self) -> &[Seed] {
        &self.seeds
    }

    pub(super) fn images(&self) -> &[usize] {
        &self.images
    }

    pub(super) fn rows(&self) -> &[Vec<i8>] {
        &self.rows
    }

    /// The mean score of every seed, from −1 to 1.
    pub(super) fn seed_means(&self) -> Vec<f64> {
        let mean = |row: &Vec<i8>| {
            let sum: i64 = row.iter().map(|&score| i64::from(score)).sum();
            sum as f64 / row.len() as f64
        };
        self.rows.iter().map(mean).collect()
    }
}
