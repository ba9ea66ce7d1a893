//! Arguments of `bench`, named as those of the timing peers.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clsrl_spec::{
    ImagePath, Seed,
    ranges::{MAX_BATCH, MAX_GENERATIONS, MAX_STEPS, MAX_THREADS, MAX_TOKENS},
};

use super::number::{parse_number, parse_share, whole};
use crate::{
    device::{Device, Dtype},
    names,
    options::{
        BenchOptions, EvalBenchOptions, GrpoBenchOptions, InputBenchOptions, ModelBenchOptions,
        RANDOM_2B, SftBenchOptions, Weights,
    },
};

/// Layers of a random model: the largest Qwen2-VL has 80.
const MAX_LAYERS: usize = 1024;

/// Side of a square image in pixels.
pub(super) const MAX_SIDE: usize = 8192;

/// What to time.
#[derive(Debug, Subcommand)]
pub enum BenchVerb {
    /// GRPO steps: rollout, reference, update, optimizer.
    #[command(
        override_usage = "clsrl-bench bench grpo [OPTIONS] <--model <DIR|hf:ID>|--random <NAME>>"
    )]
    Grpo(BenchGrpoArgs),
    /// Steps of supervised fine-tuning.
    #[command(
        override_usage = "clsrl-bench bench sft [OPTIONS] <--model <DIR|hf:ID>|--random <NAME>>"
    )]
    Sft(BenchSftArgs),
    /// Batches of greedy answers.
    #[command(
        override_usage = "clsrl-bench bench eval [OPTIONS] <--model <DIR|hf:ID>|--random <NAME>>"
    )]
    Eval(BenchEvalArgs),
    /// Preprocessing alone: image files to patches.
    Input(BenchInputArgs),
}

/// What all benches of a model share.
#[derive(Debug, Args)]
pub struct BenchModelArgs {
    #[command(flatten)]
    weights: WeightsArgs,
    /// With random weights: fewer decoder layers.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_LAYERS>, requires = "drawn")]
    layers: Option<usize>,
    /// With random weights: fewer vision blocks.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_LAYERS>, requires = "drawn")]
    vision_layers: Option<usize>,
    /// Device: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = names::value::<Device>(&["cpu", "cuda"]))]
    device: Device,
    /// Precision of matrix products; auto is bf16 on CUDA and fp32 on a CPU.
    #[arg(long, value_enum, default_value_t = Dtype::Auto)]
    dtype: Dtype,
    /// Side of an image after resizing to a square, in pixels.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_SIDE>, default_value_t = 384)]
    image_size: usize,
    /// Tokens per prompt, image tokens included.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_TOKENS>, default_value_t = 400)]
    prompt_tokens: usize,
    /// Tokens per completion.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_TOKENS>, default_value_t = 128)]
    completion_tokens: usize,
    /// Warm-up steps, which are not timed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<0, MAX_STEPS>)]
    warmup: usize,
    /// The random seed.
    #[arg(long, default_value_t = 0)]
    seed: Seed,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    threads: Option<usize>,
    /// Write the JSON to a file as well.
    #[arg(long, value_name = "FILE")]
    json_out: Option<PathBuf>,
}

/// Which weights.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct WeightsArgs {
    /// A Hugging Face model directory, or `hf:ID[@REV]`; only its config and weights are read.
    #[arg(long, value_name = "DIR|hf:ID")]
    model: Option<PathBuf>,
    /// Random weights in the shapes of Qwen2-VL-2B.
    #[arg(long, group = "drawn")]
    random_2b: bool,
    /// Random weights in the shapes of a published model of any family, as Qwen3-VL-4B-Instruct.
    #[arg(long, value_name = "NAME", group = "drawn")]
    random: Option<String>,
}

/// Arguments of `bench grpo`.
#[derive(Debug, Args)]
pub struct BenchGrpoArgs {
    #[command(flatten)]
    model: BenchModelArgs,
    /// Timed steps.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 3)]
    steps: usize,
    /// Completions per prompt.
    #[arg(long, value_name = "G", value_parser = whole::<1, MAX_GENERATIONS>, default_value_t = 4)]
    num_generations: usize,
    /// Prompts per optimizer step (gradient accumulation).
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 2)]
    accum: usize,
    /// Prompts per forward pass of the update, instead of all.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>)]
    micro_batch: Option<usize>,
    /// Vary prompt lengths: up to this share shorter than --prompt-tokens.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value_t = 0.0)]
    spread: f64,
    /// The learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 1e-6, value_parser = parse_number)]
    lr: f64,
    /// Weight of the KL term.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.04, value_parser = parse_number)]
    beta: f64,
}

