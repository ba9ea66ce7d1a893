//! What a report shows and says: the rows of its results, and the words around them.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, Protocol, Trial};

use crate::{CellRow, Classes, DatasetOrder, StepRow, SuiteVerdicts, TrialRow};

/// Everything measured that a report shows.
#[derive(Debug, Clone, Copy)]
pub struct ReportRows<'a> {
    /// The finished cells, in table order.
    pub cells: &'a [CellRow],
    /// The fine-tunes that have a finished cell, in table order.
    pub trials: &'a [TrialRow],
    /// The optimizer steps, in table order.
    pub steps: &'a [StepRow],
    /// The verdicts by image, for what is compared on the same images.
    pub verdicts: &'a SuiteVerdicts,
    /// The answers by class.
    pub classes: &'a Classes,
}

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
    /// Whether the images were drawn by this program; the report then says so at every table.
    pub synthetic: bool,
    /// The name of the frames' files, without what tells them apart: `smoke` of `smoke.transfer.parquet`.
    pub frames: String,
    /// The command that makes these results.
    pub command: String,
    /// The start weights, by name.
    pub base_model: String,
    /// The start weights' digest.
    pub base_weights: String,
    /// Where the images come from.
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
