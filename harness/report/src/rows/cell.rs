//! The cells' rows: one for each finished cell.

use std::collections::BTreeSet;

use clsrl_spec::{
    CellKey, CellOutcome, CellRecord, DatasetId, EvalSplit, Form, MethodId, Place, PromptStyle,
    Seed, StepRecord, TrainingRecord, TrainingRun,
};

use super::column::{finite, frame_row, part_of_rows};
use crate::{ReportError, TrialResults};

/// The version of the cells' columns.
const SCHEMA_VERSION: i64 = 4;

frame_row! {
    /// A finished cell: one fine-tune on one target, in one form, under one prompt.
    ///
    /// What is of its training, `steps` to `train_tokens`, is the same in every cell of a fine-tune.
    pub struct CellRow {
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
        /// Id of the cell.
        pub cell_id: String,
        /// The trial's method.
        pub method: MethodId,
        /// The dataset that was trained on; none for zero-shot.
        pub train_on: Option<DatasetId>,
        /// The dataset that was evaluated.
        pub target: DatasetId,
        /// Whether that is the dataset that was trained on; none for zero-shot.
        pub in_domain: Option<bool>,
        /// The form of the questions.
        pub form: Form,
        /// The prompt of the evaluation.
        pub prompt: PromptStyle,
        /// The part that was evaluated.
        pub split: Option<EvalSplit>,
        /// Training images of each class; 0 for zero-shot.
        #[unit = "images per class"]
        pub shots: usize,
        /// Seed of shots, order and sampling.
        pub seed: Seed,
        /// Name of the protocol.
        pub protocol: String,
        /// Whether the images were drawn by this program.
        pub synthetic: bool,
        /// Whether all data that the row rests on, training images included, equals the lock.
        pub locked: bool,
        /// Whether all lists that it rests on are the published ones.
        pub standard_lists: bool,
        /// Whether fewer images were evaluated than the split has.
        pub limited: bool,
        /// Images evaluated.
        #[unit = "images"]
        pub n: usize,
        /// Images of the whole split that this form of question is about.
        #[unit = "images"]
        pub n_split: usize,
        /// Class names that a question lists, on average; 0 for questions without a list.
        #[unit = "names"]
        pub mean_choices: Option<f64>,
        /// The score of guessing among the listed names, in percent; none where nothing is listed.
        #[unit = "%"]
        pub chance_pct: Option<f64>,
        /// Accuracy by the published extraction and match, in percent; none where `n` is 0.
        #[unit = "%"]
        pub published_pct: Option<f64>,
        /// Accuracy by equality after normalisation, in percent; none where `n` is 0.
        #[unit = "%"]
        pub strict_pct: Option<f64>,
        /// Images that are correct by the published score.
        #[unit = "images"]
        pub n_correct_published: usize,
        /// Images that are correct by the strict score.
        #[unit = "images"]
        pub n_correct_strict: usize,
        /// Answers cut at the longest length.
        #[unit = "answers"]
        pub n_truncated: usize,
        /// Answers without an answer tag, or with an empty one.
        #[unit = "answers"]
        pub n_untagged: usize,
        /// Mean answer length in tokens, its stop token counted; none where `n` is 0.
        #[unit = "tokens"]
        pub mean_tokens: Option<f64>,
        /// What is the same in every cell of a fine-tune.
        pub training: FineTune,
        /// Seconds of this cell's evaluation.
        #[unit = "s"]
        pub evaluate_s: Option<f64>,
        /// Images answered per second.
        #[unit = "images/s"]
        pub evaluate_images_per_second: Option<f64>,
        /// Answer tokens per second.
        #[unit = "tokens/s"]
        pub evaluate_tokens_per_second: Option<f64>,
        /// Most memory when the cell ended, in bytes, measured likewise.
        #[unit = "bytes"]
        pub peak_memory_bytes: i64,
        /// When the evaluation began, in UTC, as RFC 3339; none in records before version 8.
        pub started_at: Option<String>,
        /// When it ended, likewise.
        pub ended_at: Option<String>,
        /// The program's commit.
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
        /// GPU-seconds of the evaluation; none on a CPU.
        #[unit = "GPU-seconds"]
        pub evaluate_gpu_s: Option<f64>,
        /// Tokens of all answers.
        #[unit = "tokens"]
        pub evaluate_tokens: i64,
        /// What it was made from.
        pub made_from: MadeFrom,
    }
}

