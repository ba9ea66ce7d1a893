//! What the benches time.

use std::path::PathBuf;

use clsrl_spec::{ImagePath, Seed};

use crate::device::{Device, Dtype};

/// One bench.
#[derive(Debug)]
pub enum BenchOptions {
    /// GRPO steps.
    Grpo(GrpoBenchOptions),
    /// Steps of supervised fine-tuning.
    Sft(SftBenchOptions),
    /// Batches of greedy answers.
    Eval(EvalBenchOptions),
    /// Preprocessing.
    Input(InputBenchOptions),
}

/// A model and the shapes of its prompts.
#[derive(Debug)]
pub struct ModelBenchOptions {
    /// Which weights.
    pub weights: Weights,
    pub device: Device,
    /// Precision of matrix products.
    pub dtype: Dtype,
    /// Side of an image after resizing to a square, in pixels.
    pub image_size: usize,
    /// Tokens per prompt, image tokens included.
    pub prompt_tokens: usize,
    /// Tokens per completion.
    pub completion_tokens: usize,
    /// Steps that are not timed.
    pub warmup: usize,
    /// The seed of weights, images and tokens.
    pub seed: Seed,
    /// Threads; all cores by default.
    pub threads: Option<usize>,
    /// A file for the JSON.
    pub json_out: Option<PathBuf>,
}

/// The model whose shapes `--random-2b` has.
pub const RANDOM_2B: &str = "Qwen2-VL-2B-Instruct";

/// Where weights come from.
#[derive(Debug)]
pub enum Weights {
    /// A model directory, or `hf:ID[@REV]`.
    Model(PathBuf),
    /// Random ones in the shapes of a published model, with fewer layers if wanted.
    Random {
        /// The model's name on the hub, after `Qwen/`.
        shapes: String,
        /// Decoder layers.
        layers: Option<usize>,
        /// Vision blocks.
        vision_layers: Option<usize>,
    },
}

/// GRPO steps.
#[derive(Debug)]
pub struct GrpoBenchOptions {
    pub model: ModelBenchOptions,
    /// Timed steps.
    pub steps: usize,
    /// Completions per prompt.
    pub generations: usize,
    /// Prompts per optimizer step (gradient accumulation).
    pub accumulation: usize,
    /// Prompts per forward pass of the update.
    pub micro_batch: usize,
    /// By which share prompts are shorter than the longest at most.
    pub spread: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Weight of the KL term.
    pub beta: f64,
}

/// Steps of supervised fine-tuning.
#[derive(Debug)]
pub struct SftBenchOptions {
    pub model: ModelBenchOptions,
    /// Timed steps.
    pub steps: usize,
    /// Examples per optimizer step (gradient accumulation).
    pub accumulation: usize,
    /// Examples per forward pass.
    pub micro_batch: usize,
    /// By which share prompts are shorter than the longest at most.
    pub spread: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Whether the loss covers the completion alone, instead of all text.
    pub completion_alone: bool,
}

/// Batches of greedy answers.
#[derive(Debug)]
pub struct EvalBenchOptions {
    pub model: ModelBenchOptions,
    /// Timed batches.
    pub steps: usize,
    /// Prompts per batch.
    pub batch: usize,
    /// By which share prompts are shorter than the longest at most.
    pub spread: f64,
}

/// Preprocessing: image files to patches.
#[derive(Debug)]
pub struct InputBenchOptions {
    /// A folder of images.
    pub images: PathBuf,
    /// The model directory whose preprocessor is used, instead of Qwen2-VL's.
    pub model: Option<PathBuf>,
    /// The image path.
    pub order: ImagePath,
    /// Passes that are not timed.
    pub warmup: usize,
    /// Timed passes.
    pub steps: usize,
    /// Threads; all cores by default.
    pub threads: Option<usize>,
    /// A file for the JSON.
    pub json_out: Option<PathBuf>,
}
