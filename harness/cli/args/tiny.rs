//! Arguments of `tiny`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::{
    Seed,
    ranges::{MAX_BATCH, MAX_STEPS, MAX_THREADS},
};

use super::number::whole;
use crate::options::PretrainOptions;

/// What to make.
#[derive(Debug, Subcommand)]
pub enum TinyVerb {
    /// Draw the eleven synthetic datasets.
    Draw(DrawArgs),
    /// Pre-train a tiny model from scratch, and print its directory.
    Pretrain(PretrainArgs),
}

/// Arguments of `tiny draw`.
#[derive(Debug, Args)]
pub struct DrawArgs {
    /// The folder to draw into.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// The random seed of the images.
    #[arg(long, default_value_t = 1)]
    pub seed: Seed,
}

/// Arguments of `tiny pretrain`.
#[derive(Debug, Args)]
pub struct PretrainArgs {
    /// The family whose architecture it has.
    #[arg(long, default_value = "qwen2_vl", value_parser = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])]
    pub family: String,
    /// The model directory to write, instead of one in the user's cache, where a model of the same settings is made
    /// once.
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// The random seed of weights, tokenizer, images and texts.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: Seed,
    /// Optimizer steps.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>, default_value_t = 1600)]
    pub steps: usize,
    /// Images per step.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 64)]
    pub batch: usize,
    /// Threads; another number changes the last digits of the weights.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>, default_value_t = 1)]
    pub threads: usize,
}

impl From<PretrainArgs> for PretrainOptions {
    fn from(args: PretrainArgs) -> Self {
        let PretrainArgs { family, to, seed, steps, batch, threads } = args;
        PretrainOptions { family, to, seed, steps, batch, threads }
    }
}
