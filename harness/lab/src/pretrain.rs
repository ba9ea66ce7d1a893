//! Pre-trains a tiny model from nothing, in the architecture of any family; Qwen2-VL's is the embedded default.
//!
//! One schedule over one pass of drawn images that never repeat: mostly short texts first, which
//! teach to see and to name, then lists and answer formats. The same settings give the same weights on
//! the same machine with the same number of threads. The datasets' own images and styles are never
//! seen here, only their classes.

mod batches;
mod tiny_config;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_data::{image::ImageError, text::TextError};
use clsrl_engine::{AdamW, prefetch::prefetch};
use clsrl_libtorch::LibtorchError;
use clsrl_spec::{OptimizerSettings, Seed};
use clsrl_tiny::{TinyTokenizer, TinyTokenizerError};
use clsrl_vlm::{Batch, Family, Init, Model, PadSide, VlmError, token_log_probs};
use tch::{Device, Kind, Tensor, no_grad};

use self::batches::{Batches, Sample};

/// Learning rate from the end of the warm-up on.
const LEARNING_RATE: f64 = 2e-3;

/// Steps over which the learning rate rises from 0.
const WARM_UP_STEPS: usize = 100;

/// Share of the steps after which the learning rate falls.
const CONSTANT_SHARE: f64 = 0.6;

/// What is left of the learning rate after the last step.
const FINAL_SHARE: f64 = 0.02;

/// Batches that wait ready while a step runs.
const N_WAITING: usize = 4;

/// What a pre-training run depends on, beside the recipe in this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PretrainSettings {
    /// The family whose architecture it has.
    pub family: Family,
    /// The seed of weights, tokenizer, images and texts.
    pub seed: Seed,
    /// Optimizer steps.
    pub n_steps: usize,
    /// Images of one step.
    pub batch: usize,
}

/// One optimizer step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PretrainStep {
    /// The step, counted from 1.
    pub step: usize,
    /// Mean negative log-probability of the supervised tokens.
    pub loss: f64,
}

