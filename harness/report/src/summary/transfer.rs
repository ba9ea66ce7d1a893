//! Free-lunch transfer: what training on one dataset changes on the others, and how two methods differ.

use clsrl_spec::DatasetId;
use rayon::prelude::*;

use super::{Arm, Score, Survey};
use crate::{
    estimate::{Change, Contrast, Estimate, Estimates},
    verdicts::Repeats,
};

/// The transfer matrices of a suite by one score.
pub(crate) struct Transfer {
    /// Which verdict counts.
    pub(crate) score: Score,
    /// For every trained arm: its changes against zero-shot in its form under its prompt.
    pub(crate) matrices: Vec<TransferMatrix>,
    /// For every pair of trained arms with the same form and shots: what the later has more.
    pub(crate) differences: Vec<TransferMatrix>,
}

/// Changes in points, a row per dataset that was trained on, a column per dataset that was asked about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TransferMatrix {
    /// What is looked at.
    pub(crate) arm: Arm,
    /// What it is held against: zero-shot, or another trained arm.
    pub(crate) against: Arm,
    /// The rows' datasets.
    pub(crate) sources: Vec<DatasetId>,
    /// The columns' datasets.
    pub(crate) targets: Vec<DatasetId>,
    /// Zero-shot accuracy on every target; none where another arm is the reference.
    pub(crate) zero_shot: Vec<Estimate>,
    /// By source, then by target. A row is a family: its p-values are Holm's over its targets.
    pub(crate) cells: Vec<Vec<Change>>,
    /// Of every source: the mean of its cells but the in-domain one.
    pub(crate) by_source: Vec<Change>,
    /// Of every target: the same.
    pub(crate) by_target: Vec<Change>,
    /// The mean of all cells off the diagonal.
    pub(crate) whole: Change,
}

impl Transfer {
    /// Makes the matrices of all trained arms and of all pairs of them.
    pub(crate) fn new(survey: &Survey, estimates: &Estimates<'_>) -> Self {
        let trained: Vec<Arm> =
            survey.arms.iter().copied().filter(|arm| arm.is_trained()).collect();
        let reference = |arm: Arm| {
            let zero_shot = survey.zero_shot_of(arm);
            zero_shot.unwrap_or_else(|| Arm::zero_shot(arm.form, arm.prompt()))
        };
        let mut pairs = Vec::new();
        for (position, &against) in trained.iter().enumerate() {
            let alike =
                |arm: &&Arm| (arm.form, arm.group.shots) == (against.form, against.group.shots);
            pairs.extend(trained[position + 1..].iter().filter(alike).map(|&arm| (arm, against)));
        }
        let matrix = |&(arm, against)| TransferMatrix::new(survey, estimates, arm, against);
        let changes: Vec<(Arm, Arm)> = trained.iter().map(|&arm| (arm, reference(arm))).collect();
        Transfer {
            score: estimates.score,
            matrices: changes.iter().map(matrix).collect(),
            differences: pairs.iter().map(matrix).collect(),
        }
    }

    /// Of an arm's cells off the diagonal: how many have a change, how many a change below zero.
    pub(crate) fn n_below_zero(&self, arm: Arm) -> (usize, usize) {
        self.of(arm).map_or((0, 0), TransferMatrix::n_below_zero)
    }

    /// The changes of an arm against zero-shot.
    pub(crate) fn of(&self, arm: Arm) -> Option<&TransferMatrix> {
        self.matrices.iter().find(|matrix| matrix.arm == arm)
    }
}

impl TransferMatrix {
    fn new(survey: &Survey, estimates: &Estimates<'_>, arm: Arm, against: Arm) -> Self {
        let (sources, targets) = (survey.in_domain.clone(), survey.targets.clone());
        let contrast = |source, target| Contrast {
            before: against.repeats(source, target),
            after: arm.repeats(source, target),
        };
        let row = |&source: &DatasetId| -> Vec<Contrast> {
            targets.iter().map(|&target| contrast(source, target)).collect()
        };
        let rows: Vec<Vec<Contrast>> = sources.iter().map(row).collect();
        let column = |&target: &DatasetId| -> Vec<Contrast> {
            sources.iter().map(|&source| contrast(source, target)).collect()
        };
        let columns: Vec<Vec<Contrast>> = targets.iter().map(column).collect();
        let others = |contrasts: &Vec<Contrast>| estimates.average_change(&off_diagonal(contrasts));
        let accuracy = |&target: &DatasetId| {
            let zero_shot: Repeats = against.repeats(target, target);
            if against.is_trained() { Estimate::default() } else { estimates.accuracy(zero_shot) }
        };
        TransferMatrix {
            arm,
            against,
            zero_shot: targets.iter().map(accuracy).collect(),
            cells: rows.iter().map(|row| estimates.family(row)).collect(),
            by_source: rows.par_iter().map(others).collect(),
            by_target: columns.par_iter().map(others).collect(),
            whole: others(&rows.concat()),
            sources,
            targets,
        }
    }

    /// Every cell with its source and target, row by row.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (DatasetId, DatasetId, &Change)> {
        self.sources.iter().zip(&self.cells).flat_map(|(&source, row)| {
            self.targets.iter().zip(row).map(move |(&target, change)| (source, target, change))
        })
    }

    /// Whether any cell has a change.
    pub(crate) fn is_any(&self) -> bool {
        self.cells().any(|(_, _, change)| change.estimate.mean.is_some())
    }

    /// Of the cells off the diagonal: how many have a change, how many a change below zero.
    pub(crate) fn n_below_zero(&self) -> (usize, usize) {
        let away = self.cells().filter(|(source, target, _)| source != target);
        let changes: Vec<f64> = away.filter_map(|(_, _, change)| change.estimate.mean).collect();
        (changes.len(), changes.iter().filter(|&&change| change < 0.0).count())
    }

    /// Of the cells off the diagonal without a significant change: the smallest and the largest change
    /// that would have been found.
    pub(crate) fn detectable(&self) -> Option<(f64, f64)> {
        let away = self.cells().filter(|(source, target, _)| source != target);
        let found = away.filter_map(|(_, _, change)| change.detectable_if_none());
        found.fold(None, |ends, points| match ends {
            None => Some((points, points)),
            Some((low, high)) => Some((points.min(low), points.max(high))),
        })
    }
}

/// The contrasts whose models were not trained on what they are asked about.
fn off_diagonal(contrasts: &[Contrast]) -> Vec<Contrast> {
    let is_away = |contrast: &&Contrast| contrast.after.source != Some(contrast.after.cell.target);
    contrasts.iter().filter(is_away).copied().collect()
}
