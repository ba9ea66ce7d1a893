//! Training curves step by step: means over the fine-tunes of a group.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, IntoLazy, SortMultipleOptions, col, len};

use super::{
    Group,
    read::{Reader, counted, grouped},
};
use crate::ReportError;

/// What is followed over steps: its column, its name, and the numbers that it cannot leave.
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

    fn column(self) -> &'static str {
        match self {
            StepValue::Reward => "reward_mean",
            StepValue::Kl => "kl",
            StepValue::Tokens => "mean_tokens",
            StepValue::Loss => "loss",
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
    /// few pictures end before the others.
    pub(crate) fn new(curves: &DataFrame) -> Result<Self, ReportError> {
        let stable = SortMultipleOptions::default().with_maintain_order(true);
        let ordered = curves.clone().lazy().sort(["method", "shots", "step"], stable);
        let of_value = |value: &StepValue| {
            let name = value.column();
            [
                col(name).mean().alias(format!("{name}_mean")),
                col(name).std(1).alias(format!("{name}_sd")),
            ]
        };
        let mut aggregations: Vec<_> = StepValue::ALL.iter().flat_map(of_value).collect();
        aggregations.push(counted(len()).alias("n_trials"));
        let steps = grouped(ordered, &["method", "shots", "step"], aggregations).collect()?;
        let reader = Reader(&steps);
        let mut most: BTreeMap<Group, usize> = BTreeMap::new();
        let mut means: BTreeMap<(Group, StepValue), Vec<StepMean>> = BTreeMap::new();
        for row in 0..reader.height() {
            let (group, n_trials) = (reader.group(row)?, reader.count("n_trials", row)?);
            let most = most.entry(group).or_insert(n_trials);
            *most = n_trials.max(*most);
            if 2 * n_trials < *most {
                continue;
            }
            for value in StepValue::ALL {
                let name = value.column();
                let Some(mean) = reader.float(&format!("{name}_mean"), row)? else { continue };
                let sd = reader.float(&format!("{name}_sd"), row)?;
                let step = reader.count("step", row)?;
                means.entry((group, value)).or_default().push(StepMean { step, mean, sd });
            }
        }
        Ok(StepMeans(means))
    }

    /// A group's curve; empty where it has none.
    pub(crate) fn of(&self, group: Group, value: StepValue) -> &[StepMean] {
        self.0.get(&(group, value)).map_or(&[], Vec::as_slice)
    }
}
