//! What a trial needs to run: the trial, its inputs, and what is left to do of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clsrl_data::{BoundDataset, image::CacheSpace};
use clsrl_spec::{CellKey, DatasetId, TrainingRecord, Trial};
use clsrl_vlm::{Precision, device::DeviceName};
use serde::{Deserialize, Serialize};

/// One trial to run in this process. The program's worker reads it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialJob {
    /// The trial.
    pub trial: Trial,
    /// A Hugging Face model directory.
    #[serde(with = "clsrl_files::path_text")]
    pub model_dir: PathBuf,
    /// The SHA-256 of its files by name, which they are held to as they are read.
    pub model_files: BTreeMap<String, String>,
    /// The folder that holds the datasets' folders.
    #[serde(with = "clsrl_files::path_text")]
    pub data_dir: PathBuf,
    /// A folder of CoOp's few-shot caches, whose picks win over the sampler's.
    #[serde(with = "clsrl_files::path_text::optional")]
    pub few_shot_dir: Option<PathBuf>,
    /// What was found of each dataset that the trial reads; what it reads now must be the same.
    pub data: BTreeMap<DatasetId, BoundDataset>,
    /// The digest of the training images' paths, labels and names; none where nothing is trained.
    pub picks: Option<String>,
    /// The datasets of this trial that do not equal the lock.
    pub unlocked: BTreeSet<DatasetId>,
    /// Where the trial runs.
    pub device: DeviceName,
    /// What matrix products compute in, as [`clsrl_spec::Precision::on`] names it.
    pub precision: Precision,
    /// Threads of libtorch within one operation.
    pub threads: usize,
    /// Whether algorithms are taken that give the same bits every time, and the first step is repeated.
    pub deterministic: bool,
    /// Whether layers are run again in the backward pass instead of kept.
    pub recompute: bool,
    /// A cache of resized images, which changes no number.
    pub image_cache: Option<CacheSpace>,
    /// The cells that are still to be evaluated.
    pub cells: Vec<CellKey>,
    /// Where the tuned weights are kept until every cell of the trial is done.
    #[serde(with = "clsrl_files::path_text")]
    pub checkpoint_dir: PathBuf,
    /// Where the middle of the trial is kept.
    pub saving: Saving,
    /// The record of the fine-tune if it is done already: then the checkpoint is loaded instead.
    pub trained: Option<TrainingRecord>,
    /// The program's commit, for the records.
    pub commit: String,
}

/// Where the middle of a trial is kept, and how often. What an earlier attempt kept there is gone on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saving {
    /// A folder that nobody else writes to; it may be missing.
    #[serde(with = "clsrl_files::path_text")]
    pub dir: PathBuf,
    /// The id of the training's identity.
    pub training_id: String,
    /// The ids of the cells' identities, in the order of the job's cells.
    pub cell_ids: Vec<String>,
    /// Seconds from one time to the next; none keeps it only when the trial is asked to end.
    pub every_s: Option<f64>,
}
