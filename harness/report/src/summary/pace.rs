//! How long training takes to be as good as it gets, by its own reward.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, Seed};
use polars::prelude::DataFrame;

use super::{Group, read::Reader};
use crate::ReportError;

/// Steps whose reward is averaged, because a single step's says little.
const N_STEPS: usize = 5;

/// What counts as having reached the highest mean.
const SHARE: f64 = 0.95;

/// Mean seconds of a trial until the mean reward of five steps in a row first reached 95 % of the highest
/// such mean; of groups whose steps were timed and that have a reward.
pub(crate) struct Pace(pub(crate) BTreeMap<Group, f64>);

/// A fine-tune's steps in order: seconds and reward.
type Steps = Vec<(f64, f64)>;

impl Pace {
    pub(crate) fn new(curves: &DataFrame) -> Result<Self, ReportError> {
        let reader = Reader(curves);
        let mut trials: BTreeMap<(Group, Option<DatasetId>, Seed), Steps> = BTreeMap::new();
        for row in 0..reader.height() {
            let key = (reader.group(row)?, reader.train_on(row)?, reader.seed(row)?);
            let phases = ["load_s", "rollout_s", "update_s"].map(|name| reader.float(name, row));
            let [load, rollout, update] = phases;
            let seconds = match (load?, rollout?, update?) {
                (Some(load), Some(rollout), Some(update)) => Some(load + rollout + update),
                _ => None,
            };
            if let (Some(seconds), Some(reward)) = (seconds, reader.float("reward_mean", row)?) {
                trials.entry(key).or_default().push((seconds, reward));
            }
        }
        let mut by_group: BTreeMap<Group, Vec<f64>> = BTreeMap::new();
        for ((group, ..), steps) in trials {
            by_group.entry(group).or_default().extend(reached(&steps));
        }
        let means = by_group.into_iter().filter(|(_, seconds)| !seconds.is_empty());
        Ok(Pace(
            means.map(|(group, all)| (group, all.iter().sum::<f64>() / all.len() as f64)).collect(),
        ))
    }
}

fn reached(steps: &Steps) -> Option<f64> {
    let window = N_STEPS.min(steps.len()).max(1);
    let mean = |steps: &[(f64, f64)]| {
        steps.iter().map(|(_, reward)| reward).sum::<f64>() / steps.len() as f64
    };
    let means: Vec<f64> = steps.windows(window).map(mean).collect();
    let highest = means.iter().copied().reduce(f64::max).filter(|highest| 0.0 < *highest)?;
    let first = means.iter().position(|mean| SHARE * highest <= *mean)?;
    Some(steps[..first + window].iter().map(|(seconds, _)| seconds).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_five_steps_near_the_highest_mean_end_the_time() {
        let rewards = [0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        let steps: Steps = rewards.map(|reward| (2.0, reward)).to_vec();
        // Means of five: 0.5, 0.7, 0.9, 1.0, 1.0.
        assert_eq!(reached(&steps), Some(16.0));
        assert_eq!(reached(&vec![(2.0, 0.5), (3.0, 0.5)]), Some(5.0));
        assert_eq!(reached(&vec![(2.0, 0.0); 9]), None);
        assert_eq!(reached(&Vec::new()), None);
    }
}
