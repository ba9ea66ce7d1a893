//! What exports say beside the rows, and what they call things.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, MethodId};

use crate::{TrialResults, rows::CellRow};

/// The organization that fine-tuned weights are named under: they are not the start model's publisher's.
const OURS: &str = "clsrl-bench";

/// What exports say beside the rows.
#[derive(Debug, Clone)]
pub struct ExportContext {
    /// The suite's name.
    pub suite: String,
    /// What the suite is, in a sentence or two.
    pub suite_description: String,
    /// The command that makes these results.
    pub command: String,
    /// The start model.
    pub base_model: BaseModel,
    /// Where the images come from.
    pub data: String,
    /// Where the datasets are published; none where the images were drawn.
    pub published: BTreeMap<DatasetId, PublishedData>,
    /// Who made the results.
    pub organization: String,
    /// Seconds since 1970, for what no record says the time of.
    pub now: u64,
}

/// The start model, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseModel {
    /// `ORGANIZATION/NAME` where it is published on Hugging Face's hub, else its name here.
    pub id: String,
    /// Whether it is published there, for all that is known.
    pub is_published: bool,
}

/// What is published of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishedData {
    /// The addresses of its files.
    pub urls: Vec<String>,
    /// The licences of its files, or what is known of them.
    pub licences: Vec<String>,
}

/// A model as others name it: by who made it, and by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelName {
    pub(super) developer: String,
    pub(super) name: String,
}

impl ModelName {
    /// `DEVELOPER/NAME`.
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.developer, self.name)
    }
}

impl ExportContext {
    /// The model that a trial evaluates: the start model itself, or what was made of it.
    pub(super) fn model_of(&self, results: &TrialResults) -> ModelName {
        let base = self.base_name();
        match results.trial.method {
            MethodId::ZeroShot => base,
            _ => ModelName {
                developer: OURS.to_owned(),
                name: format!("{}.{}", base.name, results.trial.key()),
            },
        }
    }

    /// The start model as others name it; one that is not published has no organization of its own.
    fn base_name(&self) -> ModelName {
        match self.base_model.id.split_once('/').filter(|_| self.base_model.is_published) {
            Some((developer, name)) => {
                ModelName { developer: portable(developer), name: portable(name) }
            }
            None => ModelName { developer: OURS.to_owned(), name: portable(&self.base_model.id) },
        }
    }
}

/// A name in the characters that every file system and Hugging Face's hub take.
pub(super) fn portable(name: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    let plain = |char| if is_plain(char) { char } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

/// When the last of some cells ended, in seconds since 1970; by the caller's clock where no record says.
pub(super) fn ended(rows: &[CellRow], context: &ExportContext) -> u64 {
    let times = rows.iter().filter_map(|row| row.ended_at.as_deref());
    times.filter_map(clsrl_spec::unix_seconds).max().unwrap_or(context.now)
}

/// When the first of some cells began, likewise.
pub(super) fn started(rows: &[CellRow], context: &ExportContext) -> u64 {
    let times = rows.iter().filter_map(|row| row.started_at.as_deref());
    times.filter_map(clsrl_spec::unix_seconds).min().unwrap_or_else(|| ended(rows, context))
}
