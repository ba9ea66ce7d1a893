//! The trials' rows: what each fine-tune took, with the evaluation of its cells.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, MethodId};

use super::CellRow;

/// A fine-tune that has a finished cell. A cell's seconds that are not known count as none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrialRow {
    pub(crate) method: MethodId,
    /// The dataset that was trained on; none for zero-shot.
    pub(crate) train_on: Option<DatasetId>,
    /// Training pictures of each class; 0 for zero-shot.
    pub(crate) shots: usize,
    /// Seconds of reading weights, tokenizer and training pictures.
    pub(crate) load_s: Option<f64>,
    /// Seconds of sampling completions and rewarding them.
    pub(crate) rollout_s: Option<f64>,
    /// Seconds of forward, backward and optimizer.
    pub(crate) update_s: Option<f64>,
    /// Seconds of rollout and update.
    pub(crate) optimize_s: Option<f64>,
    /// Seconds of the evaluation of all its cells.
    pub(crate) evaluate_s: f64,
    /// Seconds of loading, optimizing and evaluating.
    pub(crate) total_s: Option<f64>,
    /// GPU-seconds of training and evaluation; none on a CPU.
    pub(crate) gpu_s: Option<f64>,
    /// Pictures seen by the optimizer.
    pub(crate) train_images: Option<f64>,
    /// Tokens of completions or examples.
    pub(crate) train_tokens: Option<f64>,
    /// Pictures answered.
    pub(crate) evaluate_images: usize,
    /// Tokens of all answers.
    pub(crate) evaluate_tokens: f64,
    /// Most memory at the end of training or of a cell, in bytes.
    pub(crate) peak_memory_bytes: i64,
}

impl TrialRow {
    /// Gathers the cells of each fine-tune, in the order of their first cells.
    pub(crate) fn all(cells: &[CellRow]) -> Vec<Self> {
        let mut position_of = BTreeMap::new();
        let mut trials: Vec<Vec<&CellRow>> = Vec::new();
        for cell in cells {
            let key = (&cell.training_id, cell.method, cell.train_on, cell.shots, cell.seed);
            let position = *position_of.entry(key).or_insert(trials.len());
            match trials.get_mut(position) {
                Some(trial) => trial.push(cell),
                None => trials.push(vec![cell]),
            }
        }
        trials.iter().map(|cells| TrialRow::of(cells[0], cells)).collect()
    }

    /// What a fine-tune's cells tell: each the same of its training, and its own evaluation.
    fn of(first: &CellRow, cells: &[&CellRow]) -> Self {
        let training = &first.training;
        let sum = |of: fn(&CellRow) -> Option<f64>| cells.iter().filter_map(|cell| of(cell)).sum();
        let sum_of_both = |one: Option<f64>, other: Option<f64>| Some(one? + other?);
        let optimize_s = sum_of_both(training.rollout_s, training.update_s);
        let work = |per_second: Option<f64>| Some(per_second? * optimize_s?);
        let evaluate_s = sum(|cell| cell.evaluate_s);
        let memory = cells.iter().map(|cell| cell.peak_memory_bytes);
        TrialRow {
            method: first.method,
            train_on: first.train_on,
            shots: first.shots,
            load_s: training.load_s,
            rollout_s: training.rollout_s,
            update_s: training.update_s,
            optimize_s,
            evaluate_s,
            total_s: sum_of_both(sum_of_both(training.load_s, optimize_s), Some(evaluate_s)),
            gpu_s: sum_of_both(training.train_gpu_s, Some(sum(|cell| cell.evaluate_gpu_s))),
            train_images: work(training.train_images_per_second),
            train_tokens: work(training.train_tokens_per_second),
            evaluate_images: cells.iter().map(|cell| cell.n).sum(),
            evaluate_tokens: sum(|cell| Some(cell.n as f64 * cell.mean_tokens?)),
            peak_memory_bytes: memory.fold(training.train_peak_memory_bytes, i64::max),
        }
    }
}
