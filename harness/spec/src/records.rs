//! What a run writes: the record of a fine-tune, the record of a cell, and its predictions.
//!
//! A record has two halves. `outcome` is determined by trial, weights and data: two runs on one machine
//! give the same bytes. `run` is how it went this time: wall-clock, throughput, memory, place.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{CellKey, DatasetId, MethodId, Seed};

/// The version of the record formats; a program never writes over records of a newer one.
pub const RECORD_VERSION: u32 = 9;

/// The oldest version that is still read: what versions 3 to 9 added, seals among it, is absent there.
pub const OLDEST_RECORD_VERSION: u32 = 2;

/// The version of the scorers, part of every cell's identity; raised by every change of a verdict.
pub const SCORER_VERSION: u32 = 1;

/// The record of one fine-tune; for zero-shot its curves are empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// What was learned, reproducible.
    pub outcome: TrainingOutcome,
    /// How it went.
    pub run: TrainingRun,
}

/// The reproducible half of a fine-tune's record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingOutcome {
    /// Paths of the training images, in the order of the sampler.
    pub train_paths: Vec<String>,
    /// One entry per optimizer step.
    pub steps: Vec<StepRecord>,
    /// SHA-256 of the tuned weights (names, shapes, values), hexadecimal. Adapters are in the weights that they adapt.
    pub weights_digest: String,
    /// The same of the adapters alone; none of what has none, and before version 6.
    #[serde(default)]
    pub adapter_digest: Option<String>,
}

/// One optimizer step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// Counted from 1.
    pub step: usize,
    /// The loss, before the step.
    pub loss: f64,
    /// Global gradient norm before clipping.
    pub grad_norm: f64,
    /// The step's learning rate.
    pub learning_rate: f64,
    /// GRPO only.
    pub rollout: Option<RolloutRecord>,
}

/// What a GRPO step's completions looked like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolloutRecord {
    /// Mean summed reward of a completion.
    pub reward_mean: f64,
    /// Mean of each reward, in the order of the protocol's list.
    pub rewards: Vec<f64>,
    /// Mean over completions of the token mean of the k3 estimate; 0 where the KL term weighs nothing, and no
    /// reference is run.
    pub kl: f64,
    /// Mean over the completions' tokens of the entropy, in nats, of the model's softmax over all words,
    /// before temperature and truncation; none where it was not measured.
    #[serde(default)]
    pub entropy: Option<f64>,
    /// Mean completion length in tokens, its stop token counted.
    pub mean_tokens: f64,
    /// Share of completions cut at the longest length.
    pub truncated: f64,
    /// Share of groups whose rewards are all equal.
    pub zero_variance_groups: f64,
}

/// The half of a fine-tune's record that differs from run to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRun {
    /// When it began and ended, loading included; none before version 8.
    #[serde(default)]
    pub times: Option<Times>,
    /// Wall-clock by phase.
    pub seconds: TrainingSeconds,
    /// Wall-clock of each optimizer step, in the order of the outcome's; empty where it was not measured.
    #[serde(default)]
    pub steps: Vec<StepSeconds>,
    /// Images seen by the optimizer, per second of rollout and update.
    pub images_per_second: f64,
    /// Tokens of completions (GRPO) or examples (SFT), per second of rollout and update.
    pub tokens_per_second: f64,
    /// Most memory so far, in bytes: of tensors on a GPU, else of the process, resident.
    pub peak_memory_bytes: u64,
    /// Where it ran.
    pub place: Place,
    /// What two identical steps at the start differed in; none where they were not asked for.
    #[serde(default)]
    pub repeated_step: Option<RepeatedStep>,
    /// How its steps fitted the device's memory; none where it was not noted.
    #[serde(default)]
    pub fitted: Option<Fitted>,
    /// The steps after which it was stopped and went on later, perhaps on another machine; none before version 9. Its
    /// seconds are those of all attempts, and it began when the first one did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed_at: Vec<usize>,
}

/// How a fine-tune's steps, or an evaluation's batches, fitted the device's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fitted {
    /// The most tokens that were run at once; none where no limit was met.
    pub tokens: Option<usize>,
    /// How often memory ran out, and the work began anew in smaller parts.
    pub out_of_memory: usize,
    /// Prompts of an evaluation's batch at most, where memory allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
}

/// The first step's gradients, computed twice from the same weights.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatedStep {
    /// Tensors that were compared.
    pub n_tensors: usize,
    /// Those that were not the same bits both times.
    pub differing: Vec<DifferingTensor>,
}

/// A tensor that was not the same bits both times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DifferingTensor {
    /// The parameter's name in the checkpoint.
    pub name: String,
    /// The largest difference of two values of its gradient.
    pub max_difference: f64,
}

/// Wall-clock of a fine-tune, by phase, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSeconds {
    /// Reading weights, tokenizer and training images.
    pub load: f64,
    /// Sampling completions and rewarding them.
    pub rollout: f64,
    /// Forward, backward and optimizer.
    pub update: f64,
}

/// Wall-clock of an optimizer step, by phase, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSeconds {
    /// Reading its images and making its prompts.
    pub load: f64,
    /// Sampling completions and rewarding them.
    pub rollout: f64,
    /// The part of `rollout` that reads the completions' texts and rewards them.
    pub reward: f64,
    /// Forward, backward and optimizer.
    pub update: f64,
}

/// When something began and ended: in UTC, as RFC 3339 to the second, for example `2026-12-01T02:21:54Z`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// By the clock of the machine that ran it.
    pub started_at: String,
    /// Likewise; a clock that was set back in between may put it before the start.
    pub ended_at: String,
}

