//! Trials and cells: the units of work of a benchmark.
//!
//! A trial is one fine-tune, resolved to the last setting; a cell is one row of the results: a trial
//! evaluated on one target dataset under one prompt.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::{ClassHalf, DatasetId, Form, MethodId, PromptStyle, Protocol, RewardId, Seed};

/// One fine-tune and the targets it is evaluated on, with every setting resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The method.
    pub method: MethodId,
    /// The dataset that is trained on; `None` for zero-shot.
    pub train_on: Option<DatasetId>,
    /// The form of the training questions; zero-shot asks none.
    pub form: Form,
    /// Training images per class; 0 for zero-shot.
    pub shots: usize,
    /// The seed of shots, order and sampling; 0 for zero-shot, which draws nothing.
    pub seed: Seed,
    /// How it is trained.
    pub training: Training,
    /// How it is evaluated.
    pub evaluation: Evaluation,
    /// The protocol, whole.
    pub protocol: Protocol,
}

impl Trial {
    /// The readable name of a trial within its suite: `cls-rl.dtd.4shot.seed1`,
    /// `sft.dtd.base.4shot.seed1`, `zero-shot`.
    pub fn key(&self) -> String {
        match self.picks_key() {
            None => self.method.to_string(),
            Some(picks) => format!("{}.{picks}", self.method),
        }
    }

    /// The name of the training images, which trials of several methods share:
    /// `dtd.4shot.seed1`; none for zero-shot.
    pub fn picks_key(&self) -> Option<String> {
        let dataset = self.train_on?;
        let asked = target_name(dataset, self.form);
        Some(format!("{asked}.{}shot.seed{}", self.shots, self.seed))
    }

    /// Training images of the real dataset, where every class has enough of them.
    pub fn full_training_set(&self) -> usize {
        let Some(source) = self.train_on else { return 0 };
        let n_classes = source.n_classes();
        let n_base = self.protocol.base_classes.n_base(n_classes);
        let n_asked = match self.form.half() {
            ClassHalf::All => n_classes,
            ClassHalf::Base => n_base,
            ClassHalf::New => n_classes - n_base,
        };
        self.shots * n_asked
    }

    /// Images that all cells evaluate together, of the real datasets' whole lists. Both halves of
    /// base-to-new make up one list.
    pub fn full_evaluation(&self) -> usize {
        let Evaluation { targets, forms, prompts, limit, .. } = &self.evaluation;
        let is_half = |form: &&Form| form.half() != ClassHalf::All;
        let n_lists = forms.len() - forms.iter().filter(is_half).count() / 2;
        let of = |&target: &DatasetId| {
            let whole = target.n_images(self.evaluation.split_of(target)) * n_lists;
            whole.min(limit.map_or(whole, |limit| limit.saturating_mul(forms.len())))
        };
        targets.iter().map(of).sum::<usize>() * prompts.len()
    }

    /// The cells of this trial, target by target.
    pub fn cells(&self) -> Vec<CellKey> {
        let Evaluation { targets, forms, prompts, .. } = &self.evaluation;
        let mut cells = Vec::new();
        for &target in targets {
            for &form in forms {
                cells.extend(prompts.iter().map(|&prompt| CellKey { target, form, prompt }));
            }
        }
        cells
    }
}

/// A dataset and, unless it is the usual one, the form in which it is asked about.
fn target_name(dataset: DatasetId, form: Form) -> String {
    match form {
        Form::FewShot => dataset.to_string(),
        form => format!("{dataset}.{form}"),
    }
}

/// One cell of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellKey {
    /// The dataset that is evaluated.
    pub target: DatasetId,
    /// The form of the questions.
    pub form: Form,
    /// The prompt it is evaluated under.
    pub prompt: PromptStyle,
}

impl fmt::Display for CellKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", target_name(self.target, self.form), self.prompt)
    }
}

