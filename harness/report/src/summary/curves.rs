//! Training curves, from their first step to their last.

use std::collections::BTreeMap;

use super::{Group, mean};
use crate::rows::StepRow;

/// A number at a fine-tune's first and last step, averaged over fine-tunes.
pub(crate) type Ends = (Option<f64>, Option<f64>);

/// The curves of one group's fine-tunes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Curve {
    pub(crate) n_trials: usize,
    /// The fewest steps of a fine-tune, and the most.
    pub(crate) steps: (usize, usize),
    pub(crate) loss: Ends,
    pub(crate) reward_mean: Ends,
    pub(crate) kl: Ends,
    pub(crate) mean_tokens: Ends,
    pub(crate) truncated: Ends,
    pub(crate) zero_variance_groups: Ends,
}

/// The curves of all groups that optimize.
pub(crate) struct Curves(pub(crate) BTreeMap<Group, Curve>);

impl Curves {
    /// Takes each fine-tune's first and last step and averages them over the fine-tunes.
    pub(crate) fn new(steps: &[StepRow]) -> Self {
        let mut by_group: BTreeMap<Group, Vec<&[StepRow]>> = BTreeMap::new();
        for trial in fine_tunes(steps) {
            by_group.entry(Group::of_step(&trial[0])).or_default().push(trial);
        }
        Curves(by_group.into_iter().map(|(group, trials)| (group, Curve::of(&trials))).collect())
    }
}

/// The steps of each fine-tune, in order; never empty. Rows of one fine-tune stand together.
pub(super) fn fine_tunes(steps: &[StepRow]) -> impl Iterator<Item = &[StepRow]> {
    let key = |row: &StepRow| (row.method, row.train_on, row.shots, row.seed);
    steps.chunk_by(move |row, next| key(row) == key(next))
}

impl Curve {
    fn of(trials: &[&[StepRow]]) -> Self {
        let ends = |of: fn(&StepRow) -> Option<f64>| -> Ends {
            let firsts = trials.iter().filter_map(|steps| of(steps.first()?));
            let lasts = trials.iter().filter_map(|steps| of(steps.last()?));
            (mean(firsts), mean(lasts))
        };
        let n_steps = || trials.iter().map(|steps| steps.len());
        Curve {
            n_trials: trials.len(),
            steps: (n_steps().min().unwrap_or(0), n_steps().max().unwrap_or(0)),
            loss: ends(|row| row.loss),
            reward_mean: ends(|row| row.reward_mean),
            kl: ends(|row| row.kl),
            mean_tokens: ends(|row| row.mean_tokens),
            truncated: ends(|row| row.truncated),
            zero_variance_groups: ends(|row| row.zero_variance_groups),
        }
    }
}
