//! What a baseline keeps of a run.

use std::collections::BTreeMap;

use clsrl_spec::{
    Binding, CellKey, CellRecord, DatasetId, Form, MethodId, Prediction, PromptStyle, Seed, Trial,
    lock,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Timing;
use crate::verdicts::check;

/// The verdicts of a run, with what they rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The suite's name, with the protocol's if it is not the suite's own.
    pub suite: String,
    /// The protocol's name.
    pub protocol: String,
    /// `cpu` or `cuda`.
    pub device_kind: String,
    /// `f32` or `bf16`.
    pub precision: String,
    /// The program's commit when the first record was made.
    pub commit: String,
    /// What the cells were made from.
    pub digests: Digests,
    /// By key, ascending; no key twice.
    pub cells: Vec<SavedCell>,
    /// How long the same cells took, the oldest first.
    pub history: Vec<Timing>,
    /// Whether its text was sealed when it was read; one that is written always is.
    pub is_sealed: bool,
}

/// What cells were made from, by SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    /// Of the start weights.
    pub base_weights: String,
    /// Of each dataset, trained on or evaluated.
    pub data: BTreeMap<DatasetId, String>,
    /// Of the training images' bytes, by trial but for its method; earlier baselines have none.
    #[serde(default)]
    pub training_data: BTreeMap<String, String>,
    /// Of the training images, by trial but for its method.
    pub picks: BTreeMap<String, String>,
    /// Of the rendered prompts: of training by trial, of evaluation by cell.
    pub prompts: BTreeMap<String, String>,
}

/// Names a cell within a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SavedKey {
    /// The method.
    pub method: MethodId,
    /// The dataset that was trained on; none for zero-shot.
    pub source: Option<DatasetId>,
    /// Training images per class.
    pub shots: usize,
    /// Target, form and prompt.
    pub cell: CellKey,
    /// The seed.
    pub seed: Seed,
}

/// The verdicts of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCell {
    /// Its name.
    pub key: SavedKey,
    /// The trial's key.
    pub trial: String,
    /// Whether all data that it rests on equals the lock.
    pub locked: bool,
    /// The first 16 hex digits of the SHA-256 of the images' positions and names.
    pub images: String,
    /// The published verdicts, in the order of the images' positions.
    pub published: Vec<bool>,
    /// The strict verdicts, in the same order.
    pub strict: Vec<bool>,
}

impl SavedKey {
    /// Names a trial's cell.
    pub fn of(trial: &Trial, cell: CellKey) -> Self {
        let Trial { method, train_on, shots, seed, .. } = trial;
        SavedKey { method: *method, source: *train_on, shots: *shots, cell, seed: *seed }
    }

    /// The target.
    pub fn target(&self) -> DatasetId {
        self.cell.target
    }

    /// The form of the questions.
    pub fn form(&self) -> Form {
        self.cell.form
    }

    /// The prompt's style.
    pub fn prompt(&self) -> PromptStyle {
        self.cell.prompt
    }
}

impl SavedCell {
    /// Keeps a cell's verdicts; an error tells how predictions and record contradict each other.
    pub fn of(
        trial: &Trial,
        record: &CellRecord,
        predictions: &[Prediction],
    ) -> Result<Self, String> {
        let outcome = &record.outcome;
        check(outcome, predictions)?;
        let mut sorted: Vec<&Prediction> = predictions.iter().collect();
        sorted.sort_by_key(|prediction| prediction.index);
        Ok(SavedCell {
            key: SavedKey::of(trial, outcome.cell),
            trial: trial.key(),
            locked: outcome.locked,
            images: images_digest(&sorted),
            published: sorted.iter().map(|prediction| prediction.correct_published).collect(),
            strict: sorted.iter().map(|prediction| prediction.correct_strict).collect(),
        })
    }

    /// The number of images.
    pub fn n(&self) -> usize {
        self.published.len()
    }
}

impl Digests {
    /// What a run was made from.
    pub fn of(binding: &Binding) -> Self {
        Digests {
            base_weights: binding.base_weights.clone(),
            data: binding.data.clone(),
            training_data: binding.training_data.clone(),
            picks: binding.picks.clone(),
            prompts: binding.prompts.clone(),
        }
    }

    /// What a cell was made from that is not the same here and there. A digest that is not known is not
    /// the same as any.
    pub(super) fn differences(&self, other: &Self, cell: &SavedCell) -> Vec<String> {
        fn check<K: Ord>(
            names: &mut Vec<String>,
            name: String,
            key: &K,
            sides: [&BTreeMap<K, String>; 2],
        ) {
            let [before, after] = sides.map(|digests| digests.get(key));
            if before.is_none() || before != after {
                names.push(name);
            }
        }
        let key = &cell.key;
        let mut names = Vec::new();
        if self.base_weights != other.base_weights {
            names.push("the start weights".to_owned());
        }
        let data = [&self.data, &other.data];
        let prompts = [&self.prompts, &other.prompts];
        check(&mut names, format!("the data of {}", key.target()), &key.target(), data);
        check(&mut names, "the prompts".to_owned(), &key.cell.to_string(), prompts);
        if let Some(source) = key.source {
            let picks = cell.trial.split_once('.').map_or("", |(_, picks)| picks).to_owned();
            let training_data = [&self.training_data, &other.training_data];
            // A baseline of the first format has the digest of the whole dataset alone.
            if training_data.iter().all(|digests| digests.contains_key(&picks)) {
                let name = format!("the bytes of the training images of {source}");
                check(&mut names, name, &picks, training_data);
            } else if source != key.target() {
                check(&mut names, format!("the data of {source}"), &source, data);
            }
            check(
                &mut names,
                "the training images".to_owned(),
                &picks,
                [&self.picks, &other.picks],
            );
            check(&mut names, "the training prompts".to_owned(), &cell.trial, prompts);
        }
        names
    }
}

fn images_digest(sorted: &[&Prediction]) -> String {
    let mut hash = Sha256::new();
    for prediction in sorted {
        hash.update(format!("{}\t{}\n", prediction.index, prediction.image));
    }
    lock::Digest(hash.finalize().into()).short(16)
}
