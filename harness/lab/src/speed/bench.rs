//! The benches of training and evaluation: steps, each with the times of its phases.

use std::{cell::RefCell, sync::Mutex};

use clsrl_engine::{
    EngineError,
    evaluate::complete,
    grpo::Grpo,
    inputs::{AskedPrompt, LabelledPrompt},
    machine::{peak_memory_bytes, peak_resident_bytes},
    order::EpochOrder,
    profiler::{Phase, PhaseTimes, Profiler, profile},
    rewarder::Rewarder,
    sft,
};
use clsrl_spec::{
    Duration, EndMask, GrpoSettings, OptimizerSettings, PromptStyle, RewardId, SftSettings,
    StepRecord, StepSeconds, Stream, ZeroVariance,
};
use clsrl_vlm::{GenerationConfig, Model, Precision, Prompt};
use tch::Device;

use super::{GrpoStep, Work, eval_work, grpo_work, sft_work, shapes::Shapes, workload::Workload};

/// What was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Phase times of every counted step.
    pub steps: Vec<PhaseTimes>,
    /// The loss of every step, warm-up included; nothing for an evaluation.
    pub losses: Vec<f64>,
    /// New tokens of a row in every counted batch of an evaluation.
    pub new_tokens: Vec<usize>,
    /// What a step must cost; the mean over the counted batches of an evaluation.
    pub work: Work,
    /// Most resident memory of the process so far.
    pub peak_resident_bytes: u64,
    /// Most memory of tensors so far, as a GPU's allocator counts it; none on a CPU.
    pub peak_allocated_bytes: Option<u64>,
}

/// A GRPO bench.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GrpoBench {
    /// Sizes and steps.
    pub shapes: Shapes,
    /// Completions of a prompt.
    pub generations: usize,
    /// Prompts of an optimizer step.
    pub prompts_per_step: usize,
    /// Prompts in one forward pass of the update.
    pub micro_batch: usize,
    /// Prompt lengths vary by this fraction below the longest.
    pub spread: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Weight of the KL term.
    pub beta: f64,
}

/// An SFT bench.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SftBench {
    /// Sizes and steps.
    pub shapes: Shapes,
    /// Examples of an optimizer step.
    pub examples_per_step: usize,
    /// Examples in one forward pass.
    pub micro_batch: usize,
    /// Prompt lengths vary by this fraction below the longest.
    pub spread: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Whether the loss covers the completion alone, and not all text.
    pub completion_alone: bool,
}

/// An evaluation bench.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvalBench {
    /// Sizes and batches.
    pub shapes: Shapes,
    /// Prompts of a batch.
    pub batch: usize,
    /// Prompt lengths vary by this fraction below the longest.
    pub spread: f64,
}

/// Pays 0, 1 or 2 at random and reads nothing.
struct RandomRewarder(RefCell<Stream>);

impl Rewarder for RandomRewarder {
    fn decode(&self, _: &[i64]) -> String {
        String::new()
    }

    fn score(&self, _: RewardId, _: &str, _: &str) -> f64 {
        self.0.borrow_mut().below(3) as f64
    }
}

impl Measured {
    fn note_memory(&mut self, device: Device) -> Result<(), EngineError> {
        self.peak_resident_bytes = peak_resident_bytes();
        self.peak_allocated_bytes =
            device.is_cuda().then(|| peak_memory_bytes(device)).transpose()?;
        Ok(())
    }
}

impl GrpoBench {
    /// Trains a model; every completion has the full length.
    pub fn run(&self, model: &mut Model) -> Result<Measured, EngineError> {
        model.set_trainable(true);
        let model = &*model;
        let shapes = self.shapes;
        let settings = GrpoSettings {
            prompt: PromptStyle::Direct,
            duration: shapes.duration(self.prompts_per_step),
            optimizer: optimizer(self.learning_rate),
            generations: self.generations,
            beta: self.beta,
            beta_start: None,
            advantage_epsilon: 1e-4,
            temperature: 1.0,
            top_k: 50,
            top_p: 1.0,
            max_prompt_tokens: shapes.prompt_tokens,
            max_new_tokens: shapes.completion_tokens,
            micro_batch: self.micro_batch,
            rewards: vec![RewardId::Equality],
            zero_variance_groups: ZeroVariance::Keep,
        };
        let grpo = Grpo {
            settings: &settings,
            rewarder: &RandomRewarder(RefCell::new(Stream::new(shapes.seed, &["rewards"]))),
            end_mask: EndMask::AnyStop,
            stop_ids: &[], // nothing ends a completion but its length
            pad_id: 0,
            im_end: 0,
            seed: shapes.seed,
        };
        let config = model.config();
        let prepared = Mutex::new(Vec::new()); // lengths of each step's prompts
        let prepare = |picks: &[usize]| {
            // Drawn in every step as training reads them in every epoch, and the same each time.
            let prompts = Workload::new(config, shapes)?.prompts(picks.len(), self.spread)?;
            let mut prompts: Vec<_> = prompts.into_iter().enumerate().collect();
            prompts.sort_by_key(|(place, _)| picks.iter().position(|pick| pick == place));
            let lengths: Vec<usize> = prompts.iter().map(|(_, prompt)| prompt.ids.len()).collect();
            prepared.lock().expect(ONE_THREAD).push(lengths);
            Ok(prompts.into_iter().map(ask).collect())
        };
        let mut order = shapes.order(self.prompts_per_step);
        let mut measured = shapes.profile_steps(model, |on_step| {
            grpo.train(model, &mut order, &prepare, on_step).map(drop)
        })?;
        let grid = shapes.grid(model.config())?;
        let prepared = prepared.lock().expect(ONE_THREAD);
        for (epoch, prompt_lengths) in prepared.iter().enumerate().rev().take(shapes.steps) {
            let step = GrpoStep {
                grid,
                prompt_lengths,
                generations: self.generations,
                n_new_tokens: shapes.completion_tokens,
                shares_prefill: self.prompts_per_step <= self.micro_batch,
                keeps_keys: 0 < epoch,
            };
            let work = grpo_work(model.config(), &step, bytes_per_value(model));
            measured.work.add(&work, 1.0 / shapes.steps as f64);
        }
        Ok(measured)
    }
}