frame_row! {
    /// What a fine-tune came to, and what it took.
    pub struct FineTune {
        /// Optimizer steps of the fine-tune; 0 for zero-shot.
        #[unit = "steps"]
        pub steps: usize,
        /// Loss of the last step.
        pub final_loss: Option<f64>,
        /// Mean summed reward of the last step's completions; none but for GRPO.
        pub final_reward_mean: Option<f64>,
        /// KL to the start model at the last step, in nats per token; none but for GRPO.
        #[unit = "nats per token"]
        pub final_kl: Option<f64>,
        /// Seconds of reading weights, tokenizer and training images.
        #[unit = "s"]
        pub load_s: Option<f64>,
        /// Seconds of sampling completions and rewarding them.
        #[unit = "s"]
        pub rollout_s: Option<f64>,
        /// Seconds of forward, backward and optimizer.
        #[unit = "s"]
        pub update_s: Option<f64>,
        /// Seconds of all three.
        #[unit = "s"]
        pub train_s: Option<f64>,
        /// Images seen by the optimizer, per second of rollout and update.
        #[unit = "images/s"]
        pub train_images_per_second: Option<f64>,
        /// Tokens of completions or examples, per second of rollout and update.
        #[unit = "tokens/s"]
        pub train_tokens_per_second: Option<f64>,
        /// Most memory when training ended, in bytes: of tensors on a GPU, else of the process, resident.
        #[unit = "bytes"]
        pub train_peak_memory_bytes: i64,
        /// SHA-256 of the weights that were evaluated.
        pub weights_digest: String,
        /// GPU-seconds of training; none on a CPU.
        #[unit = "GPU-seconds"]
        pub train_gpu_s: Option<f64>,
        /// Images seen by the optimizer, repeated ones counted.
        #[unit = "images"]
        pub train_images: i64,
        /// Tokens of completions or examples.
        #[unit = "tokens"]
        pub train_tokens: i64,
    }
}

part_of_rows!(FineTune);

frame_row! {
    /// What a cell was made from, and who judged it.
    pub struct MadeFrom {
        /// Digest of the start model's directory.
        pub base_weights_digest: String,
        /// Digest of the target's lists and images; like those below, none where it is not known.
        pub data_digest: Option<String>,
        /// Digest of the rendered prompts of the evaluation.
        pub prompts_digest: Option<String>,
        /// Digest of the lists and images of the dataset that was trained on.
        pub train_data_digest: Option<String>,
        /// Digest of the training images that were picked.
        pub picks_digest: Option<String>,
        /// Digest of the rendered prompts of training.
        pub train_prompts_digest: Option<String>,
        /// `cpu` or `cuda`.
        pub device_kind: String,
        /// `f32` or `bf16`.
        pub precision: String,
        /// Version of the scorers that gave the verdicts.
        pub scorer_version: Option<i64>,
        /// Whether the verdicts were given anew from the stored texts.
        pub rescored: bool,
        /// Whether the records of the cell and of its fine-tune have seals.
        pub sealed: Option<bool>,
    }
}

part_of_rows!(MadeFrom);

impl CellRow {
    /// All finished cells in table order, whatever the order of the input.
    ///
    /// Two records of one cell, a record of another trial and counts above their bounds are errors.
    pub fn all(results: &[TrialResults]) -> Result<Vec<Self>, ReportError> {
        let rows = table_order(results)?;
        Ok(rows.into_iter().map(|(results, id, record)| CellRow::of(results, id, record)).collect())
    }

