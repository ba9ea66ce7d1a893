//! `run --plan FILE --task N`: one task of a plan, under whichever scheduler.
//!
//! A task sees to its own trials, then takes what others have left. It ends well as soon as nothing is left for it:
//! whether everything is there is judged by who writes the report. Told of its time limit, it gives its trials back and,
//! under Slurm, puts itself into the queue again.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use clsrl_runner::{
    Claims, FailureKind, Holder, Runner, Sharing, Slot, Summary, TrialStatus, tasks,
    trial_statuses, unknown_status,
};
use clsrl_slurm::{Element, Slurm};
use clsrl_spec::Trial;

use super::{
    job::{Jobs, image_cache},
    probe::check_devices,
    trial,
};
use crate::{
    ending::Signals,
    exit::Exit,
    options::TaskOptions,
    output::note,
    pace::Pace,
    progress::{Detail, Left, Progress, Work},
    slots::{DeviceList, all_gpus, inherited},
    task_plan::TaskPlan,
    words::{count, duration},
    work::work_of,
};

/// In the last part of this share of its time limit a task begins nothing.
const LAST_SHARE: u32 = 20;

/// Runs one task of a plan.
pub fn run_task(options: &TaskOptions, signals: &Signals, detail: Detail) -> anyhow::Result<Exit> {
    let began = Instant::now();
    // Before anything else, or the signal ends the program.
    signals.pause_if_asked(None)?;
    let (plan, id) = TaskPlan::read(&options.plan)?;
    let n_tasks = plan.tasks.len();
    if n_tasks <= options.task {
        return Err(Exit::Usage.because(anyhow!(
            "the plan `{}` has {}, from 0: there is no task {}",
            options.plan.display(),
            count(n_tasks, "task"),
            options.task
        )));
    }
    let element = Element::find(&|name| env::var(name).ok());
    let slots = slots(&plan, options)?;
    let inputs = plan.inputs.clone().open()?;
    check_devices(&inputs.device, &slots)?;
    trial::check_model(&inputs.model_dir)?;
    let store = plan.store();
    let holder = Holder {
        plan: id,
        task: options.task,
        job: element.as_ref().map(Element::name).unwrap_or_default(),
        host: host(),
    };
    let claims = Claims::open(&store, holder, plan.claim_lifetime())?;

    let (own, others): (Vec<_>, Vec<_>) =
        plan.in_order_of(options.task).partition(|&(_, is_own)| is_own);
    let own: Vec<Trial> = own.iter().map(|&(idx, _)| plan.trials[idx].clone()).collect();
    let statuses = trial_statuses(&store, &own, &inputs.binding)?;
    let mut left = tasks(&store, &statuses, &inputs.binding);
    let n_own = left.len();
    for trial in own.iter().filter(|trial| left.iter().all(|task| task.trial != **trial)) {
        claims.clear(trial)?;
    }
    // What others have done is looked at when it is claimed: all tasks at once would read all there is.
    let unknown: Vec<TrialStatus> =
        others.iter().map(|&(idx, _)| unknown_status(&plan.trials[idx])).collect();
    left.extend(tasks(&store, &unknown, &inputs.binding));
    detail.say(&format!(
        "{}: task {} of {n_tasks}, {} of its own to run{}",
        plan.suite,
        options.task,
        count(n_own, "trial"),
        element.as_ref().map_or(String::new(), |element| format!(", as job {}", element.name())),
    ));

    let jobs = Jobs {
        inputs: &inputs,
        image_cache: image_cache(plan.settings.image_cache)?,
        commit: plan.commit.clone(),
        checkpoint_every: plan.settings.checkpoint_every_s.map(Duration::from_secs),
    };
    let limit = plan.settings.time_limit_s.map(Duration::from_secs);
    let last_begin = limit.map(|limit| limit - limit / LAST_SHARE);
    let sharing = Sharing {
        claims: &claims,
        is_own: &|trial| own.contains(trial),
        // What is cut off in its middle is gone on with, so all but the end of the time is of use.
        has_time: &|_| last_begin.is_none_or(|last| began.elapsed() < last),
    };
    signals.ask_first();
    let works = left.iter().enumerate().map(|(idx, task)| match idx < n_own {
        true => work_of(task, &inputs),
        // Nobody knows how many of these will be taken.
        false => Work { trial: task.trial.clone(), n_steps: 0, cells: Vec::new() },
    });
    let to_do = Left::new(works.collect(), slots.len(), Pace::of(&statuses));
    let mut progress = Progress::new(detail, &left, to_do, &slots);
    let runner = Runner {
        store: &store,
        keep_checkpoints: plan.settings.keep_checkpoints,
        sharing: Some(sharing),
        stop: signals.stop(),
        pause: signals.pause(),
        on_event: &mut |event| progress.show(event),
    };
    let ended = runner.run_in_workers(&left, &jobs.worker()?, &slots, &|task| jobs.line(task));
    progress.close();
    let summary = ended?;
    if let Some(exit) = signals.end_at_once() {
        note("told to end: its trials are given back, finished cells are kept");
        return Ok(exit);
    }
    if summary.paused || 0 < summary.n_without_time {
        return go_on_later(&plan, element.as_ref());
    }
    detail.say(&describe(&summary, began.elapsed()));
    Ok(exit_of(&summary))
}

