//! What was asked for, as verbs take it: typed and checked, without a word of the command line.
//!
//! The arguments (`args`) make these; nothing below them knows a flag. What only one verb takes stands beside it.

mod bench;

use std::{path::PathBuf, time::Duration};

use clsrl_runner::Shard;
use clsrl_spec::{DatasetId, Form, HubModel, PromptStyle, Seed, Selection, Setting};

pub use self::bench::{
    BenchOptions, EvalBenchOptions, GrpoBenchOptions, InputBenchOptions, ModelBenchOptions,
    RANDOM_2B, SftBenchOptions, Weights,
};
use crate::{
    device::{Device, Dtype},
    slots::DeviceList,
};

/// A suite, the part of it that is wanted, and where results go.
#[derive(Debug, Clone)]
pub struct SuiteOptions {
    /// A suite's name in `suites/`, or the path of a suite file.
    pub suite: String,
    /// The part of it.
    pub selection: Selection,
    /// What makes another experiment of it.
    pub variant: Variant,
    /// The folder of results and reports, instead of the project's.
    pub out: Option<PathBuf>,
}

/// What makes another experiment of a suite, with results under another name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variant {
    /// Another protocol than the suite's.
    pub protocol: Option<String>,
    /// Train LoRA adapters of this rank instead of all weights.
    pub lora: Option<usize>,
    /// Other values of some fields.
    pub set: Vec<Setting>,
}

/// Where the datasets are, and what they are compared with.
#[derive(Debug, Clone, Default)]
pub struct DataOptions {
    /// The folder that holds the datasets' folders, instead of the suite's.
    pub dir: Option<PathBuf>,
    /// The data lock, instead of the project's.
    pub lock: Option<PathBuf>,
    /// The folder of the lock's file lists, instead of one in the user's cache.
    pub sidecars: Option<PathBuf>,
    /// Whether data may differ from the lock.
    pub allow_unlocked: bool,
}

/// The model and the data that trials compute with, and how.
#[derive(Debug, Clone)]
pub struct InputOptions {
    /// A model directory or `hf:ID[@REV]`, instead of the suite's.
    pub model: Option<PathBuf>,
    /// The datasets.
    pub data: DataOptions,
    /// A data root with CoOp's few-shot caches.
    pub few_shot_caches: Option<PathBuf>,
    pub device: Device,
    /// Threads per trial, instead of the suite's number.
    pub threads: Option<usize>,
    /// Use deterministic algorithms.
    pub deterministic: bool,
    /// Recompute activations in the backward pass.
    pub gradient_checkpointing: bool,
}

/// How much of the images is compared with the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Nothing but the lists: images are taken for those of the lock, and looked at only where unlocked
    /// ones are allowed.
    Lists,
    /// Size and times of every image; its bytes if those have changed.
    Fast,
    /// The bytes of every image.
    Deep,
}

/// A run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// What to run.
    pub suite: SuiteOptions,
    /// With what.
    pub inputs: InputOptions,
    /// How the images are checked before.
    pub check: Check,
    /// Trials in parallel, instead of the suite's number.
    pub jobs: Option<usize>,
    /// A slot on each of these devices, instead of all trials on one.
    pub devices: Option<DeviceList>,
    /// The part of the plan that this run is for; all of it if none.
    pub shard: Option<Shard>,
    /// The most bytes of the image cache; none without one.
    pub image_cache: Option<u64>,
    /// Overwrite finished results of another identity.
    pub replace: bool,
    /// Write TensorBoard's event files.
    pub tensorboard: bool,
    /// Keep the fine-tuned weights.
    pub keep_checkpoints: bool,
    /// Run the trials in this process.
    pub in_process: bool,
    /// How often the middle of a trial is kept, beside when the run is asked to end.
    pub checkpoint_every: Option<Duration>,
    /// After what time the run ends, if it is not done.
    pub stop_after: Option<Duration>,
}

/// A task of a plan.
#[derive(Debug, Clone)]
pub struct TaskOptions {
    /// The plan's file.
    pub plan: PathBuf,
    /// The number of the task, from 0.
    pub task: usize,
    /// Other slots than the plan's.
    pub devices: Option<DeviceList>,
}

