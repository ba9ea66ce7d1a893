//! The most that a number may be, wherever a user writes it: in a suite, in a protocol, on the command line.
//!
//! Far above what anybody runs, and low enough that no product of two overflows and no number becomes infinite
//! in float32.

/// Threads of one trial.
pub const MAX_THREADS: usize = 1024;

/// Trials at once.
pub const MAX_JOBS: usize = 1024;

/// Tasks of a plan.
pub const MAX_TASKS: usize = 10_000;

/// Images, of a dataset, per class or per step.
pub const MAX_IMAGES: usize = 10_000_000;

/// Prompts or examples of a batch or of an optimizer step.
pub const MAX_BATCH: usize = 65_536;

/// Completions of a prompt.
pub const MAX_GENERATIONS: usize = 4096;

/// Tokens of a prompt or of a completion.
pub const MAX_TOKENS: usize = 1 << 20;

/// Optimizer steps, or passes of a bench.
pub const MAX_STEPS: usize = 1_000_000;

/// Pixels of an image: more are a decompression bomb.
pub const MAX_PIXELS: usize = 178_956_970;

/// The rank of an adapter: the widest layer of Qwen2-VL-7B but its MLP's has less.
pub const MAX_LORA_RANK: usize = 8192;

/// Any number that is no count.
pub const MAX_NUMBER: f64 = 1e30;

/// Any number that must be above 0.
pub const MIN_POSITIVE: f64 = 1e-30;