fn slots(plan: &TaskPlan, options: &TaskOptions) -> anyhow::Result<Vec<Slot>> {
    let planned: DeviceList =
        plan.settings.devices.parse().map_err(|reason: String| anyhow!(reason))?;
    let devices = options.devices.as_ref().unwrap_or(&planned);
    if devices.device().kind() != planned.device().kind() {
        return Err(Exit::Usage.because(anyhow!(
            "--devices {devices} is another kind of device than the plan's `{planned}`, whose identities name it"
        )));
    }
    devices.slots(inherited().as_deref(), &all_gpus).map_err(|error| Exit::Usage.because(error))
}

/// Puts the task into Slurm's queue again, after its trials were given back.
fn go_on_later(plan: &TaskPlan, element: Option<&Element>) -> anyhow::Result<Exit> {
    let given_back = "out of time: its trials are given back, what is done of them is kept";
    let Some(element) = element else {
        note(&format!("{given_back}\nhint: run the same task again to go on"));
        return Ok(Exit::Paused);
    };
    let max = plan.settings.max_restarts;
    if max <= element.n_restarts {
        note(&format!(
            "{given_back}; it was in the queue {} already, and is not put there again\n\
             hint: `slurm submit` makes tasks of what is left",
            count(element.n_restarts + 1, "time")
        ));
        return Ok(Exit::Paused);
    }
    match Slurm::default().requeue(element) {
        Ok(()) => {
            note(&format!("{given_back}; job {} is in the queue again", element.name()));
            Ok(Exit::Ok)
        }
        Err(error) => {
            note(&format!(
                "{given_back}; job {} cannot put itself into the queue again: {error}\n\
                 hint: other tasks take what is left, or `slurm submit` makes tasks of it",
                element.name()
            ));
            Ok(Exit::Paused)
        }
    }
}

fn describe(summary: &Summary, elapsed: Duration) -> String {
    let Summary { n_finished, failures, n_elsewhere, n_failed_elsewhere, .. } = summary;
    let counted = |n: usize, what: &str| match n {
        0 => String::new(),
        n => format!(", {} {what}", count(n, "trial")),
    };
    format!(
        "{} done in {}{}{}{}",
        count(*n_finished, "trial"),
        duration(elapsed),
        counted(failures.len(), "failed"),
        counted(*n_elsewhere, "left to other tasks"),
        counted(*n_failed_elsewhere, "failed in other tasks"),
    )
}

fn exit_of(summary: &Summary) -> Exit {
    let differs = |failed: &clsrl_runner::Failure| failed.kind == FailureKind::Differs;
    match &summary.failures {
        failures if failures.iter().any(differs) => Exit::Differs,
        failures if !failures.is_empty() || 0 < summary.n_not_begun => Exit::Incomplete,
        _ => Exit::Ok,
    }
}

/// The machine's name, as Slurm knows it or as the kernel does.
fn host() -> String {
    let kernel_s = || clsrl_files::read_to_string("/proc/sys/kernel/hostname".as_ref(), 4096).ok();
    let name = env::var("SLURMD_NODENAME").ok().or_else(kernel_s).unwrap_or_default();
    name.trim().to_owned()
}