impl SftBench {
    /// Trains a model on prompts with their completions.
    pub fn run(&self, model: &mut Model) -> Result<Measured, EngineError> {
        model.set_trainable(true);
        let model = &*model;
        let shapes = self.shapes;
        let settings = SftSettings {
            duration: shapes.duration(self.examples_per_step),
            optimizer: optimizer(self.learning_rate),
            micro_batch: self.micro_batch,
        };
        let workload = Mutex::new(Workload::new(model.config(), shapes)?);
        let prepared = Mutex::new(Vec::new()); // tokens and scored tokens of each step's examples
        let prepare = |picks: &[usize]| {
            let mut workload = workload.lock().expect(ONE_THREAD);
            let examples = workload.examples(picks.len(), self.spread, self.completion_alone)?;
            let of_example = |example: &LabelledPrompt| {
                // The first token is predicted by nothing.
                let scored = example.labels.iter().skip(1).filter(|label| 0 <= **label);
                (example.labels.len(), scored.count())
            };
            let counts: Vec<_> = examples.iter().map(of_example).collect();
            prepared.lock().expect(ONE_THREAD).push(counts);
            Ok(examples)
        };
        let mut order = shapes.order(self.examples_per_step);
        let mut measured = shapes.profile_steps(model, |on_step| {
            sft::train(model, &settings, 0, &mut order, &prepare, on_step).map(drop)
        })?;
        let grid = shapes.grid(model.config())?;
        for examples in prepared.lock().expect(ONE_THREAD).iter().rev().take(shapes.steps) {
            let work = sft_work(model.config(), grid, examples);
            measured.work.add(&work, 1.0 / shapes.steps as f64);
        }
        Ok(measured)
    }
}

impl EvalBench {
    /// Answers batches greedily; every answer has the full length.
    pub fn run(&self, model: &Model) -> Result<Measured, EngineError> {
        let frozen = model.frozen_copy(false);
        let model = &frozen;
        let shapes = self.shapes;
        let mut workload = Workload::new(model.config(), shapes)?;
        let mut measured = Measured::default();
        let profiler = Profiler::start(model.device());
        for batch in 0..shapes.warmup + shapes.steps {
            let prompts = profile(Phase::Preprocess, model.device(), || {
                workload.spread_prompts(self.batch, self.spread)
            })?;
            let prompts: Vec<_> = prompts.iter().collect();
            let answers =
                complete(model, &prompts, shapes.completion_tokens, &GenerationConfig::endless())?;
            let times = profiler.take();
            if shapes.warmup <= batch {
                measured.steps.push(times);
                measured
                    .new_tokens
                    .push(answers.iter().map(|row| row.ids.len()).max().unwrap_or(0));
                let n_new = shapes.completion_tokens;
                let work = eval_work(model.config(), &prompts, n_new, bytes_per_value(model));
                measured.work.add(&work, 1.0 / shapes.steps as f64);
            }
        }
        measured.note_memory(model.device())?;
        Ok(measured)
    }
}

impl Shapes {
    /// The duration of the steps that are asked for, on a training set of one step.
    fn duration(&self, per_step: usize) -> Duration {
        let epochs = (self.warmup + self.steps) as f64;
        Duration { epochs, prompts_per_step: per_step, accumulation: per_step }
    }

    fn order(&self, per_step: usize) -> EpochOrder {
        EpochOrder::new(self.seed, "speed", per_step, per_step)
    }

    /// Trains, and takes the times of every step.
    fn profile_steps(
        &self,
        model: &Model,
        train: impl FnOnce(
            &mut dyn FnMut(StepRecord, StepSeconds) -> Result<(), EngineError>,
        ) -> Result<(), EngineError>,
    ) -> Result<Measured, EngineError> {
        let mut measured = Measured::default();
        let profiler = Profiler::start(model.device());
        train(&mut |record, _| {
            let times = profiler.take();
            measured.losses.push(record.loss);
            if self.warmup < record.step {
                measured.steps.push(times);
            }
            Ok(())
        })?;
        measured.note_memory(model.device())?;
        Ok(measured)
    }
}

/// Why a workload's lock is never waited for and never poisoned.
const ONE_THREAD: &str = "one thread alone draws from a workload";

fn optimizer(learning_rate: f64) -> OptimizerSettings {
    OptimizerSettings {
        learning_rate,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
    }
}

/// A prompt of the training set, of which this is the only one at its place.
fn ask((place, prompt): (usize, Prompt)) -> AskedPrompt {
    let (text, conversation, gold) = Default::default();
    AskedPrompt { prompt, image: place.to_string(), text, conversation, n_choices: 0, gold }
}

fn bytes_per_value(model: &Model) -> usize {
    match model.precision() {
        Precision::Float32 => 4,
        Precision::Bfloat16 => 2,
    }
}
