//! The training curves' rows: one for each optimizer step.

use clsrl_spec::{
    DatasetId, MethodId, RewardId, RolloutRecord, Seed, StepRecord, StepSeconds, Training, Trial,
};

use super::column::{finite, frame_row};
use crate::TrialResults;

/// The version of the curves' columns.
const SCHEMA_VERSION: i64 = 2;

frame_row! {
    /// An optimizer step of a fine-tune.
    pub struct StepRow {
        /// Version of these columns.
        pub schema_version: i64,
        /// The trial's key.
        pub trial: String,
        /// Id of the fine-tune.
        pub training_id: String,
        /// The trial's method.
        pub method: MethodId,
        /// The dataset that was trained on.
        pub train_on: Option<DatasetId>,
        /// Training images of each class.
        #[unit = "images per class"]
        pub shots: usize,
        /// Seed of shots, order and sampling.
        pub seed: Seed,
        /// Counted from 1.
        pub step: usize,
        /// Loss before the step.
        pub loss: Option<f64>,
        /// Global gradient norm before clipping.
        pub grad_norm: Option<f64>,
        /// Learning rate of the step.
        pub lr: Option<f64>,
        /// Mean summed reward of a completion; this and those down to `zero_variance_groups` are none but for GRPO.
        pub reward_mean: Option<f64>,
        /// KL estimate to the start model, in nats per token.
        #[unit = "nats per token"]
        pub kl: Option<f64>,
        /// Entropy of the model's distribution over all words, in nats per token; none where it was not measured.
        #[unit = "nats per token"]
        pub entropy: Option<f64>,
        /// Mean completion length in tokens, its stop token counted.
        #[unit = "tokens"]
        pub mean_tokens: Option<f64>,
        /// Share of completions cut at the longest length, 0 to 1.
        #[unit = "share"]
        pub truncated: Option<f64>,
        /// Share of groups whose rewards are all equal, 0 to 1.
        #[unit = "share"]
        pub zero_variance_groups: Option<f64>,
        /// Seconds of reading the step's images and making its prompts; like those below none where the step was
        /// not timed.
        #[unit = "s"]
        pub load_s: Option<f64>,
        /// Seconds of sampling completions and rewarding them.
        #[unit = "s"]
        pub rollout_s: Option<f64>,
        /// Seconds of the part of `rollout_s` that reads the completions' texts and rewards them.
        #[unit = "s"]
        pub reward_s: Option<f64>,
        /// Seconds of forward, backward and optimizer.
        #[unit = "s"]
        pub update_s: Option<f64>,
        /// Mean of this reward over the completions; like those below none where it is not paid.
        pub reward_format: Option<f64>,
        /// The same of the format that answers first.
        pub reward_format_answer_first: Option<f64>,
        /// The same of the format that may think or not.
        pub reward_format_adaptive: Option<f64>,
        /// The same of the accuracy reward.
        pub reward_accuracy: Option<f64>,
        /// The same of the accuracy reward without mathematics.
        pub reward_accuracy_string: Option<f64>,
        /// The same of the accuracy reward by the strict score.
        pub reward_accuracy_strict: Option<f64>,
        /// The same of the accuracy reward for which a part of the name is enough.
        pub reward_accuracy_two_way: Option<f64>,
        /// The same of the equality reward.
        pub reward_equality: Option<f64>,
    }
}

impl StepRow {
    /// All steps in table order, whatever the order of the input.
    pub fn all(results: &[TrialResults]) -> Vec<Self> {
        let mut rows = Vec::new();
        for results in results {
            let seconds = &results.training.run.steps;
            let steps = results.training.outcome.steps.iter().enumerate();
            let of_trial = (&results.trial, results.training_id.as_str());
            rows.extend(steps.map(|(idx, step)| StepRow::of(of_trial, step, seconds.get(idx))));
        }
        rows.sort_by_key(|row| (row.method, row.train_on, row.shots, row.seed, row.step));
        rows
    }

    /// A step of a trial, whose fine-tune has this id.
    pub fn of(
        (trial, training_id): (&Trial, &str),
        step: &StepRecord,
        seconds: Option<&StepSeconds>,
    ) -> Self {
        let rollout = |value: fn(&RolloutRecord) -> Option<f64>| {
            step.rollout.as_ref().and_then(value).and_then(finite)
        };
        let clock = |value: fn(&StepSeconds) -> f64| seconds.map(value).and_then(finite);
        let reward = |id: RewardId| {
            let Training::Grpo(settings) = &trial.training else { return None };
            let position = settings.rewards.iter().position(|&used| used == id)?;
            finite(*step.rollout.as_ref()?.rewards.get(position)?)
        };
        StepRow {
            schema_version: SCHEMA_VERSION,
            trial: trial.key(),
            training_id: training_id.to_owned(),
            method: trial.method,
            train_on: trial.train_on,
            shots: trial.shots,
            seed: trial.seed,
            step: step.step,
            loss: finite(step.loss),
            grad_norm: finite(step.grad_norm),
            lr: finite(step.learning_rate),
            reward_mean: rollout(|rollout| Some(rollout.reward_mean)),
            kl: rollout(|rollout| Some(rollout.kl)),
            entropy: rollout(|rollout| rollout.entropy),
            mean_tokens: rollout(|rollout| Some(rollout.mean_tokens)),
            truncated: rollout(|rollout| Some(rollout.truncated)),
            zero_variance_groups: rollout(|rollout| Some(rollout.zero_variance_groups)),
            load_s: clock(|seconds| seconds.load),
            rollout_s: clock(|seconds| seconds.rollout),
            reward_s: clock(|seconds| seconds.reward),
            update_s: clock(|seconds| seconds.update),
            reward_format: reward(RewardId::Format),
            reward_format_answer_first: reward(RewardId::FormatAnswerFirst),
            reward_format_adaptive: reward(RewardId::FormatAdaptive),
            reward_accuracy: reward(RewardId::Accuracy),
            reward_accuracy_string: reward(RewardId::AccuracyString),
            reward_accuracy_strict: reward(RewardId::AccuracyStrict),
            reward_accuracy_two_way: reward(RewardId::AccuracyTwoWay),
            reward_equality: reward(RewardId::Equality),
        }
    }
}