/// How a trial is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Training {
    /// Not at all.
    None,
    /// Supervised fine-tuning.
    Sft(SftSettings),
    /// GRPO.
    Grpo(GrpoSettings),
}

/// How long training lasts.
///
/// An epoch has `max(1, floor(ceil(n / (prompts_per_step / accumulation)) / accumulation))` optimizer
/// steps, and training `ceil(epochs * steps per epoch)`: the rule of transformers 4.49's trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duration {
    /// Passes over the few-shot training set, as the step count reckons them: the short step at the end
    /// of an epoch is taken but not counted, so training may end before its last epochs.
    pub epochs: f64,
    /// Training examples (SFT) or prompts (GRPO) of an optimizer step.
    pub prompts_per_step: usize,
    /// Micro-batches that the published trainer accumulates per step; it decides how many steps an
    /// epoch counts for.
    pub accumulation: usize,
}

impl Duration {
    /// Optimizer steps of one epoch over n examples.
    pub fn steps_per_epoch(&self, n_examples: usize) -> usize {
        let batch = self.prompts_per_step / self.accumulation;
        (n_examples.div_ceil(batch) / self.accumulation).max(1)
    }

    /// Optimizer steps of the whole training over n examples.
    pub fn total_steps(&self, n_examples: usize) -> usize {
        (self.epochs * self.steps_per_epoch(n_examples) as f64).ceil() as usize
    }
}

/// AdamW with a linear schedule to zero and clipping by global norm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// The first step's learning rate; it falls linearly to 0.
    pub learning_rate: f64,
    /// First-moment decay.
    pub beta1: f64,
    /// Second-moment decay.
    pub beta2: f64,
    /// Added to the square root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest global gradient norm.
    pub max_grad_norm: f64,
}

/// Settings of supervised fine-tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SftSettings {
    /// How long.
    pub duration: Duration,
    /// With what optimizer.
    pub optimizer: OptimizerSettings,
    /// Examples in one forward pass.
    pub micro_batch: usize,
}

/// Settings of GRPO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrpoSettings {
    /// The prompt of training: thinking for CLS-RL, direct for No-Thinking.
    pub prompt: PromptStyle,
    /// How long.
    pub duration: Duration,
    /// With what optimizer.
    pub optimizer: OptimizerSettings,
    /// Completions per prompt (G).
    pub generations: usize,
    /// Weight of the KL term to the start model.
    pub beta: f64,
    /// Its weight in the first step, from where it goes linearly to `beta` in the last; without, it is `beta`
    /// throughout. There is no key then, so that identities stay what they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta_start: Option<f64>,
    /// Added to a group's standard deviation.
    pub advantage_epsilon: f64,
    /// Sampling temperature of rollouts.
    pub temperature: f64,
    /// Tokens kept by top-k in rollouts; 0 keeps all.
    pub top_k: usize,
    /// Probability mass kept by top-p in rollouts; 1 keeps all.
    pub top_p: f64,
    /// Longest prompt in tokens; a longer one is an error, not a truncation.
    pub max_prompt_tokens: usize,
    /// Longest completion in tokens.
    pub max_new_tokens: usize,
    /// Prompts in one forward pass of the update.
    pub micro_batch: usize,
    /// The rewards of a completion, summed.
    pub rewards: Vec<RewardId>,
    /// What becomes of a group whose rewards are all equal.
    pub zero_variance_groups: ZeroVariance,
}

impl GrpoSettings {
    /// Whether the KL term weighs anything in any step.
    pub fn has_kl_term(&self) -> bool {
        self.beta != 0.0 || self.beta_start.is_some_and(|start| start != 0.0)
    }

    /// Weight of the KL term in a step, counted from 1, of so many.
    pub fn beta_at(&self, step: usize, n_steps: usize) -> f64 {
        let Some(start) = self.beta_start else { return self.beta };
        let done = (step - 1) as f64 / n_steps.saturating_sub(1).max(1) as f64;
        start + (self.beta - start) * done.min(1.0)
    }
}

