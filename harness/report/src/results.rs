//! What results a report is made from, and what those were made from.

use std::collections::BTreeMap;

use clsrl_spec::{
    Binding, CellKey, CellRecord, DatasetId, EvalSplit, Prediction, TrainingRecord, Trial,
};

/// What is there of one trial: its training and those of its cells that are done.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialResults {
    /// The trial, resolved.
    pub trial: Trial,
    /// The id of its fine-tune.
    pub training_id: String,
    /// The record of its fine-tune.
    pub training: TrainingRecord,
    /// Its finished cells, each with its id.
    pub cells: Vec<(String, CellRecord)>,
    /// What they were made from.
    pub provenance: Provenance,
}

/// What results were made from: digests, and who gave the verdicts. A digest that nobody knows is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The suite's name; empty where it is unknown.
    pub suite: String,
    /// The start model's name; likewise.
    pub model: String,
    /// Of the start weights.
    pub base_weights: String,
    /// `cpu` or `cuda`.
    pub device_kind: String,
    /// `f32` or `bf16`.
    pub precision: String,
    /// Of the dataset that was trained on.
    pub train_data: Option<String>,
    /// Of the training images.
    pub picks: Option<String>,
    /// Of the rendered training prompts.
    pub train_prompts: Option<String>,
    /// Of each cell.
    pub cells: BTreeMap<CellKey, CellProvenance>,
    /// Whether the verdicts were given anew, from the stored texts, after the run.
    pub rescored: bool,
}

/// What a cell was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CellProvenance {
    /// Digest of the target's data.
    pub data: Option<String>,
    /// Digest of the rendered prompts.
    pub prompts: Option<String>,
    /// The version of the scorers that gave the verdicts.
    pub scorer_version: u32,
    /// Whether its record and that of its fine-tune have seals, which those of earlier formats have not.
    pub is_sealed: bool,
}

/// A finished cell whose predictions are not in the samples' frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The trial's key.
    pub trial: String,
    /// The cell.
    pub cell: CellKey,
    /// Why.
    pub reason: String,
}

/// Hands over a cell's predictions, or tells why it cannot.
pub type ReadPredictions<'a> = dyn FnMut(&Trial, CellKey) -> Result<Vec<Prediction>, String> + 'a;

impl TrialResults {
    /// The part of a target that was evaluated.
    pub(crate) fn split(&self, target: DatasetId) -> Option<EvalSplit> {
        self.trial.evaluation.splits.get(&target).copied()
    }

    /// What a cell was made from.
    pub(crate) fn of_cell(&self, cell: CellKey) -> Option<&CellProvenance> {
        self.provenance.cells.get(&cell)
    }
}

impl Provenance {
    /// What a trial is made from under a binding, with verdicts of these scorers.
    pub fn of(trial: &Trial, binding: &Binding, scorer_version: u32) -> Self {
        let data = |dataset| binding.data.get(&dataset).cloned();
        let cell = |key: CellKey| {
            let prompts = binding.prompts.get(&key.to_string()).cloned();
            let data = data(key.target);
            (key, CellProvenance { data, prompts, scorer_version, is_sealed: true })
        };
        Provenance {
            suite: String::new(),
            model: String::new(),
            base_weights: binding.base_weights.clone(),
            device_kind: binding.device_kind.clone(),
            precision: binding.precision.clone(),
            train_data: match binding.earlier.contains(&trial.key()) {
                true => trial.train_on.and_then(data),
                false => trial.picks_key().and_then(|key| binding.training_data.get(&key).cloned()),
            },
            picks: trial.picks_key().and_then(|key| binding.picks.get(&key).cloned()),
            train_prompts: binding.prompts.get(&trial.key()).cloned(),
            cells: trial.cells().into_iter().map(cell).collect(),
            rescored: false,
        }
    }
}
