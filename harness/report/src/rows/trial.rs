//! The trials' rows: one for each fine-tune, with its settings, what it took, and its evaluation.

use clsrl_spec::{
    CellRecord, DatasetId, Duration, Form, GrpoSettings, MethodId, OptimizerSettings, Place,
    PromptStyle, RewardId, Seed, SftSettings, Training, Trial,
};

use super::{
    FineTune,
    cell::{bytes, is_on_gpu, n_answer_tokens},
    column::{finite, frame_row, part_of_rows},
};
use crate::TrialResults;

/// The version of the trials' columns.
const SCHEMA_VERSION: i64 = 2;

frame_row! {
    /// A fine-tune that has a finished cell: once, so that a sum over rows is a sum. Zero-shot is one that trains
    /// nothing.
    pub struct TrialRow {
        /// Version of these columns.
        pub schema_version: i64,
        /// Name of the suite.
        pub suite: String,
        /// Name of the start model.
        pub model: String,
        /// The trial's key.
        pub trial: String,
        /// Id of the fine-tune.
        pub training_id: String,
        /// The trial's method.
        pub method: MethodId,
        /// The dataset that was trained on; none for zero-shot.
        pub train_on: Option<DatasetId>,
        /// The form of the training questions; none for zero-shot.
        pub train_form: Option<Form>,
        /// Training images of each class; 0 for zero-shot.
        #[unit = "images per class"]
        pub shots: usize,
        /// Seed of shots, order and sampling.
        pub seed: Seed,
        /// Name of the protocol.
        pub protocol: String,
        /// What it was trained with.
        pub settings: Hyperparameters,
        /// What it came to, and what that took.
        pub training: FineTune,
        /// What the evaluation of its cells took.
        pub evaluated: Evaluated,
        /// When the fine-tune began, loading included, in UTC, as RFC 3339; none in records before version 8.
        pub started_at: Option<String>,
        /// When it ended, likewise.
        pub ended_at: Option<String>,
        /// The program's commit when training ended.
        pub commit: String,
        /// The program's version.
        pub version: String,
        /// The libtorch that ran.
        pub libtorch: String,
        /// The device.
        pub device: String,
        /// Threads of libtorch within one operation.
        #[unit = "threads"]
        pub threads: usize,
        /// The processor's name.
        pub processor: String,
        /// `cpu` or `cuda`.
        pub device_kind: String,
        /// `f32` or `bf16`.
        pub precision: String,
        /// Digest of the start model's directory.
        pub base_weights_digest: String,
        /// Digest of the lists and images of the dataset that was trained on; none where it is not known.
        pub train_data_digest: Option<String>,
    }
}

frame_row! {
    /// The settings of a fine-tune; none where its method has no such setting.
    #[derive(Default)]
    pub struct Hyperparameters {
        /// Passes over the training set, as the published trainer counts them.
        #[unit = "epochs"]
        pub epochs: Option<f64>,
        /// Examples (SFT) or prompts (GRPO) of an optimizer step.
        #[unit = "prompts"]
        pub prompts_per_step: Option<usize>,
        /// Micro-batches that the published trainer accumulates; it decides how many steps an epoch has.
        #[unit = "micro-batches"]
        pub accumulation: Option<usize>,
        /// Examples or prompts of one forward pass.
        #[unit = "prompts"]
        pub micro_batch: Option<usize>,
        /// The first step's learning rate; it falls linearly to 0.
        pub learning_rate: Option<f64>,
        /// AdamW's decay of the first moment.
        pub adam_beta1: Option<f64>,
        /// AdamW's decay of the second moment.
        pub adam_beta2: Option<f64>,
        /// Added to the square root of the second moment.
        pub adam_epsilon: Option<f64>,
        /// Decoupled weight decay.
        pub weight_decay: Option<f64>,
        /// Largest global gradient norm.
        pub max_grad_norm: Option<f64>,
        /// Rank of the adapters; none where all weights were trained.
        pub lora_rank: Option<usize>,
        /// Their alpha.
        pub lora_alpha: Option<f64>,
        /// GRPO's prompt of training; this and those below are none but for GRPO.
        pub train_prompt: Option<PromptStyle>,
        /// Completions per prompt.
        #[unit = "completions"]
        pub generations: Option<usize>,
        /// Weight of the KL term to the start model.
        pub kl_beta: Option<f64>,
        /// Temperature of rollouts.
        pub temperature: Option<f64>,
        /// Tokens kept by top-k in rollouts; 0 keeps all.
        #[unit = "tokens"]
        pub top_k: Option<usize>,
        /// Probability kept by top-p in rollouts; 1 keeps all.
        pub top_p: Option<f64>,
        /// Longest completion.
        #[unit = "tokens"]
        pub max_new_tokens: Option<usize>,
        /// The rewards that are summed, by name, with commas between.
        pub rewards: Option<String>,
    }
}

part_of_rows!(Hyperparameters);

frame_row! {
    /// What the evaluation of a fine-tune's finished cells took. Seconds that are not known count as none.
    pub struct Evaluated {
        /// Finished cells.
        #[unit = "cells"]
        pub n_cells: usize,
        /// Images answered.
        #[unit = "images"]
        pub evaluate_images: usize,
        /// Tokens of all answers.
        #[unit = "tokens"]
        pub evaluate_tokens: i64,
        /// Seconds of the evaluation of all its cells.
        #[unit = "s"]
        pub evaluate_s: f64,
        /// GPU-seconds of training and evaluation; none on a CPU.
        #[unit = "GPU-seconds"]
        pub gpu_s: Option<f64>,
        /// Most memory at the end of training or of a cell, in bytes.
        #[unit = "bytes"]
        pub peak_memory_bytes: i64,
    }
}