/// Why pre-training failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PretrainError {
    #[error(transparent)]
    Tokenizer(#[from] TinyTokenizerError),
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Model(#[from] VlmError),
    #[error(transparent)]
    Libtorch(#[from] LibtorchError),
    #[error("cannot create `{}`", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("step {step}: the loss is not finite, found {found}")]
    NotFinite { step: usize, found: f64 },
}

/// Pre-trains a model and writes its directory, in the layout of a published one.
///
/// The weights are rounded to bfloat16 and written as float32.
pub fn pretrain(
    settings: &PretrainSettings,
    out_dir: &Path,
    on_step: &mut dyn FnMut(PretrainStep),
) -> Result<(), PretrainError> {
    fs::create_dir_all(out_dir)
        .map_err(|source| PretrainError::Create { path: out_dir.to_owned(), source })?;
    let tokenizer = TinyTokenizer::train(settings.seed)?;
    tokenizer.write(out_dir, settings.family.model_type())?;
    let config = tiny_config::config_of(settings.family, &tokenizer)?;
    let mut model = Model::random(config, &Init { seed: settings.seed }, Device::Cpu);
    model.set_trainable(true);
    let batches = Batches::new(settings, out_dir)?;
    prefetch(N_WAITING, batches, |batches| {
        let mut trainer = Trainer::new(&model, settings, tokenizer.special("<|endoftext|>"));
        for (step, batch) in (1..).zip(batches) {
            on_step(trainer.step(step, &batch?)?);
        }
        Ok::<(), PretrainError>(())
    })?;
    round_to_bfloat16(&model);
    Ok(model.save(out_dir, out_dir)?)
}

/// The model and its optimizer while they are trained.
struct Trainer<'a> {
    model: &'a Model,
    optimizer: AdamW,
    n_steps: usize,
    pad_id: i64,
}

impl<'a> Trainer<'a> {
    fn new(model: &'a Model, settings: &PretrainSettings, pad_id: usize) -> Self {
        let optimizer = OptimizerSettings {
            learning_rate: LEARNING_RATE,
            beta1: 0.9,
            beta2: 0.98,
            epsilon: 1e-8,
            weight_decay: 0.05,
            max_grad_norm: 1.0,
        };
        let is_matrix = |parameter: &Tensor| 2 <= parameter.dim();
        let optimizer = AdamW::with_decay(model.named_parameters(), &optimizer, is_matrix);
        Trainer { model, optimizer, n_steps: settings.n_steps, pad_id: pad_id as i64 }
    }

    fn step(&mut self, step: usize, batch: &[Sample]) -> Result<PretrainStep, PretrainError> {
        let loss = self.loss(batch)?;
        loss.backward();
        let found = loss.double_value(&[]);
        if !found.is_finite() {
            return Err(PretrainError::NotFinite { step, found });
        }
        self.optimizer.step(LEARNING_RATE * share_of_rate(step, self.n_steps))?;
        Ok(PretrainStep { step, loss: found })
    }

    /// The mean over all supervised tokens of a batch.
    fn loss(&self, samples: &[Sample]) -> Result<Tensor, PretrainError> {
        let prompts: Vec<_> = samples.iter().map(Sample::prompt).collect();
        let prompts: Vec<_> = prompts.iter().collect();
        let (config, device) = (self.model.config(), self.model.device());
        let batch = Batch::new(&prompts, PadSide::Right, self.pad_id, config, device)?;
        let hidden = self.model.hidden(&batch); // (b, t, c)
        let width = hidden.size()[1] as usize;
        let (mut states, mut targets) = (Vec::new(), Vec::new());
        for (row, sample) in samples.iter().enumerate() {
            for at in sample.n_prompt..sample.ids.len() {
                states.push((row * width + at - 1) as i64); // the state before predicts
                targets.push(sample.ids[at]);
            }
        }
        let states = hidden.flatten(0, 1).index_select(0, &Tensor::from_slice(&states));
        let log_probs = token_log_probs(self.model, &states, &Tensor::from_slice(&targets));
        Ok(-log_probs.mean(Kind::Float))
    }
}

/// The share of the learning rate at a step: it rises, stays, and falls to the final share.
fn share_of_rate(step: usize, n_steps: usize) -> f64 {
    let warm_up = step as f64 / WARM_UP_STEPS as f64;
    let done = step as f64 / n_steps as f64;
    let fallen = (done - CONSTANT_SHARE).max(0.0) / (1.0 - CONSTANT_SHARE);
    warm_up.min(1.0 - fallen * (1.0 - FINAL_SHARE))
}

fn round_to_bfloat16(model: &Model) {
    no_grad(|| {
        for (_, mut parameter) in model.named_parameters() {
            parameter.copy_(&parameter.to_kind(Kind::BFloat16));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_stays_and_falls() {
        assert_eq!(share_of_rate(50, 1000), 0.5);
        assert_eq!(share_of_rate(100, 1000), 1.0);
        assert_eq!(share_of_rate(600, 1000), 1.0);
        assert!((share_of_rate(800, 1000) - 0.51).abs() < 1e-12);
        assert!((share_of_rate(1000, 1000) - 0.02).abs() < 1e-12);
    }

    #[test]
    fn two_short_runs_give_the_same_model_and_that_of_each_family_opens() {
        let weights = |settings: &PretrainSettings| {
            let dir = tempfile::tempdir().unwrap();
            let mut losses = Vec::new();
            pretrain(settings, dir.path(), &mut |step| losses.push(step.loss)).unwrap();
            assert_eq!(losses.len(), settings.n_steps);
            Model::load(dir.path(), Device::Cpu, clsrl_vlm::Precision::Float32).unwrap();
            fs::read(dir.path().join("model.safetensors")).unwrap()
        };
        tch::set_num_threads(1); // more are slower for so small a model
        let settings = PretrainSettings { family: Family::Qwen2Vl, seed: 1, n_steps: 2, batch: 4 };
        let first = weights(&settings);
        assert!(first == weights(&settings), "two runs of one seed differ");
        let other = PretrainSettings { seed: 2, ..settings.clone() };
        assert!(first != weights(&other), "the seed is ignored");
        for family in [Family::Qwen2_5Vl, Family::Qwen3Vl] {
            weights(&PretrainSettings { family, n_steps: 1, ..settings.clone() });
        }
    }
}
