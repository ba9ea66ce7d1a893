//! Arguments of `run`.

use std::time::Duration;

use clap::Args;
use clsrl_runner::Shard;
use clsrl_spec::ranges::MAX_JOBS;

use super::{
    inputs::InputArgs,
    number::{parse_duration, whole},
    size::CacheSize,
    suite::SuiteArgs,
};
use crate::{
    options::{Check, InputOptions, RunOptions},
    slots::DeviceList,
};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    inputs: InputArgs,
    /// Hash every image before the run, even if size and times are unchanged.
    #[arg(long)]
    deep: bool,
    /// Trials to run in parallel, instead of the suite's number.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_JOBS>)]
    jobs: Option<usize>,
    /// One worker a slot, a GPU each: all, cuda:0,cuda:2, cuda:0x2 (two on one) or cpu,cpu.
    #[arg(long, value_name = "LIST", conflicts_with_all = ["device", "jobs", "in_process"])]
    devices: Option<DeviceList>,
    /// Only shard K of N: the whole plan packed by cost, the same trials on every machine.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Cache resized images on disk, up to SIZE; worth it for large photographs.
    #[arg(long, alias = "picture-cache", value_name = "SIZE")]
    image_cache: Option<CacheSize>,
    /// Overwrite finished results of another model, other data or other settings. Without it such a run ends before
    /// it starts.
    #[arg(long)]
    replace: bool,
    /// Write TensorBoard event files of every trial while it runs, to SUITE.tensorboard beside the results.
    #[arg(long)]
    tensorboard: bool,
    /// Keep the fine-tuned weights of every trial.
    #[arg(long)]
    keep_checkpoints: bool,
    /// Keep the middle of every trial so often, as in 20m: what is killed goes on there. A fine-tune keeps twelve bytes a
    /// weight, twice. SIGUSR1 keeps it once, and ends the run with 75.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    checkpoint_every: Option<Duration>,
    /// End the run after TIME, as in 7h30m, as at SIGUSR1: before a time limit would.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    stop_after: Option<Duration>,
    /// Run the trials in this process, one after another, for debugging.
    #[arg(long)]
    in_process: bool,
}

impl From<RunArgs> for RunOptions {
    fn from(args: RunArgs) -> Self {
        let mut inputs: InputOptions = args.inputs.into();
        if let Some(devices) = &args.devices {
            inputs.device = devices.device();
        }
        RunOptions {
            suite: args.suite.into(),
            inputs,
            check: if args.deep { Check::Deep } else { Check::Fast },
            jobs: args.jobs,
            devices: args.devices,
            shard: args.shard,
            image_cache: args.image_cache.map(|size| size.n_bytes),
            replace: args.replace,
            tensorboard: args.tensorboard,
            keep_checkpoints: args.keep_checkpoints,
            in_process: args.in_process,
            checkpoint_every: args.checkpoint_every,
            stop_after: args.stop_after,
        }
    }
}
