//! Wall-clock, throughput and memory, by method.

use std::collections::BTreeMap;

use clsrl_spec::DatasetId;

use super::{Group, mean};
use crate::rows::{CellRow, TrialRow};

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
    /// Sums the cells of each fine-tune, then the fine-tunes of each method.
    pub(crate) fn new(cells: &[CellRow]) -> Self {
        let trials = TrialRow::all(cells);
        let mut by_group: BTreeMap<Group, Vec<&TrialRow>> = BTreeMap::new();
        let mut by_dataset: BTreeMap<(Group, DatasetId), Vec<&TrialRow>> = BTreeMap::new();
        for trial in &trials {
            let group = Group { method: trial.method, shots: trial.shots };
            by_group.entry(group).or_default().push(trial);
            if let Some(dataset) = trial.train_on {
                by_dataset.entry((group, dataset)).or_default().push(trial);
            }
        }
        let optimize =
            |trials: Vec<&TrialRow>| mean(trials.iter().filter_map(|trial| trial.optimize_s));
        Clocks {
            by_group: by_group.into_iter().map(|(group, all)| (group, Clock::of(&all))).collect(),
            training: by_dataset.into_iter().map(|(key, all)| (key, optimize(all))).collect(),
        }
    }
}

impl Clock {
    fn of(trials: &[&TrialRow]) -> Self {
        let sum = |of: fn(&TrialRow) -> Option<f64>| -> f64 {
            trials.iter().filter_map(|trial| of(trial)).sum()
        };
        let is_rate = |rate: &f64| rate.is_finite() && 0.0 < *rate;
        let rate = |work: f64, seconds: f64| Some(work / seconds).filter(is_rate);
        let optimize = sum(|trial| trial.optimize_s);
        let evaluate = sum(|trial| Some(trial.evaluate_s));
        let is_on_gpu = trials.iter().any(|trial| trial.gpu_s.is_some());
        let images: usize = trials.iter().map(|trial| trial.evaluate_images).sum();
        let memory = trials.iter().map(|trial| trial.peak_memory_bytes);
        Clock {
            n_trials: trials.len(),
            load: sum(|trial| trial.load_s),
            rollout: sum(|trial| trial.rollout_s),
            update: sum(|trial| trial.update_s),
            evaluate,
            total: sum(|trial| trial.total_s),
            gpu: is_on_gpu.then(|| sum(|trial| trial.gpu_s)),
            train_images_per_second: rate(sum(|trial| trial.train_images), optimize),
            train_tokens_per_second: rate(sum(|trial| trial.train_tokens), optimize),
            evaluate_images_per_second: rate(images as f64, evaluate),
            evaluate_tokens_per_second: rate(sum(|trial| Some(trial.evaluate_tokens)), evaluate),
            peak_memory_bytes: memory.max().unwrap_or(0),
        }
    }
}
