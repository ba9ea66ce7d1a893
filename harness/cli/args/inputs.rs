//! Arguments that name the model, the data and the device.

use std::path::PathBuf;

use clap::Args;
use clsrl_spec::ranges::MAX_THREADS;

use super::number::whole;
use crate::{
    device::Device,
    names,
    options::{DataOptions, InputOptions},
};

/// Where the datasets are, and what they are compared with.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// The folder that holds the datasets' folders, instead of the suite's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The data lock, instead of the project's `datasets.lock`.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// The folder of the lock's file lists, instead of one in the user's cache.
    #[arg(long, value_name = "DIR")]
    sidecars: Option<PathBuf>,
}

/// The model and the data that trials compute with, and how.
#[derive(Debug, Clone, Args)]
pub struct InputArgs {
    /// A Hugging Face model directory, or `hf:ID[@REV]` for what `model fetch` brought here, instead of the
    /// suite's.
    #[arg(long, value_name = "DIR|hf:ID")]
    model: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Allow data that differs from the lock or is not in it; its rows are marked.
    #[arg(long)]
    allow_unlocked: bool,
    /// A data root with CoOp's few-shot caches; they override the protocol's few-shot sampling.
    #[arg(long, value_name = "DIR")]
    few_shot_caches: Option<PathBuf>,
    /// Device: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = names::value::<Device>(&["cpu", "cuda"]))]
    device: Device,
    /// Threads per trial, instead of the suite's number.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    threads: Option<usize>,
    /// Use deterministic algorithms; each fine-tune records which tensors differ when its first step is repeated.
    #[arg(long)]
    deterministic: bool,
    /// Recompute activations in the backward pass instead of keeping them, for small GPUs.
    #[arg(long, visible_alias = "recompute")]
    gradient_checkpointing: bool,
}

impl From<DataArgs> for DataOptions {
    fn from(DataArgs { data: dir, lock, sidecars }: DataArgs) -> Self {
        DataOptions { dir, lock, sidecars, allow_unlocked: false }
    }
}

impl From<InputArgs> for InputOptions {
    fn from(args: InputArgs) -> Self {
        InputOptions {
            model: args.model,
            data: DataOptions { allow_unlocked: args.allow_unlocked, ..args.data.into() },
            few_shot_caches: args.few_shot_caches,
            device: args.device,
            threads: args.threads,
            deterministic: args.deterministic,
            gradient_checkpointing: args.gradient_checkpointing,
        }
    }
}