    fn of(results: &TrialResults, cell_id: &str, record: &CellRecord) -> Self {
        let TrialResults { trial, training_id, training, provenance, .. } = results;
        let CellRecord { outcome, run } = record;
        let answered = |value: f64| finite(value).filter(|_| 0 < outcome.n);
        CellRow {
            schema_version: SCHEMA_VERSION,
            suite: provenance.suite.clone(),
            model: provenance.model.clone(),
            trial: trial.key(),
            training_id: training_id.clone(),
            cell_id: cell_id.to_owned(),
            method: outcome.method,
            train_on: outcome.train_on,
            target: outcome.cell.target,
            in_domain: outcome.train_on.map(|source| source == outcome.cell.target),
            form: outcome.cell.form,
            prompt: outcome.cell.prompt,
            split: results.split(outcome.cell.target),
            shots: outcome.shots,
            seed: outcome.seed,
            protocol: trial.protocol.name.clone(),
            synthetic: outcome.synthetic,
            locked: outcome.locked,
            standard_lists: outcome.standard_lists,
            limited: outcome.n < outcome.n_split,
            n: outcome.n,
            n_split: outcome.n_split,
            mean_choices: finite(outcome.mean_choices),
            chance_pct: finite(100.0 / outcome.mean_choices).filter(|_| 0.0 < outcome.mean_choices),
            published_pct: answered(outcome.published_pct()),
            strict_pct: answered(outcome.strict_pct()),
            n_correct_published: outcome.n_correct_published,
            n_correct_strict: outcome.n_correct_strict,
            n_truncated: outcome.n_truncated,
            n_untagged: outcome.n_untagged,
            mean_tokens: answered(outcome.mean_tokens),
            training: FineTune::of(training),
            evaluate_s: finite(run.evaluate_seconds),
            evaluate_images_per_second: finite(run.images_per_second),
            evaluate_tokens_per_second: finite(run.tokens_per_second),
            peak_memory_bytes: bytes(run.peak_memory_bytes),
            started_at: run.times.as_ref().map(|times| times.started_at.clone()),
            ended_at: run.times.as_ref().map(|times| times.ended_at.clone()),
            commit: run.place.commit.clone(),
            version: run.place.version.clone(),
            libtorch: run.place.libtorch.clone(),
            device: run.place.device.clone(),
            threads: run.place.threads,
            processor: run.place.processor.clone(),
            evaluate_gpu_s: finite(run.evaluate_seconds).filter(|_| is_on_gpu(&run.place)),
            evaluate_tokens: n_answer_tokens(outcome),
            made_from: MadeFrom::of(results, outcome.cell),
        }
    }
}

impl FineTune {
    pub(super) fn of(training: &TrainingRecord) -> Self {
        let last: Option<&StepRecord> = training.outcome.steps.last();
        let last_rollout = last.and_then(|step| step.rollout.as_ref());
        let TrainingRun { seconds, .. } = &training.run;
        let train_s = finite(seconds.load + seconds.rollout + seconds.update);
        FineTune {
            steps: training.outcome.steps.len(),
            final_loss: last.and_then(|step| finite(step.loss)),
            final_reward_mean: last_rollout.and_then(|rollout| finite(rollout.reward_mean)),
            final_kl: last_rollout.and_then(|rollout| finite(rollout.kl)),
            load_s: finite(seconds.load),
            rollout_s: finite(seconds.rollout),
            update_s: finite(seconds.update),
            train_s,
            train_images_per_second: finite(training.run.images_per_second),
            train_tokens_per_second: finite(training.run.tokens_per_second),
            train_peak_memory_bytes: bytes(training.run.peak_memory_bytes),
            weights_digest: training.outcome.weights_digest.clone(),
            train_gpu_s: train_s.filter(|_| is_on_gpu(&training.run.place)),
            train_images: count_from_rate(&training.run, training.run.images_per_second),
            train_tokens: count_from_rate(&training.run, training.run.tokens_per_second),
        }
    }
}

