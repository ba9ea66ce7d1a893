//! How long training takes to be as good as it gets, by its own reward.

use std::collections::BTreeMap;

use super::{Group, curves::fine_tunes, mean};
use crate::rows::StepRow;

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
    pub(crate) fn new(steps: &[StepRow]) -> Self {
        let timed =
            |row: &StepRow| Some((row.load_s? + row.rollout_s? + row.update_s?, row.reward_mean?));
        let mut by_group: BTreeMap<Group, Vec<f64>> = BTreeMap::new();
        for trial in fine_tunes(steps) {
            let steps: Steps = trial.iter().filter_map(timed).collect();
            by_group.entry(Group::of_step(&trial[0])).or_default().extend(reached(&steps));
        }
        let means = by_group.into_iter();
        Pace(means.filter_map(|(group, all)| Some((group, mean(all)?))).collect())
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
