//! How methods stand to zero-shot and to the best of them, dataset by dataset and on average.

use clsrl_spec::DatasetId;

use super::{Change, Contrast, Estimate, Estimates};
use crate::{summary::Arm, verdicts::Repeats};

/// A method's place in a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    pub(crate) estimate: Estimate,
    /// Against zero-shot, in the family of the row's datasets; the average alone.
    pub(crate) change: Option<Change>,
    /// Against the best; none where that was not tested.
    pub(crate) rank: Option<Rank>,
}

/// How a method stands to the best of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Its mean is the highest, or first among equals.
    Best,
    /// A paired test finds no difference to the best, at 5 % in the family of the row's datasets.
    NotWorse,
    /// It finds one.
    Worse,
}

impl Rank {
    /// Its name in data.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Rank::Best => "best",
            Rank::NotWorse => "not significantly worse than the best",
            Rank::Worse => "significantly worse than the best",
        }
    }
}

/// The rows of a table: every arm on every dataset that it was trained on, and their average last. `zero_shot`
/// gives the arm that a change is against.
pub(crate) fn standings(
    estimates: &Estimates<'_>,
    arms: &[Arm],
    datasets: &[DatasetId],
    zero_shot: impl Fn(Arm) -> Option<Arm>,
) -> Vec<Vec<Standing>> {
    let means: Vec<Vec<Estimate>> = arms.iter().map(|&arm| row(estimates, arm, datasets)).collect();
    let best: Vec<Option<usize>> = (0..=datasets.len()).map(|at| best(&means, at)).collect();
    let standing = |(position, &arm): (usize, &Arm)| -> Vec<Standing> {
        let changes = match zero_shot(arm).filter(|_| arm.is_trained()) {
            None => vec![None; datasets.len() + 1],
            Some(before) => changes(estimates, |_| Some(before), arm, datasets),
        };
        let against_best = changes_against(estimates, arms, &best, position, datasets);
        let rank = |at: usize| match best[at]? == position {
            true => Some(Rank::Best),
            false => rank_of(against_best[at]?),
        };
        let columns = means[position].iter().zip(changes).enumerate();
        columns
            .map(|(at, (&estimate, change))| Standing { estimate, change, rank: rank(at) })
            .collect()
    };
    arms.iter().enumerate().map(standing).collect()
}

fn row(estimates: &Estimates<'_>, arm: Arm, datasets: &[DatasetId]) -> Vec<Estimate> {
    let cells: Vec<Repeats> = datasets.iter().map(|&id| arm.repeats(id, id)).collect();
    let by_dataset = cells.iter().map(|&cells| estimates.accuracy(cells));
    by_dataset.chain([estimates.average(&cells)]).collect()
}

fn best(means: &[Vec<Estimate>], at: usize) -> Option<usize> {
    let there = means.iter().enumerate().filter_map(|(arm, row)| Some((arm, row[at].mean?)));
    let higher = |best: (usize, f64), next: (usize, f64)| if best.1 < next.1 { next } else { best };
    there.reduce(higher).map(|(arm, _)| arm)
}

/// The changes from another arm, which may differ by dataset, to this one: a family, and the average's last,
/// for which `before` is asked with no dataset.
fn changes(
    estimates: &Estimates<'_>,
    before: impl Fn(Option<usize>) -> Option<Arm>,
    after: Arm,
    datasets: &[DatasetId],
) -> Vec<Option<Change>> {
    let contrast = |before: Arm, id: DatasetId| Contrast {
        before: before.repeats(id, id),
        after: after.repeats(id, id),
    };
    let asked: Vec<(usize, Contrast)> = datasets
        .iter()
        .enumerate()
        .filter_map(|(at, &id)| Some((at, contrast(before(Some(at))?, id))))
        .collect();
    let contrasts: Vec<Contrast> = asked.iter().map(|(_, contrast)| *contrast).collect();
    let mut changes = vec![None; datasets.len() + 1];
    for ((at, _), change) in asked.iter().zip(estimates.family(&contrasts)) {
        changes[*at] = Some(change);
    }
    if let Some(before) = before(None) {
        let contrasts: Vec<Contrast> = datasets.iter().map(|&id| contrast(before, id)).collect();
        changes[datasets.len()] = Some(estimates.average_change(&contrasts));
    }
    changes
}

fn changes_against(
    estimates: &Estimates<'_>,
    arms: &[Arm],
    best: &[Option<usize>],
    position: usize,
    datasets: &[DatasetId],
) -> Vec<Option<Change>> {
    let before = |at: Option<usize>| {
        let best = best[at.unwrap_or(datasets.len())].filter(|&best| best != position)?;
        Some(arms[best])
    };
    changes(estimates, before, arms[position], datasets)
}

fn rank_of(change: Change) -> Option<Rank> {
    change.is_significant().map(|differs| if differs { Rank::Worse } else { Rank::NotWorse })
}