part_of_rows!(Evaluated);

impl TrialRow {
    /// All fine-tunes that have a finished cell, in table order, whatever the order of the input.
    pub fn all(results: &[TrialResults]) -> Vec<Self> {
        let mut done: Vec<&TrialResults> =
            results.iter().filter(|results| !results.cells.is_empty()).collect();
        done.sort_by_key(|TrialResults { trial, .. }| {
            (trial.method, trial.train_on, trial.shots, trial.seed, trial.form)
        });
        done.into_iter().map(TrialRow::of).collect()
    }

    fn of(results: &TrialResults) -> Self {
        let TrialResults { trial, training_id, training, provenance, .. } = results;
        let Place { commit, version, libtorch, device, threads, processor, .. } =
            training.run.place.clone();
        let times = training.run.times.as_ref();
        let (started_at, ended_at) =
            times.map(|times| (times.started_at.clone(), times.ended_at.clone())).unzip();
        let training = FineTune::of(training);
        TrialRow {
            schema_version: SCHEMA_VERSION,
            suite: provenance.suite.clone(),
            model: provenance.model.clone(),
            trial: trial.key(),
            training_id: training_id.clone(),
            method: trial.method,
            train_on: trial.train_on,
            train_form: trial.train_on.map(|_| trial.form),
            shots: trial.shots,
            seed: trial.seed,
            protocol: trial.protocol.name.clone(),
            settings: Hyperparameters::of(trial),
            evaluated: Evaluated::of(&results.cells, &training),
            training,
            started_at,
            ended_at,
            commit,
            version,
            libtorch,
            device,
            threads,
            processor,
            device_kind: provenance.device_kind.clone(),
            precision: provenance.precision.clone(),
            base_weights_digest: provenance.base_weights.clone(),
            train_data_digest: provenance.train_data.clone(),
        }
    }

    /// Seconds of rollout and update.
    pub(crate) fn optimize_s(&self) -> Option<f64> {
        Some(self.training.rollout_s? + self.training.update_s?)
    }

    /// Seconds of loading, optimizing and evaluating.
    pub(crate) fn total_s(&self) -> Option<f64> {
        Some(self.training.load_s? + self.optimize_s()? + self.evaluated.evaluate_s)
    }
}

impl Hyperparameters {
    fn of(trial: &Trial) -> Self {
        let settings = match &trial.training {
            Training::None => return Hyperparameters::default(),
            Training::Sft(SftSettings { duration, optimizer, micro_batch }) => {
                Hyperparameters::shared(duration, optimizer, *micro_batch)
            }
            Training::Grpo(settings) => Hyperparameters::of_grpo(settings),
        };
        let lora = trial.protocol.lora.as_ref();
        Hyperparameters {
            lora_rank: lora.map(|lora| lora.rank),
            lora_alpha: lora.map(|lora| lora.alpha),
            ..settings
        }
    }

    /// What every fine-tune is given.
    fn shared(duration: &Duration, optimizer: &OptimizerSettings, micro_batch: usize) -> Self {
        Hyperparameters {
            epochs: finite(duration.epochs),
            prompts_per_step: Some(duration.prompts_per_step),
            accumulation: Some(duration.accumulation),
            micro_batch: Some(micro_batch),
            learning_rate: finite(optimizer.learning_rate),
            adam_beta1: finite(optimizer.beta1),
            adam_beta2: finite(optimizer.beta2),
            adam_epsilon: finite(optimizer.epsilon),
            weight_decay: finite(optimizer.weight_decay),
            max_grad_norm: finite(optimizer.max_grad_norm),
            ..Hyperparameters::default()
        }
    }

    fn of_grpo(settings: &GrpoSettings) -> Self {
        let rewards: Vec<&str> =
            settings.rewards.iter().map(|&id: &RewardId| id.as_str()).collect();
        Hyperparameters {
            train_prompt: Some(settings.prompt),
            generations: Some(settings.generations),
            kl_beta: finite(settings.beta),
            temperature: finite(settings.temperature),
            top_k: Some(settings.top_k),
            top_p: finite(settings.top_p),
            max_new_tokens: Some(settings.max_new_tokens),
            rewards: Some(rewards.join(",")),
            ..Hyperparameters::shared(&settings.duration, &settings.optimizer, settings.micro_batch)
        }
    }
}

impl Evaluated {
    fn of(cells: &[(String, CellRecord)], training: &FineTune) -> Self {
        let seconds = |(_, cell): &(_, CellRecord)| finite(cell.run.evaluate_seconds);
        let on_gpu = cells.iter().filter(|(_, cell)| is_on_gpu(&cell.run.place));
        let gpu_s: f64 = on_gpu.filter_map(seconds).sum();
        let memory = cells.iter().map(|(_, cell)| bytes(cell.run.peak_memory_bytes));
        Evaluated {
            n_cells: cells.len(),
            evaluate_images: cells.iter().map(|(_, cell)| cell.outcome.n).sum(),
            evaluate_tokens: cells.iter().map(|(_, cell)| n_answer_tokens(&cell.outcome)).sum(),
            evaluate_s: cells.iter().filter_map(seconds).sum(),
            gpu_s: training.train_gpu_s.map(|train_s| train_s + gpu_s),
            peak_memory_bytes: memory.fold(training.train_peak_memory_bytes, i64::max),
        }
    }
}
