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
    /// Pre-train the tiny model from scratch.
    #[command(
        override_usage = "clsrl-bench tiny pretrain [OPTIONS] --to <DIR> --seed <N>\n       \
        --steps <N> --threads <N>"
    )]
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
    /// The model directory to write.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// The random seed of weights, tokenizer, images and texts.
    #[arg(long, value_name = "N")]
    pub seed: Seed,
    /// Optimizer steps.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>)]
    pub steps: usize,
    /// Images per step.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 64)]
    pub batch: usize,
    /// Threads; another number changes the last digits of the weights.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    pub threads: usize,
}

impl From<PretrainArgs> for PretrainOptions {
    fn from(PretrainArgs { to, seed, steps, batch, threads }: PretrainArgs) -> Self {
        PretrainOptions { to, seed, steps, batch, threads }
    }
}
