//! Training curves, from their first step to their last.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, IntoLazy, SortMultipleOptions, col, len};

use super::{
    Group,
    read::{Reader, counted, grouped},
};
use crate::ReportError;

/// A number at a fine-tune's first and last step, averaged over fine-tunes.
pub(crate) type Ends = (Option<f64>, Option<f64>);

/// The curves of one group's fine-tunes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Curve {
    pub(crate) n_trials: usize,
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

const VALUES: [&str; 6] =
    ["loss", "reward_mean", "kl", "mean_tokens", "truncated", "zero_variance_groups"];

impl Curves {
    /// Takes each fine-tune's first and last step and averages them over the fine-tunes.
    pub(crate) fn new(curves: &DataFrame) -> Result<Self, ReportError> {
        let ends = |name: &str| {
            [
                col(name).first().alias(format!("{name}_first")),
                col(name).last().alias(format!("{name}_last")),
            ]
        };
        let mut of_trial: Vec<_> = VALUES.iter().flat_map(|name| ends(name)).collect();
        of_trial.push(counted(len()).alias("steps"));
        let ordered = curves.clone().lazy().sort(["step"], stable());
        let trials = grouped(ordered, &["method", "train_on", "shots", "seed"], of_trial)
            .sort(["method", "train_on", "shots", "seed"], stable());
        let mean = |name: &&str| ["first", "last"].map(|end| col(format!("{name}_{end}")).mean());
        let mut of_group: Vec<_> = VALUES.iter().flat_map(mean).collect();
        of_group.push(col("steps").min().alias("steps_min"));
        of_group.push(col("steps").max().alias("steps_max"));
        of_group.push(counted(len()).alias("n_trials"));
        let groups = grouped(trials, &["method", "shots"], of_group).collect()?;
        read(&Reader(&groups)).map(Curves)
    }
}

fn stable() -> SortMultipleOptions {
    SortMultipleOptions::default().with_maintain_order(true)
}

fn read(reader: &Reader<'_>) -> Result<BTreeMap<Group, Curve>, ReportError> {
    let entry = |row| {
        let ends = |name: &str| -> Result<Ends, ReportError> {
            Ok((
                reader.float(&format!("{name}_first"), row)?,
                reader.float(&format!("{name}_last"), row)?,
            ))
        };
        let curve = Curve {
            n_trials: reader.count("n_trials", row)?,
            steps: (reader.count("steps_min", row)?, reader.count("steps_max", row)?),
            loss: ends("loss")?,
            reward_mean: ends("reward_mean")?,
            kl: ends("kl")?,
            mean_tokens: ends("mean_tokens")?,
            truncated: ends("truncated")?,
            zero_variance_groups: ends("zero_variance_groups")?,
        };
        Ok((reader.group(row)?, curve))
    };
    (0..reader.height()).map(entry).collect()
}