/// Arguments of `bench sft`.
#[derive(Debug, Args)]
pub struct BenchSftArgs {
    #[command(flatten)]
    model: BenchModelArgs,
    /// Timed steps.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 3)]
    steps: usize,
    /// Examples per optimizer step (gradient accumulation).
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 2)]
    accum: usize,
    /// Examples per forward pass, instead of all.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>)]
    micro_batch: Option<usize>,
    /// Vary prompt lengths: up to this share shorter than --prompt-tokens.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value_t = 0.0)]
    spread: f64,
    /// The learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 1e-6, value_parser = parse_number)]
    lr: f64,
    /// Tokens with a loss: all text, as in the released code, or the completion.
    #[arg(long, value_enum, default_value_t = Labels::All)]
    labels: Labels,
}

/// What a supervised loss covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Labels {
    /// Everything but the image.
    All,
    /// The completion alone.
    Completion,
}

/// Arguments of `bench eval`.
#[derive(Debug, Args)]
pub struct BenchEvalArgs {
    #[command(flatten)]
    model: BenchModelArgs,
    /// Timed batches.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 2)]
    steps: usize,
    /// Prompts per batch.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 32)]
    batch: usize,
    /// Vary prompt lengths: up to this share shorter than --prompt-tokens.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value_t = 0.1)]
    spread: f64,
}

/// Arguments of `bench input`.
#[derive(Debug, Args)]
pub struct BenchInputArgs {
    /// A folder of images, read with its subfolders.
    #[arg(long, alias = "pictures", value_name = "DIR")]
    images: PathBuf,
    /// The model directory whose preprocessor is used, instead of Qwen2-VL's.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The image path, an order of conversion and resizing: rgb384, native384, eval384 or direct.
    #[arg(long, default_value = "rgb384")]
    order: ImagePath,
    /// Warm-up passes over all images, which are not timed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<0, MAX_STEPS>)]
    warmup: usize,
    /// Timed passes.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 3)]
    steps: usize,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    threads: Option<usize>,
    /// Write the JSON to a file as well.
    #[arg(long, value_name = "FILE")]
    json_out: Option<PathBuf>,
}

impl From<BenchVerb> for BenchOptions {
    fn from(verb: BenchVerb) -> Self {
        match verb {
            BenchVerb::Grpo(args) => BenchOptions::Grpo(GrpoBenchOptions {
                model: args.model.into(),
                steps: args.steps,
                generations: args.num_generations,
                accumulation: args.accum,
                micro_batch: args.micro_batch.unwrap_or(args.accum),
                spread: args.spread,
                learning_rate: args.lr,
                beta: args.beta,
            }),
            BenchVerb::Sft(args) => BenchOptions::Sft(SftBenchOptions {
                model: args.model.into(),
                steps: args.steps,
                accumulation: args.accum,
                micro_batch: args.micro_batch.unwrap_or(args.accum),
                spread: args.spread,
                learning_rate: args.lr,
                completion_alone: args.labels == Labels::Completion,
            }),
            BenchVerb::Eval(args) => BenchOptions::Eval(EvalBenchOptions {
                model: args.model.into(),
                steps: args.steps,
                batch: args.batch,
                spread: args.spread,
            }),
            BenchVerb::Input(args) => BenchOptions::Input(InputBenchOptions {
                images: args.images,
                model: args.model,
                order: args.order,
                warmup: args.warmup,
                steps: args.steps,
                threads: args.threads,
                json_out: args.json_out,
            }),
        }
    }
}

impl From<BenchModelArgs> for ModelBenchOptions {
    fn from(args: BenchModelArgs) -> Self {
        let weights = match args.weights.model {
            Some(given) => Weights::Model(given),
            None => Weights::Random {
                shapes: args.weights.random.unwrap_or_else(|| RANDOM_2B.to_owned()),
                layers: args.layers,
                vision_layers: args.vision_layers,
            },
        };
        ModelBenchOptions {
            weights,
            device: args.device,
            dtype: args.dtype,
            image_size: args.image_size,
            prompt_tokens: args.prompt_tokens,
            completion_tokens: args.completion_tokens,
            warmup: args.warmup,
            seed: args.seed,
            threads: args.threads,
            json_out: args.json_out,
        }
    }
}
