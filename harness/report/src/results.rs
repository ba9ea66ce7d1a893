//! What a report is made from.

use std::collections::BTreeMap;

use clsrl_spec::{CellRecord, DatasetId, Protocol, TrainingRecord, Trial};

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
    /// Every trial of the plan, done or not: a planned cell without a result is shown as missing.
    pub planned: &'a [Trial],
}