impl Times {
    /// From one moment to another.
    pub fn between(started: SystemTime, ended: SystemTime) -> Self {
        let text = |time| humantime::format_rfc3339_seconds(time).to_string();
        Times { started_at: text(started), ended_at: text(ended) }
    }

    /// Whether both are times as they are written here; an error names the one that is none.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Times { started_at, ended_at } = self;
        for (name, text) in [("started_at", started_at), ("ended_at", ended_at)] {
            let time = humantime::parse_rfc3339(text).ok();
            if time.is_none_or(|time| humantime::format_rfc3339_seconds(time).to_string() != *text)
            {
                return Err(format!("`{name}` is no time in UTC as in 2026-12-01T02:21:54Z"));
            }
        }
        Ok(())
    }
}

/// A time as [`Times`] has it, in seconds since 1970; none of another text, and of times before.
pub fn unix_seconds(time: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(time).ok()?;
    Some(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
}

/// So many seconds since 1970, as [`Times`] has a time.
pub fn rfc3339(unix_seconds: u64) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Where a record was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The program's commit, with `-dirty` if the tree differed; `unknown` outside a checkout.
    pub commit: String,
    /// The program's version.
    pub version: String,
    /// The libtorch that ran, for example `2.11.0`.
    pub libtorch: String,
    /// The device, for example `cpu` or `cuda:0 NVIDIA H200`.
    pub device: String,
    /// Threads of libtorch within one operation.
    pub threads: usize,
    /// The processor's name as the system gives it.
    pub processor: String,
    /// What products of float32 are computed in on a GPU: `float32` or `tf32`; none where it was not noted.
    #[serde(default)]
    pub float32_products: Option<String>,
    /// What partial sums of bfloat16 products are added up in on a GPU: `float32` or `bfloat16`; none before version 7.
    #[serde(default)]
    pub bfloat16_sums: Option<String>,
    /// The GPU, as CUDA's runtime names it; none on a CPU, and before version 7.
    #[serde(default)]
    pub gpu: Option<Gpu>,
}

/// Which GPU it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gpu {
    /// For example `NVIDIA H200`.
    pub name: String,
    /// As `nvidia-smi -L` has it: `GPU-` and a UUID.
    pub uuid: String,
    /// The newest CUDA that the driver runs, for example `13.0`.
    pub driver: String,
}

/// The record of one cell. Its presence on disk means that the cell is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellRecord {
    /// What was measured, reproducible.
    pub outcome: CellOutcome,
    /// How it went.
    pub run: CellRun,
}

/// The reproducible half of a cell's record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellOutcome {
    /// The trial's method.
    pub method: MethodId,
    /// The dataset that was trained on.
    pub train_on: Option<DatasetId>,
    /// Training images per class.
    pub shots: usize,
    /// The trial's seed.
    pub seed: Seed,
    /// Target, form and prompt.
    pub cell: CellKey,
    /// Whether the images were drawn by this program instead of photographed.
    pub synthetic: bool,
    /// Whether all data that this row rests on, training images included, equals the lock.
    pub locked: bool,
    /// Whether all lists that it rests on are the published ones, not made anew from annotations.
    pub standard_lists: bool,
    /// Images evaluated.
    pub n: usize,
    /// Images of the whole split that this form of question is about.
    pub n_split: usize,
    /// Class names in a question's list, on average; 0 for questions without a list.
    pub mean_choices: f64,
    /// Correct by the published extraction and substring match.
    pub n_correct_published: usize,
    /// Correct by exact comparison after normalisation.
    pub n_correct_strict: usize,
    /// Answers cut at the longest length.
    pub n_truncated: usize,
    /// Answers with no answer tag, or an empty one.
    pub n_untagged: usize,
    /// Mean answer length in tokens, its stop token counted.
    pub mean_tokens: f64,
    /// SHA-256 of the weights that answered, as the fine-tune's record has it; none before version 6.
    #[serde(default)]
    pub weights_digest: Option<String>,
}

impl CellOutcome {
    /// Published accuracy in percent.
    pub fn published_pct(&self) -> f64 {
        100.0 * self.n_correct_published as f64 / self.n as f64
    }

    /// Strict accuracy in percent.
    pub fn strict_pct(&self) -> f64 {
        100.0 * self.n_correct_strict as f64 / self.n as f64
    }
}

/// The half of a cell's record that differs from run to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellRun {
    /// When its evaluation began and ended; none before version 8.
    #[serde(default)]
    pub times: Option<Times>,
    /// Wall-clock of the evaluation, in seconds.
    pub evaluate_seconds: f64,
    /// Images per second.
    pub images_per_second: f64,
    /// Answer tokens per second.
    pub tokens_per_second: f64,
    /// Most memory so far, in bytes: of tensors on a GPU, else of the process, resident.
    pub peak_memory_bytes: u64,
    /// Where it ran.
    pub place: Place,
    /// How its batches fitted the device's memory; none where it was not noted.
    #[serde(default)]
    pub fitted: Option<Fitted>,
    /// The numbers of answers after which it was stopped and went on later; none before version 9. Its seconds are those
    /// of all attempts, and it began when the first one did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed_at: Vec<usize>,
}

/// One answer of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// Position in the split's list.
    pub index: usize,
    /// The image's path as the dataset lists it.
    pub image: String,
    /// The question, with its list and suffix.
    pub question: String,
    /// The right class name.
    pub gold: String,
    /// The answer as decoded, special tokens left out.
    pub raw: String,
    /// What the published extraction takes from it.
    pub extracted: String,
    /// The published verdict.
    pub correct_published: bool,
    /// The strict verdict.
    pub correct_strict: bool,
    /// Answer tokens, the stop token counted.
    pub n_tokens: usize,
    /// Whether the answer was cut at the longest length.
    pub truncated: bool,
}
