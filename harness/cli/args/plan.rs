//! Arguments of `plan`.

use std::path::PathBuf;

use clap::Args;
use clsrl_runner::Shard;
use clsrl_slurm::TimeLimit;
use clsrl_spec::ranges::MAX_TASKS;

use super::{inputs::InputArgs, number::whole, suite::SuiteArgs};
use crate::{options::InputOptions, plan::PlanOptions, slots::DeviceList, task_plan::TaskOptions};

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    inputs: InputArgs,
    /// Only shard K of N, as `run --shard` has it.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// List every trial with its cells, and why they are not done.
    #[arg(long)]
    list: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write the plan into this file, cut into tasks for `run --plan FILE --task N`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "json", "shard"])]
    to: Option<PathBuf>,
    /// Tasks to make, instead of as few as fit --time.
    #[arg(long, value_name = "N", requires = "to", value_parser = whole::<1, MAX_TASKS>)]
    tasks: Option<usize>,
    /// Time limit of a task: 90 (minutes) or 8:00:00.
    #[arg(long, value_name = "TIME", requires = "to")]
    time: Option<TimeLimit>,
    /// Slots of a task, as in `run`; the device by default.
    #[arg(long, value_name = "LIST", requires = "to", conflicts_with = "device")]
    devices: Option<DeviceList>,
    /// After so long without a sign of life a trial is another task's.
    #[arg(long, value_name = "TIME", requires = "to", default_value = "0:15:00")]
    claim_lifetime: TimeLimit,
}

impl From<PlanArgs> for PlanOptions {
    fn from(args: PlanArgs) -> Self {
        let PlanArgs { suite, shard, list, json, .. } = args;
        let mut inputs: InputOptions = args.inputs.into();
        let devices = args.devices.unwrap_or_else(|| match inputs.device.kind() {
            "cpu" => DeviceList::cpu(),
            _ => DeviceList::all_gpus(),
        });
        inputs.device = if args.to.is_some() { devices.device() } else { inputs.device };
        let tasks = TaskOptions {
            n_slots: devices.n_slots(1),
            devices,
            time: args.time,
            n_tasks: args.tasks,
            claim_lifetime: args.claim_lifetime,
            max_restarts: 0,
            checkpoint_every: None,
            keep_checkpoints: false,
            image_cache: None,
        };
        let to = args.to.map(|to| (to, tasks));
        PlanOptions { suite: suite.into(), inputs, shard, list, json, to }
    }
}
