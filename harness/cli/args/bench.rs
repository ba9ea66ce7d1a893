//! Arguments of `bench`, named as those of the timing peers.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clsrl_spec::{
    ImagePath, Seed,
    ranges::{MAX_BATCH, MAX_GENERATIONS, MAX_NUMBER, MAX_STEPS, MAX_THREADS, MAX_TOKENS},
};

use super::whole;
use crate::device::Device;

/// Layers of a random model: the largest Qwen2-VL has 80.
const MAX_LAYERS: usize = 1024;

/// Side of a square picture in pixels.
pub(super) const MAX_SIDE: usize = 8192;

/// What to time.
#[derive(Debug, Subcommand)]
pub enum BenchVerb {
    /// GRPO steps: rollout, reference, update, optimizer.
    Grpo(BenchGrpoArgs),
    /// Steps of supervised fine-tuning.
    Sft(BenchSftArgs),
    /// Batches of greedy answers.
    Eval(BenchEvalArgs),
    /// Preprocessing alone: image files to patches.
    Input(BenchInputArgs),
}

/// What all benches of a model share.
#[derive(Debug, Args)]
pub struct BenchModelArgs {
    #[command(flatten)]
    pub weights: WeightsArgs,
    /// With --random-2b: fewer decoder layers.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_LAYERS>, requires = "random_2b")]
    pub layers: Option<usize>,
    /// With --random-2b: fewer vision blocks.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_LAYERS>, requires = "random_2b")]
    pub vision_layers: Option<usize>,
    /// Device: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// Precision of matrix products; auto is bf16 on CUDA and fp32 on a CPU.
    #[arg(long, value_enum, default_value_t = Dtype::Auto)]
    pub dtype: Dtype,
    /// Side of an image after resizing to a square, in pixels.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_SIDE>, default_value_t = 384)]
    pub image_size: usize,
    /// Tokens per prompt, image tokens included.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_TOKENS>, default_value_t = 400)]
    pub prompt_tokens: usize,
    /// Tokens per completion.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_TOKENS>, default_value_t = 128)]
    pub completion_tokens: usize,
    /// Warm-up steps, which are not timed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<0, MAX_STEPS>)]
    pub warmup: usize,
    /// The random seed.
    #[arg(long, default_value_t = 0)]
    pub seed: Seed,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    pub threads: Option<usize>,
    /// Write the JSON to a file as well.
    #[arg(long, value_name = "FILE")]
    pub json_out: Option<PathBuf>,
}

/// Which weights.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WeightsArgs {
    /// A Hugging Face model directory, or `hf:ID[@REV]`; only its config and weights are read.
    #[arg(long, value_name = "DIR|hf:ID")]
    pub model: Option<PathBuf>,
    /// Random weights in the shapes of Qwen2-VL-2B.
    #[arg(long)]
    pub random_2b: bool,
}

/// A kind of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    /// bf16 on CUDA, fp32 on a CPU.
    Auto,
    /// 16 bits with float32's range.
    Bf16,
    /// 32 bits.
    Fp32,
}

/// Arguments of `bench grpo`.
#[derive(Debug, Args)]
pub struct BenchGrpoArgs {
    #[command(flatten)]
    pub model: BenchModelArgs,
    /// Timed steps.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 3)]
    pub steps: usize,
    /// Completions per prompt.
    #[arg(long, value_name = "G", value_parser = whole::<1, MAX_GENERATIONS>, default_value_t = 4)]
    pub num_generations: usize,
    /// Prompts per optimizer step (gradient accumulation).
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 2)]
    pub accum: usize,
    /// Prompts per forward pass of the update, instead of all.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>)]
    pub micro_batch: Option<usize>,
    /// The learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 1e-6, value_parser = parse_number)]
    pub lr: f64,
    /// Weight of the KL term.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.04, value_parser = parse_number)]
    pub beta: f64,
}

/// Arguments of `bench sft`.
#[derive(Debug, Args)]
pub struct BenchSftArgs {
    #[command(flatten)]
    pub model: BenchModelArgs,
    /// Timed steps.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 3)]
    pub steps: usize,
    /// Examples per optimizer step (gradient accumulation).
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 2)]
    pub accum: usize,
    /// Examples per forward pass, instead of all.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>)]
    pub micro_batch: Option<usize>,
    /// The learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 1e-6, value_parser = parse_number)]
    pub lr: f64,
    /// Tokens with a loss: all text, as in the released code, or the completion.
    #[arg(long, value_enum, default_value_t = Labels::All)]
    pub labels: Labels,
}

/// What a supervised loss covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Labels {
    /// Everything but the image.
    All,
    /// The completion alone.
    Completion,
}

/// Arguments of `bench eval`.
#[derive(Debug, Args)]
pub struct BenchEvalArgs {
    #[command(flatten)]
    pub model: BenchModelArgs,
    /// Timed batches.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 2)]
    pub steps: usize,
    /// Prompts per batch.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 32)]
    pub batch: usize,
    /// Vary prompt lengths: up to this share shorter than --prompt-tokens.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value_t = 0.1)]
    pub spread: f64,
}

/// Arguments of `bench input`.
#[derive(Debug, Args)]
pub struct BenchInputArgs {
    /// A folder of images, read with its subfolders.
    #[arg(long, value_name = "DIR")]
    pub pictures: PathBuf,
    /// The model directory whose preprocessor is used, instead of Qwen2-VL's.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// The image path, an order of conversion and resizing: rgb384, native384, eval384 or direct.
    #[arg(long, default_value = "rgb384")]
    pub order: ImagePath,
    /// Warm-up passes over all images, which are not timed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<0, MAX_STEPS>)]
    pub warmup: usize,
    /// Timed passes.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 3)]
    pub steps: usize,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    pub threads: Option<usize>,
    /// Write the JSON to a file as well.
    #[arg(long, value_name = "FILE")]
    pub json_out: Option<PathBuf>,
}

fn parse_number(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=MAX_NUMBER).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to 1e30".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to below 1".to_owned()),
    }
}
