//! Training curves step by step: means over the fine-tunes of a group.

use std::collections::BTreeMap;

use super::{Group, mean};
use crate::{rows::StepRow, statistics::SeedValues};

/// What is followed over steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StepValue {
    /// The mean sum of a completion's rewards.
    Reward,
    /// To the start model.
    Kl,
    /// Tokens of a completion.
    Tokens,
    /// The loss, which methods that sample nothing have as well.
    Loss,
}

impl StepValue {
    pub(crate) const ALL: [StepValue; 4] =
        [StepValue::Reward, StepValue::Kl, StepValue::Tokens, StepValue::Loss];

    fn of(self, row: &StepRow) -> Option<f64> {
        match self {
            StepValue::Reward => row.reward_mean,
            StepValue::Kl => row.kl,
            StepValue::Tokens => row.mean_tokens,
            StepValue::Loss => row.loss,
        }
    }
}

/// A mean over fine-tunes and its spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StepMean {
    pub(crate) step: usize,
    pub(crate) mean: f64,
    /// The standard deviation over fine-tunes (n − 1), from two on.
    pub(crate) sd: Option<f64>,
}

/// The curves of all groups that optimize.
pub(crate) struct StepMeans(BTreeMap<(Group, StepValue), Vec<StepMean>>);

impl StepMeans {
    /// Averages over fine-tunes, step by step, as long as at least half of a group's are there: those on
    /// few images end before the others.
    pub(crate) fn new(steps: &[StepRow]) -> Self {
        let mut by_step: BTreeMap<(Group, usize), Vec<&StepRow>> = BTreeMap::new();
        for row in steps {
            by_step.entry((Group::of_step(row), row.step)).or_default().push(row);
        }
        let mut most: BTreeMap<Group, usize> = BTreeMap::new();
        let mut means: BTreeMap<(Group, StepValue), Vec<StepMean>> = BTreeMap::new();
        for ((group, step), rows) in by_step {
            let most = most.entry(group).or_insert(0);
            *most = rows.len().max(*most);
            if 2 * rows.len() < *most {
                continue;
            }
            for value in StepValue::ALL {
                let values: Vec<f64> = rows.iter().filter_map(|row| value.of(row)).collect();
                let Some(mean) = mean(values.iter().copied()) else { continue };
                let sd = SeedValues::new(values).ok().and_then(|values| values.sd());
                means.entry((group, value)).or_default().push(StepMean { step, mean, sd });
            }
        }
        StepMeans(means)
    }

    /// A group's curve; empty where it has none.
    pub(crate) fn of(&self, group: Group, value: StepValue) -> &[StepMean] {
        self.0.get(&(group, value)).map_or(&[], Vec::as_slice)
    }
}