/// Datasets, and what they are compared with.
#[derive(Debug, Clone)]
pub struct DatasetsOptions {
    /// Only these datasets; all if none is named.
    pub ids: Vec<DatasetId>,
    /// Where they are.
    pub data: DataOptions,
    /// Whether to print JSON.
    pub json: bool,
}

/// Datasets to be fetched.
#[derive(Debug, Clone)]
pub struct FetchDatasetsOptions {
    /// Only these datasets; all if none is named.
    pub ids: Vec<DatasetId>,
    /// The folder that their folders go into.
    pub dir: PathBuf,
    /// The same, and the lock that they are held to.
    pub place: DataOptions,
    /// Folders with files that the user has.
    pub from: Vec<PathBuf>,
    /// Where to fetch from instead of the published addresses: `URL/DATASET/FILE`.
    pub mirror: Option<String>,
    /// Whether only to say what would be fetched.
    pub dry_run: bool,
    /// Whether to fetch files that nobody published a checksum of.
    pub trust_first_use: bool,
    /// Whether to keep archives after they are unpacked.
    pub keep_archives: bool,
}

/// What a run keeps of weights beside its results.
#[derive(Debug, Clone, Copy)]
pub struct KeptWeights {
    /// Fine-tuned weights after their trial is done.
    pub checkpoints: bool,
    /// The middle of trials, from time to time.
    pub states: bool,
}

/// The suite that a check is for, as a run would have it.
#[derive(Debug)]
pub struct DoctorSuite {
    pub suite: SuiteOptions,
    /// Trials at a time, instead of the suite's number.
    pub jobs: Option<usize>,
    pub kept: KeptWeights,
}

/// A check of the program on this machine.
#[derive(Debug)]
pub struct DoctorOptions {
    /// The suite that is to be run; none checks the computations alone.
    pub suite: Option<DoctorSuite>,
    /// The datasets that it reads.
    pub data: DataOptions,
    /// A model directory or `hf:ID[@REV]`, instead of the suite's or the tiny model.
    pub model: Option<PathBuf>,
    /// A golden set to compare with.
    pub goldens: Option<PathBuf>,
    pub device: Device,
    /// Precision of matrix products.
    pub dtype: Dtype,
    /// Side of the self-tests' images in pixels.
    pub image_size: usize,
    /// Threads; all cores by default.
    pub threads: Option<usize>,
    /// Whether to print JSON.
    pub json: bool,
}

/// Pictures to be named by a kept checkpoint.
#[derive(Debug)]
pub struct PredictOptions {
    /// The folder of the weights.
    pub checkpoint: PathBuf,
    /// The images' files.
    pub pictures: Vec<PathBuf>,
    /// The dataset whose question is asked, instead of that of the training.
    pub dataset: Option<DatasetId>,
    /// The kind of question, where there are several.
    pub form: Option<Form>,
    /// The prompt style, where there are several.
    pub prompt: Option<PromptStyle>,
    /// The folder that the pictures are named from.
    pub root: Option<PathBuf>,
    pub device: Device,
    /// Precision of matrix products.
    pub dtype: Dtype,
    /// Threads; all cores by default.
    pub threads: Option<usize>,
    /// Whether to print JSON.
    pub json: bool,
}

/// The tiny model, from nothing.
#[derive(Debug)]
pub struct PretrainOptions {
    /// The family whose architecture it has, as `model_type` names it.
    pub family: String,
    /// The model directory to write, if not one in the user's cache.
    pub to: Option<PathBuf>,
    /// The seed of weights, tokenizer, images and texts.
    pub seed: Seed,
    /// Optimizer steps.
    pub steps: usize,
    /// Images per step.
    pub batch: usize,
    /// Threads.
    pub threads: usize,
}

/// A model to fetch.
#[derive(Debug)]
pub struct FetchOptions {
    pub model: HubModel,
    /// The folder to put the files into, instead of the cache.
    pub to: Option<PathBuf>,
    /// The model lock, instead of the project's.
    pub lock: Option<PathBuf>,
    /// Lock what the hub has where it differs.
    pub accept_changes: bool,
    /// Show what would be fetched, and fetch nothing.
    pub dry_run: bool,
}