/// What becomes of a group whose rewards are all equal: its advantages are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroVariance {
    /// It stays, and its KL term pulls towards the start model (released code).
    Keep,
    /// It is left out of the loss, which is the mean over the other groups' completions.
    Drop,
    /// So is a group whose completions are all right or all wrong, whatever their form earns.
    DropAllRightOrWrong,
}

/// The part of a dataset that is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum EvalSplit {
    /// The test split.
    Test,
    /// The validation split, for choosing settings without looking at test images.
    Val,
}

impl EvalSplit {
    /// The id as it stands in suites, frames and the names of random streams.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How a trial is evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The prompts, each giving its own cell per target.
    pub prompts: Vec<PromptStyle>,
    /// The forms of the questions, each giving its own cell per target and prompt.
    pub forms: Vec<Form>,
    /// The datasets, in table order.
    pub targets: Vec<DatasetId>,
    /// The split of each target: some datasets come without a usable test split.
    pub splits: BTreeMap<DatasetId, EvalSplit>,
    /// Only n images of each target, spread evenly over its list, if given.
    pub limit: Option<usize>,
    /// Prompts decoded together.
    pub batch: usize,
    /// Longest answer in tokens.
    pub max_new_tokens: usize,
}

impl Evaluation {
    /// The split on which a target is evaluated. Panics if it is no target of this trial.
    pub fn split_of(&self, target: DatasetId) -> EvalSplit {
        self.splits[&target]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_steps(n_examples: usize, epochs: f64, per_epoch: usize, total: usize) {
        let duration = Duration { epochs, prompts_per_step: 16, accumulation: 2 };
        assert_eq!(duration.steps_per_epoch(n_examples), per_epoch);
        assert_eq!(duration.total_steps(n_examples), total);
    }

    #[test]
    fn the_weight_of_the_kl_term_goes_from_its_start_to_beta() {
        let with_start = |beta_start: serde_json::Value| -> GrpoSettings {
            let mut settings = serde_json::json!({
                "prompt": "thinking",
                "duration": {"epochs": 1.0, "prompts_per_step": 1, "accumulation": 1},
                "optimizer": {
                    "learning_rate": 1e-6, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
                    "weight_decay": 0.0, "max_grad_norm": 1.0,
                },
                "generations": 2, "beta": 0.04, "advantage_epsilon": 1e-4, "temperature": 1.0,
                "top_k": 0, "top_p": 1.0, "max_prompt_tokens": 1, "max_new_tokens": 1,
                "micro_batch": 1, "rewards": ["format"], "zero_variance_groups": "keep",
            });
            if !beta_start.is_null() {
                settings["beta_start"] = beta_start;
            }
            serde_json::from_value(settings).unwrap()
        };
        let constant = with_start(serde_json::Value::Null);
        assert_eq!([1, 3, 5].map(|step| constant.beta_at(step, 5)), [0.04; 3]);
        assert!(!serde_json::to_string(&constant).unwrap().contains("beta_start"));
        let rising = with_start(0.0.into());
        assert_eq!([1, 3, 5].map(|step| rising.beta_at(step, 5)), [0.0, 0.02, 0.04]);
        assert_eq!(rising.beta_at(1, 1), 0.0);
        assert!(rising.has_kl_term());
        assert!(!GrpoSettings { beta: 0.0, ..rising }.has_kl_term());
    }

    #[test]
    fn optimizer_steps_equal_the_table_of_the_paper() {
        check_steps(4000, 10.0, 250, 2500); // ImageNet
        check_steps(188, 50.0, 12, 600); // DTD
        check_steps(40, 100.0, 2, 200); // EuroSAT
        check_steps(148, 50.0, 9, 450); // Pets
        check_steps(784, 50.0, 49, 2450); // Cars
        check_steps(1588, 25.0, 99, 2475); // SUN397
    }
}
