//! Wall-clock, throughput and memory, by method.

use std::collections::BTreeMap;

use clsrl_spec::DatasetId;

use super::{Group, mean};
use crate::rows::{Evaluated, FineTune, TrialRow};

/// What one group's trials took, in seconds unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clock {
    pub(crate) n_trials: usize,
    pub(crate) load: f64,
    pub(crate) rollout: f64,
    pub(crate) update: f64,
    pub(crate) evaluate: f64,
    pub(crate) total: f64,
    /// Training and evaluation on a GPU; none on a CPU.
    pub(crate) gpu: Option<f64>,
    pub(crate) train_images_per_second: Option<f64>,
    pub(crate) train_tokens_per_second: Option<f64>,
    pub(crate) evaluate_images_per_second: Option<f64>,
    pub(crate) evaluate_tokens_per_second: Option<f64>,
    pub(crate) peak_memory_bytes: i64,
}

/// The clocks of all groups that have a finished cell.
pub(crate) struct Clocks {
    /// By method and shots.
    pub(crate) by_group: BTreeMap<Group, Clock>,
    /// Mean seconds of rollout and update of a trial, by method, shots and dataset.
    pub(crate) training: BTreeMap<(Group, DatasetId), Option<f64>>,
}

impl Clocks {
    /// Sums the fine-tunes of each method.
    pub(crate) fn new(trials: &[TrialRow]) -> Self {
        let mut by_group: BTreeMap<Group, Vec<&TrialRow>> = BTreeMap::new();
        let mut by_dataset: BTreeMap<(Group, DatasetId), Vec<&TrialRow>> = BTreeMap::new();
        for trial in trials {
            let group = Group { method: trial.method, shots: trial.shots };
            by_group.entry(group).or_default().push(trial);
            if let Some(dataset) = trial.train_on {
                by_dataset.entry((group, dataset)).or_default().push(trial);
            }
        }
        let optimize =
            |trials: Vec<&TrialRow>| mean(trials.iter().filter_map(|trial| trial.optimize_s()));
        Clocks {
            by_group: by_group.into_iter().map(|(group, all)| (group, Clock::of(&all))).collect(),
            training: by_dataset.into_iter().map(|(key, all)| (key, optimize(all))).collect(),
        }
    }
}

impl Clock {
    fn of(trials: &[&TrialRow]) -> Self {
        let sum = |of: &dyn Fn(&TrialRow) -> Option<f64>| -> f64 {
            trials.iter().filter_map(|trial| of(trial)).sum()
        };
        let training = |of: fn(&FineTune) -> Option<f64>| sum(&|trial| of(&trial.training));
        let evaluated = |of: fn(&Evaluated) -> f64| sum(&|trial| Some(of(&trial.evaluated)));
        // What went through a training, from its rate.
        let work = |per_second: fn(&FineTune) -> Option<f64>| {
            sum(&|trial| Some(per_second(&trial.training)? * trial.optimize_s()?))
        };
        let is_rate = |rate: &f64| rate.is_finite() && 0.0 < *rate;
        let rate = |work: f64, seconds: f64| Some(work / seconds).filter(is_rate);
        let optimize = sum(&TrialRow::optimize_s);
        let evaluate = evaluated(|took| took.evaluate_s);
        let is_on_gpu = trials.iter().any(|trial| trial.evaluated.gpu_s.is_some());
        let images = evaluated(|took| took.evaluate_images as f64);
        let memory = trials.iter().map(|trial| trial.evaluated.peak_memory_bytes);
        Clock {
            n_trials: trials.len(),
            load: training(|took| took.load_s),
            rollout: training(|took| took.rollout_s),
            update: training(|took| took.update_s),
            evaluate,
            total: sum(&TrialRow::total_s),
            gpu: is_on_gpu.then(|| sum(&|trial| trial.evaluated.gpu_s)),
            train_images_per_second: rate(work(|took| took.train_images_per_second), optimize),
            train_tokens_per_second: rate(work(|took| took.train_tokens_per_second), optimize),
            evaluate_images_per_second: rate(images, evaluate),
            evaluate_tokens_per_second: rate(
                evaluated(|took| took.evaluate_tokens as f64),
                evaluate,
            ),
            peak_memory_bytes: memory.max().unwrap_or(0),
        }
    }
}
