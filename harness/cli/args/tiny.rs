//! Arguments of `tiny`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::{
    Seed,
    ranges::{MAX_BATCH, MAX_STEPS, MAX_THREADS},
};

use super::whole;

/// What to make.
#[derive(Debug, Subcommand)]
pub enum TinyVerb {
    /// Draw the eleven synthetic datasets.
    Draw(DrawArgs),
    /// Pre-train the tiny model from nothing.
    Pretrain(PretrainArgs),
}

/// Arguments of `tiny draw`.
#[derive(Debug, Args)]
pub struct DrawArgs {
    /// The folder to draw into.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// The seed of the pictures.
    #[arg(long, default_value_t = 1)]
    pub seed: Seed,
}

/// Arguments of `tiny pretrain`.
#[derive(Debug, Args)]
pub struct PretrainArgs {
    /// The model directory to write.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// The seed of weights, tokenizer, pictures and texts.
    #[arg(long)]
    pub seed: Seed,
    /// Optimizer steps.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_STEPS>)]
    pub steps: usize,
    /// Pictures of one step.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_BATCH>, default_value_t = 64)]
    pub batch: usize,
    /// Threads; another number gives other weights in the last digits.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    pub threads: usize,
}
