//! What a report is made from.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use clsrl_spec::{
    Binding, CellKey, CellRecord, DatasetId, EvalSplit, Protocol, TrainingRecord, Trial,
};

use crate::{CellRow, StepRow, SuiteVerdicts, TrialRow};

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
    /// The suite's name; empty where nobody told.
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
    /// Of the training pictures.
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

/// Everything measured that a report shows.
#[derive(Debug, Clone, Copy)]
pub struct ReportRows<'a> {
    /// The finished cells, in table order.
    pub cells: &'a [CellRow],
    /// The fine-tunes that have a finished cell, in table order.
    pub trials: &'a [TrialRow],
    /// The optimizer steps, in table order.
    pub steps: &'a [StepRow],
    /// The verdicts by picture, for what is compared on the same pictures.
    pub verdicts: &'a SuiteVerdicts,
}

/// The order of datasets in tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DatasetOrder {
    /// CoOp's and MaPLe's tables', in which suites list them.
    #[default]
    Coop,
    /// The CLS-RL paper's (arXiv 2503.16188 v1 Table 2).
    Paper,
}

impl DatasetOrder {
    /// Sorts datasets, each once.
    pub(crate) fn sorted(self, datasets: &BTreeSet<DatasetId>) -> Vec<DatasetId> {
        let mut sorted: Vec<DatasetId> = datasets.iter().copied().collect();
        if self == DatasetOrder::Paper {
            sorted.sort_by_key(|id| PAPER.iter().position(|of_paper| of_paper == id));
        }
        sorted
    }
}

impl FromStr for DatasetOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "coop" => Ok(DatasetOrder::Coop),
            "paper" => Ok(DatasetOrder::Paper),
            _ => Err("expected coop or paper".to_owned()),
        }
    }
}

const PAPER: [DatasetId; 11] = [
    DatasetId::ImageNet,
    DatasetId::Caltech101,
    DatasetId::Dtd,
    DatasetId::Eurosat,
    DatasetId::Food101,
    DatasetId::OxfordFlowers,
    DatasetId::OxfordPets,
    DatasetId::StanfordCars,
    DatasetId::Sun397,
    DatasetId::Ucf101,
    DatasetId::FgvcAircraft,
];

impl ReportContext<'_> {
    /// The class names that two datasets have both; none of a dataset and itself.
    pub(crate) fn shared_names(&self, one: DatasetId, other: DatasetId) -> &[String] {
        let pair = (one.min(other), one.max(other));
        self.shared_names.get(&pair).filter(|_| one != other).map_or(&[], Vec::as_slice)
    }
}

/// What a report says beside the numbers. Texts are untrusted; the writer escapes them.
#[derive(Debug, Clone)]
pub struct ReportContext<'a> {
    /// The suite's name.
    pub suite_name: String,
    /// What the suite is, in a sentence or two.
    pub suite_description: String,
    /// Whether the pictures were drawn by this program; the report then says so at every table.
    pub synthetic: bool,
    /// The name of the frames' files, without what tells them apart: `smoke` of `smoke.transfer.parquet`.
    pub frames: String,
    /// The command that makes these results.
    pub command: String,
    /// The start weights, by name.
    pub base_model: String,
    /// The start weights' digest.
    pub base_weights: String,
    /// Where the pictures come from.
    pub data: String,
    /// The suite's protocol.
    pub protocol: &'a Protocol,
    /// Where the published lists of a dataset can be had, as a sentence.
    pub standard_lists: BTreeMap<DatasetId, String>,
    /// The order of datasets in tables.
    pub order: DatasetOrder,
    /// The class names that two datasets have both, the first dataset before the second.
    pub shared_names: BTreeMap<(DatasetId, DatasetId), Vec<String>>,
    /// Every trial of the plan, done or not: a planned cell without a result is shown as missing.
    pub planned: &'a [Trial],
}
