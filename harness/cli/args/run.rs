//! Arguments of `run`.

use clap::Args;
use clsrl_spec::ranges::MAX_JOBS;

use super::{inputs::InputArgs, number::whole, size::CacheSize, suite::SuiteArgs};
use crate::options::{Check, RunOptions};

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
    /// Cache resized images on disk, up to SIZE; worth it for large photographs.
    #[arg(long, alias = "picture-cache", value_name = "SIZE")]
    image_cache: Option<CacheSize>,
    /// Overwrite finished results of another model, other data or other settings. Without it such a run ends before
    /// it starts.
    #[arg(long)]
    replace: bool,
    /// Keep the fine-tuned weights of every trial.
    #[arg(long)]
    keep_checkpoints: bool,
    /// Run the trials in this process, one after another, for debugging.
    #[arg(long)]
    in_process: bool,
}

impl From<RunArgs> for RunOptions {
    fn from(args: RunArgs) -> Self {
        RunOptions {
            suite: args.suite.into(),
            inputs: args.inputs.into(),
            check: if args.deep { Check::Deep } else { Check::Fast },
            jobs: args.jobs,
            image_cache: args.image_cache.map(|size| size.n_bytes),
            replace: args.replace,
            keep_checkpoints: args.keep_checkpoints,
            in_process: args.in_process,
        }
    }
}