impl MadeFrom {
    fn of(results: &TrialResults, cell: CellKey) -> Self {
        let provenance = &results.provenance;
        let made_from = results.of_cell(cell);
        MadeFrom {
            base_weights_digest: provenance.base_weights.clone(),
            data_digest: made_from.and_then(|made| made.data.clone()),
            prompts_digest: made_from.and_then(|made| made.prompts.clone()),
            train_data_digest: provenance.train_data.clone(),
            picks_digest: provenance.picks.clone(),
            train_prompts_digest: provenance.train_prompts.clone(),
            device_kind: provenance.device_kind.clone(),
            precision: provenance.precision.clone(),
            scorer_version: made_from.map(|made| i64::from(made.scorer_version)),
            rescored: provenance.rescored,
            sealed: made_from.map(|made| made.is_sealed),
        }
    }
}

/// All finished cells in table order, checked, each with its trial and its id.
pub(crate) fn table_order(
    results: &[TrialResults],
) -> Result<Vec<(&TrialResults, &str, &CellRecord)>, ReportError> {
    let mut rows = Vec::new();
    for results in results {
        for (cell_id, record) in &results.cells {
            check(results, &record.outcome)?;
            rows.push((results, cell_id.as_str(), record));
        }
    }
    rows.sort_by_key(|(_, _, record)| key(&record.outcome));
    let mut seen = BTreeSet::new();
    for (results, _, record) in &rows {
        if !seen.insert(key(&record.outcome)) {
            let (trial, cell) = (results.trial.key(), record.outcome.cell.to_string());
            return Err(ReportError::DuplicateCell { trial, cell });
        }
    }
    Ok(rows)
}

fn key(outcome: &CellOutcome) -> impl Ord + use<> {
    let CellOutcome { method, train_on, shots, seed, cell, .. } = outcome;
    (*method, *train_on, *shots, *seed, *cell)
}

fn check(results: &TrialResults, outcome: &CellOutcome) -> Result<(), ReportError> {
    let mut trial = results.trial.clone();
    (trial.method, trial.train_on) = (outcome.method, outcome.train_on);
    (trial.shots, trial.seed) = (outcome.shots, outcome.seed);
    if trial != results.trial {
        return Err(ReportError::WrongTrial { expected: results.trial.key(), found: trial.key() });
    }
    let counts = [
        ("n", outcome.n, outcome.n_split),
        ("n_correct_published", outcome.n_correct_published, outcome.n),
        ("n_correct_strict", outcome.n_correct_strict, outcome.n),
        ("n_truncated", outcome.n_truncated, outcome.n),
        ("n_untagged", outcome.n_untagged, outcome.n),
    ];
    for (what, found, at_most) in counts {
        if at_most < found {
            let (trial, cell) = (results.trial.key(), outcome.cell.to_string());
            return Err(ReportError::CountTooLarge { trial, cell, what, found, at_most });
        }
    }
    Ok(())
}

/// What went through a training, from its rate; the record keeps rates alone, and a rate is a whole number
/// divided by seconds, so that rounding gives the number back.
fn count_from_rate(run: &TrainingRun, per_second: f64) -> i64 {
    (per_second * (run.seconds.rollout + run.seconds.update)).round() as i64
}

pub(super) fn n_answer_tokens(&CellOutcome { n, mean_tokens, .. }: &CellOutcome) -> i64 {
    if n == 0 { 0 } else { (mean_tokens * n as f64).round() as i64 }
}

/// A trial has one device, so that its seconds on a GPU are GPU-seconds.
pub(super) fn is_on_gpu(place: &Place) -> bool {
    place.device.starts_with("cuda")
}

pub(super) fn bytes(n: u64) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}
