//! Arguments of `run`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use clsrl_runner::Shard;
use clsrl_spec::ranges::{MAX_JOBS, MAX_TASKS};

use super::{
    inputs::InputArgs,
    number::{parse_duration, whole},
    size::CacheSize,
    suite::{SelectionArgs, SuiteArgs},
};
use crate::{
    options::{Check, InputOptions, RunOptions, TaskOptions},
    slots::DeviceList,
};

/// What a plan has said already.
const NOT_OF_TASKS: [&str; 21] = [
    "suite",
    "out",
    "model",
    "data",
    "lock",
    "sidecars",
    "allow_unlocked",
    "few_shot_caches",
    "threads",
    "deterministic",
    "gradient_checkpointing",
    "deep",
    "jobs",
    "shard",
    "image_cache",
    "replace",
    "tensorboard",
    "keep_checkpoints",
    "checkpoint_every",
    "stop_after",
    "in_process",
];

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH", required_unless_present = "plan")]
    suite: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// The folder of results, frames and report, instead of `results` and `reports`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    inputs: InputArgs,
    /// Run a task of a plan that `slurm submit` or `plan --to` wrote, under any scheduler.
    #[arg(long, value_name = "FILE", requires = "task", conflicts_with_all = NOT_OF_TASKS)]
    plan: Option<PathBuf>,
    /// Which task, from 0; its own trials first, then what other tasks have left.
    #[arg(long, value_name = "N", conflicts_with = "suite", value_parser = whole::<0, MAX_TASKS>)]
    task: Option<usize>,
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

/// What is to be run.
pub enum RunKind {
    /// A suite, or the rest of it.
    Suite(Box<RunOptions>),
    /// A task of a plan.
    Task(TaskOptions),
}

impl RunArgs {
    /// Tells a suite from a task of a plan.
    pub fn split(self) -> RunKind {
        let RunArgs { suite, selection, out, plan, task, .. } = self;
        if let (Some(plan), Some(task)) = (plan, task) {
            return RunKind::Task(TaskOptions { plan, task, devices: self.devices });
        }
        let suite = suite.expect("without a plan it is required");
        let mut inputs: InputOptions = self.inputs.into();
        if let Some(devices) = &self.devices {
            inputs.device = devices.device();
        }
        let options = RunOptions {
            suite: SuiteArgs { suite, selection, out }.into(),
            inputs,
            check: if self.deep { Check::Deep } else { Check::Fast },
            jobs: self.jobs,
            devices: self.devices,
            shard: self.shard,
            image_cache: self.image_cache.map(|size| size.n_bytes),
            replace: self.replace,
            tensorboard: self.tensorboard,
            keep_checkpoints: self.keep_checkpoints,
            in_process: self.in_process,
            checkpoint_every: self.checkpoint_every,
            stop_after: self.stop_after,
        };
        RunKind::Suite(Box::new(options))
    }
}
