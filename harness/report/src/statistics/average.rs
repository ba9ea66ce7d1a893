//! The mean of several cells, and what of it varies together.
//!
//! Two cells are independent unless they share fine-tunes (one model, several targets) or images (one
//! target, several models). Both are kept, so that whatever is resampled or summed is resampled or
//! summed once.

use std::collections::BTreeMap;

use super::{Scores, StatisticsError};

/// A cell of an average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AveragedCell<'a> {
    /// Names its fine-tunes: cells of one name are answers of the same models, seed by seed.
    pub fine_tunes: &'a str,
    /// Names its images: cells of one name are answers about the same images.
    pub images: &'a str,
    /// Its scores.
    pub scores: &'a Scores,
}

/// The mean of cells, each with the same weight. At least one; a single cell is its own average.
#[derive(Debug, Clone, PartialEq)]
pub struct Average {
    /// The number of seeds of every group of fine-tunes.
    pub(super) n_seeds: Vec<usize>,
    pub(super) targets: Vec<Target>,
    n_cells: usize,
}

/// The images of one name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    /// The group of fine-tunes and the seed in it, of every column.
    pub(super) columns: Vec<(usize, usize)>,
    /// Different rows of scores, each with the number of images that have it, the commonest first.
    pub(super) patterns: Vec<(Vec<i8>, usize)>,
    pub(super) n_images: usize,
}

impl Average {
    /// Puts cells together. Refuses none, and cells of one name whose seeds or images differ.
    pub fn new(cells: &[AveragedCell<'_>]) -> Result<Self, StatisticsError> {
        if cells.is_empty() {
            return Err(StatisticsError::Empty { what: "cells" });
        }
        let mut groups: BTreeMap<&str, (usize, &Scores)> = BTreeMap::new();
        let mut targets: BTreeMap<&str, Vec<(usize, &Scores)>> = BTreeMap::new();
        for cell in cells {
            let n_groups = groups.len();
            let (group, first) = *groups.entry(cell.fine_tunes).or_insert((n_groups, cell.scores));
            check_same("seeds", cell.fine_tunes, first.seeds() == cell.scores.seeds())?;
            let members = targets.entry(cell.images).or_default();
            let same = members.iter().all(|(_, other)| other.images() == cell.scores.images());
            check_same("images", cell.images, same)?;
            members.push((group, cell.scores));
        }
        let mut n_seeds = vec![0; groups.len()];
        for (group, scores) in groups.into_values() {
            n_seeds[group] = scores.n_seeds();
        }
        let targets = targets.into_values().map(|members| Target::new(&members)).collect();
        Ok(Average { n_seeds, targets, n_cells: cells.len() })
    }

    /// The number of cells.
    pub fn n_cells(&self) -> usize {
        self.n_cells
    }

    /// The number of images, those of one name counted once.
    pub fn n_images(&self) -> usize {
        self.targets.iter().map(|target| target.n_images).sum()
    }

    /// The fewest seeds of a cell. With one, intervals say nothing of other seeds.
    pub fn fewest_seeds(&self) -> usize {
        self.n_seeds.iter().copied().min().unwrap_or(0)
    }

    /// The mean: percent of an accuracy, points of a change.
    pub fn mean_pct(&self) -> f64 {
        let whole: Vec<Vec<usize>> = self.n_seeds.iter().map(|&n| vec![1; n]).collect();
        let mean = |target: &Target| {
            let times: Vec<usize> = target.patterns.iter().map(|(_, n)| *n).collect();
            target.mean(&times, &self.weights(target, &whole))
        };
        100.0 * self.targets.iter().map(mean).sum::<f64>()
    }

    /// The weight of each of a target's columns, where every seed counts a number of times.
    ///
    /// All columns' weights, of all targets, sum to 1.
    pub(super) fn weights(&self, target: &Target, times: &[Vec<usize>]) -> Vec<f64> {
        let weight = |&(group, seed): &(usize, usize)| {
            times[group][seed] as f64 / (self.n_seeds[group] * self.n_cells) as f64
        };
        target.columns.iter().map(weight).collect()
    }
}

impl Target {
    fn new(cells: &[(usize, &Scores)]) -> Self {
        let n_images = cells[0].1.n_images();
        let columns = cells
            .iter()
            .flat_map(|(group, scores)| (0..scores.n_seeds()).map(|seed| (*group, seed)))
            .collect();
        let rows: Vec<&Vec<i8>> = cells.iter().flat_map(|(_, scores)| scores.rows()).collect();
        let mut counts: BTreeMap<Vec<i8>, usize> = BTreeMap::new();
        for image in 0..n_images {
            *counts.entry(rows.iter().map(|row| row[image]).collect()).or_default() += 1;
        }
        let mut patterns: Vec<_> = counts.into_iter().collect();
        patterns.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        Target { columns, patterns, n_images }
    }

    /// The mean over images of their weighted scores, where every pattern counts a number of times.
    ///
    /// Scores are summed as whole numbers first: there are far more patterns than columns.
    pub(super) fn mean(&self, times: &[usize], weights: &[f64]) -> f64 {
        let mut sums = vec![0_i64; self.columns.len()];
        let drawn = self.patterns.iter().zip(times).filter(|(_, times)| **times != 0);
        for ((row, _), &times) in drawn {
            for (sum, &score) in sums.iter_mut().zip(row) {
                *sum += times as i64 * i64::from(score);
            }
        }
        let sum: f64 = sums.iter().zip(weights).map(|(&sum, weight)| sum as f64 * weight).sum();
        sum / self.n_images as f64
    }
}

/// An image's scores, summed with the weights of their columns.
pub(super) fn weighted(row: &[i8], weights: &[f64]) -> f64 {
    row.iter().zip(weights).map(|(&score, weight)| f64::from(score) * weight).sum()
}

fn check_same(what: &'static str, name: &str, same: bool) -> Result<(), StatisticsError> {
    match same {
        true => Ok(()),
        false => Err(StatisticsError::CellsDiffer { what, name: name.to_owned() }),
    }
}
