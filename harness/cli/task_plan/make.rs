//! Making a plan in tasks of what is left of a suite.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, anyhow};
use clsrl_runner::{TrialStatus, cost_ms};
use clsrl_slurm::{Packed, TimeLimit, pack_tasks};

use super::{TaskInputs, TaskPlan, TaskSettings};
use crate::{
    exit::Exit, inputs::Inputs, pace::Pace, progress::Left, request::Request, slots::DeviceList,
    version, work::work_of_status,
};

/// How the work is cut into tasks, and how they run it.
#[derive(Debug, Clone)]
pub struct TaskOptions {
    /// The slots of a task.
    pub devices: DeviceList,
    /// How many slots that is expected to be.
    pub n_slots: usize,
    /// How long a task may run.
    pub time: Option<TimeLimit>,
    /// How many tasks to make; as few as fit the time if none is said.
    pub n_tasks: Option<usize>,
    /// How long a claim lasts whose holder is not heard of.
    pub claim_lifetime: TimeLimit,
    /// How often a task puts itself back into the queue.
    pub max_restarts: usize,
    /// How often the middle of a trial is kept, beside before the time limit.
    pub checkpoint_every: Option<Duration>,
    /// Whether tuned weights are kept.
    pub keep_checkpoints: bool,
    /// The most bytes of the image cache.
    pub image_cache: Option<u64>,
}

/// A plan that was made, and what there is to say of it.
pub struct Made {
    /// The plan.
    pub plan: TaskPlan,
    /// Whether its times were measured; none where it has none.
    pub is_measured: Option<bool>,
    /// The trials that may not end within one task's time, by key.
    pub too_long: Vec<String>,
}

impl Made {
    /// Cuts what is left into tasks; none if nothing is.
    pub fn of(
        request: &Request,
        inputs: &Inputs,
        statuses: &[TrialStatus],
        options: &TaskOptions,
    ) -> anyhow::Result<Option<Self>> {
        let is_left =
            |status: &&TrialStatus| status.cells.iter().any(|(_, state)| !state.is_done());
        let left: Vec<&TrialStatus> = statuses.iter().filter(is_left).collect();
        if left.is_empty() {
            return Ok(None);
        }
        let (seconds, is_measured) = seconds(&left, inputs, &Pace::of(statuses));
        let costs = || left.iter().map(|status| cost_ms(&status.trial) as f64 / 1e3).collect();
        let packed = match (&seconds, options.time, options.n_tasks) {
            (Some(seconds), Some(time), n_tasks) => {
                pack_tasks(seconds, time.duration(), options.n_slots, n_tasks)
            }
            (_, _, Some(n_tasks)) => {
                let costs: Vec<f64> = seconds.clone().unwrap_or_else(costs);
                pack_tasks(&costs, Duration::MAX, options.n_slots, Some(n_tasks))
            }
            _ => {
                return Err(Exit::Usage.because(anyhow!(
                    "nothing tells how long a trial takes here, or no time limit is given\n\
                     hint: say with --tasks N how many tasks to make"
                )));
            }
        };
        let Packed { tasks, too_long } = packed;
        let settings = TaskSettings {
            devices: options.devices.to_string(),
            time_limit_s: options.time.map(|time| time.duration().as_secs()),
            claim_lifetime_s: options.claim_lifetime.duration().as_secs(),
            max_restarts: options.max_restarts,
            checkpoint_every_s: options.checkpoint_every.map(|every| every.as_secs().max(1)),
            keep_checkpoints: options.keep_checkpoints,
            image_cache: options.image_cache,
        };
        let plan = TaskPlan {
            suite: request.suite.name.clone(),
            results: absolute(&request.places.results)?,
            commit: version::commit(),
            trials: left.iter().map(|status| status.trial.clone()).collect(),
            tasks,
            seconds,
            settings,
            inputs: TaskInputs::of(inputs),
        };
        let too_long = too_long.iter().map(|&idx| plan.trials[idx].key()).collect();
        Ok(Some(Made { plan, is_measured, too_long }))
    }
}

/// How long what is left of each trial takes, and whether that was measured: by the time of what is done where that
/// tells of all, else by a table of estimates that is of GPUs alone.
fn seconds(
    left: &[&TrialStatus],
    inputs: &Inputs,
    pace: &Pace,
) -> (Option<Vec<f64>>, Option<bool>) {
    let seconds = |status: &&TrialStatus| {
        let work = Left::new(vec![work_of_status(status, inputs)?], 1, pace.clone());
        work.time(Duration::ZERO).map(|time| time.as_secs_f64())
    };
    if let Some(measured) = left.iter().map(seconds).collect::<Option<Vec<f64>>>() {
        return (Some(measured), Some(true));
    }
    match inputs.device.kind() {
        "cpu" => (None, None),
        _ => {
            let costs = left.iter().map(|status| cost_ms(&status.trial) as f64 / 1e3);
            (Some(costs.collect()), Some(false))
        }
    }
}

/// A folder's path wherever a task is started, also of one that is not there yet.
pub fn absolute(dir: &std::path::Path) -> anyhow::Result<PathBuf> {
    dir.canonicalize()
        .or_else(|_| std::path::absolute(dir))
        .with_context(|| format!("cannot find `{}`", dir.display()))
}
