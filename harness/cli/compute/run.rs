//! `run`: what is left of a suite, then its report.

use std::{
    thread,
    time::{Duration, Instant},
};

use clsrl_engine::{EngineError, MemoryHint, run_trial};
use clsrl_runner::{
    Failed, Failure, FailureKind, Runner, Slot, Store, Summary, Task, TrialStatus, cost_ms, tasks,
    trial_statuses,
};
use clsrl_spec::Trial;

use super::{
    announce::Announcement,
    environment,
    job::{Jobs, image_cache},
    probe::check_devices,
    trial,
};
use crate::{
    against_paper,
    ending::Signals,
    exit::{Exit, describe},
    inputs::Inputs,
    options::{KeptWeights, RunOptions},
    output::{note, print},
    pace::Pace,
    progress::{Detail, Left, Progress},
    replace,
    report_writer::{ReportFormats, ReportWriter},
    request::Request,
    slots::{all_gpus, inherited},
    stored_run::describe_run,
    tensorboard::{TensorBoard, events_dir},
    version,
    words::{count, duration},
    work::work_of,
};

/// Runs what is left, writes report and frames, and prints the averages in short and the report's paths.
pub fn run(options: &RunOptions, signals: &Signals, detail: Detail) -> anyhow::Result<Exit> {
    let began = Instant::now();
    signals.pause_if_asked(options.stop_after)?;
    if options.in_process {
        environment::become_as_a_trial()?;
    }
    let mut request = Request::load(&options.suite)?.keep_shard(options.shard)?;
    let slots = slots(options, &request)?;
    let inputs = Inputs::bind(&mut request, &options.inputs, options.check, detail)?;
    let store = request.store();
    let lock = store.lock()?;
    if lock.is_missing() {
        note(&format!(
            "the file system of `{}` has no locks: nothing keeps another run from the same trials\n\
             hint: results stay right, but work may be done twice",
            store.dir().display()
        ));
    }
    let inputs = inputs.keeping_earlier(&store, &request.trials)?;
    let statuses = trial_statuses(&store, &request.trials, &inputs.binding)?;
    let mut tasks = tasks(&store, &statuses, &inputs.binding);
    if 1 < slots.len() {
        sort_longest_first(&mut tasks, &inputs, &Pace::of(&statuses));
    }
    let is_done = |trial: &&Trial| tasks.iter().all(|task| task.trial != **trial);
    store.sweep(request.trials.iter().filter(is_done))?;
    if !tasks.is_empty() {
        match options.in_process {
            true => trial::check_device(&inputs.device.to_string())?,
            false => check_devices(&inputs.device, &slots)?,
        }
        trial::check_model(&inputs.model_dir)?;
    }
    replace::check(&store, &statuses, options.replace, detail)?;
    let run_before = store.read_last_run().unwrap_or_else(|error| {
        note(&format!("warning: {error}"));
        None
    });
    store.write_last_run(&describe_run(&request, &options.inputs))?;
    let n_cells: usize = statuses.iter().map(|status| status.cells.len()).sum();
    // In process a signal ends the program at once: it could come in the middle of a step that takes minutes.
    if !options.in_process {
        signals.ask_first();
    }
    let works = tasks.iter().map(|task| work_of(task, &inputs)).collect();
    let n_jobs = slots.len();
    let left = Left::new(works, n_jobs, Pace::of(&statuses));
    let events_dir = options.tensorboard.then(|| events_dir(&request));
    let announcement = Announcement {
        request: &request,
        n_cells,
        tasks: &tasks,
        left: &left,
        n_jobs,
        model_dir: &inputs.model_dir,
        kept: KeptWeights {
            checkpoints: options.keep_checkpoints,
            states: options.checkpoint_every.is_some(),
        },
        events_dir: events_dir.as_deref(),
        results_dir: store.dir(),
    };
    detail.say(&announcement.render());

    let n_bytes = options.image_cache.filter(|_| !tasks.is_empty());
    let jobs = Jobs {
        inputs: &inputs,
        image_cache: image_cache(n_bytes)?,
        commit: version::commit(),
        checkpoint_every: options.checkpoint_every,
    };
    let execution = Execution { request: &request, jobs, store: &store, options, slots };
    let summary = execution.run(&tasks, (signals, detail), left)?;
    if let Some(exit) = signals.end_at_once() {
        note(&format!(
            "interrupted: {} done in this run, finished cells are kept\n\
             hint: run the same command again to go on",
            of_trials(summary.n_finished, tasks.len()),
        ));
        return Ok(exit);
    }
    for failure in &summary.failures {
        note(&format!("error: trial `{}` failed: {}", failure.trial, failure.reason));
    }
    if summary.paused {
        // Who asked for it may not wait for a report.
        note(&format!(
            "paused: {} done in this run, {} kept in the middle\n\
             hint: run the same command again to go on",
            of_trials(summary.n_finished, tasks.len()),
            summary.n_paused,
        ));
        return Ok(Exit::Paused);
    }
    let statuses = trial_statuses(&store, &request.trials, &inputs.binding)?;
    if 0 < summary.n_not_begun {
        note(&format!(
            "{} not begun: every slot failed twice in a row\n\
             hint: `doctor` looks whether a device computes what it should; the same command goes on",
            count(summary.n_not_begun, "trial")
        ));
    }
    let killed = summary.failures.iter().find(|failure| failure.kind == FailureKind::Killed);
    if let Some(task) = killed.and_then(|killed| tasks.iter().find(|t| t.key() == killed.trial)) {
        note(&execution.memory_hint(task));
    }
    let is_difference = |failed: &Failure| failed.kind == FailureKind::Differs;
    let failed = match summary.failures.iter().any(is_difference) {
        true => Exit::Differs,
        false => Exit::Incomplete,
    };
    if !statuses.iter().flat_map(|status| &status.cells).any(|(_, state)| state.is_done()) {
        // Results that are there belong to an earlier run; `report` still asks for them.
        if let Some(run_before) = run_before {
            store.write_last_run(&run_before)?;
        }
        note("no report is written: no cell is done");
        return Ok(failed);
    }
    let ran = match tasks.len() {
        0 => "nothing was left to run".to_owned(),
        n => format!("{} done in {}", of_trials(summary.n_finished, n), duration(began.elapsed())),
    };
    let exit = execution.report(&statuses, (&ran, detail))?;
    Ok(if summary.failures.is_empty() { exit } else { failed })
}

/// One slot for every trial that runs at a time.
fn slots(options: &RunOptions, request: &Request) -> anyhow::Result<Vec<Slot>> {
    let execution = request.suite.execution;
    let Some(devices) = &options.devices else {
        let device = options.inputs.device.to_string();
        let slot = Slot { name: device.clone(), device, env: Vec::new() };
        let n_jobs = match options.in_process {
            true => 1,
            false => options.jobs.unwrap_or(execution.jobs),
        };
        return Ok(vec![slot; n_jobs.max(1)]);
    };
    let slots = devices
        .slots(inherited().as_deref(), &all_gpus)
        .map_err(|error| Exit::Usage.because(error))?;
    let n_cores = thread::available_parallelism().map_or(usize::MAX, usize::from);
    let n_threads = slots.len() * options.inputs.threads.unwrap_or(execution.threads);
    if n_cores < n_threads {
        note(&format!(
            "{} with {n_threads} threads together share {n_cores} cores\n\
             hint: the number of threads is part of a result's identity, so it is left as it is",
            count(slots.len(), "slot")
        ));
    }
    Ok(slots)
}

/// Puts the longest first, by the time of what is done where that tells of all, else by a table; trials that begin late
/// are then short, and no slot waits long for the last one.
fn sort_longest_first(tasks: &mut Vec<Task>, inputs: &Inputs, pace: &Pace) {
    let seconds = |task: &Task| {
        let left = Left::new(vec![work_of(task, inputs)], 1, pace.clone());
        left.time(Duration::ZERO).map(|left| left.as_secs_f64())
    };
    let measured: Option<Vec<f64>> = tasks.iter().map(seconds).collect();
    let costs =
        measured.unwrap_or_else(|| tasks.iter().map(|task| cost_ms(&task.trial) as f64).collect());
    let mut order: Vec<(f64, Task)> = costs.into_iter().zip(std::mem::take(tasks)).collect();
    order.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    *tasks = order.into_iter().map(|(_, task)| task).collect();
}

/// `2 of 4 trials`.
fn of_trials(n: usize, of: usize) -> String {
    format!("{n} of {}", count(of, "trial"))
}

struct Execution<'a> {
    request: &'a Request,
    jobs: Jobs<'a>,
    store: &'a Store,
    options: &'a RunOptions,
    slots: Vec<Slot>,
}

impl Execution<'_> {
    fn run(
        &self,
        tasks: &[Task],
        (signals, detail): (&Signals, Detail),
        left: Left,
    ) -> anyhow::Result<Summary> {
        let mut progress = Progress::new(detail, tasks, left, &self.slots);
        let mut tensorboard = self.tensorboard(tasks);
        let runner = Runner {
            store: self.store,
            keep_checkpoints: self.options.keep_checkpoints,
            sharing: None,
            stop: signals.stop(),
            pause: signals.pause(),
            on_event: &mut |event| {
                let written = tensorboard.as_mut().map(|tensorboard| tensorboard.write(&event));
                if let Some(warning) = written.flatten() {
                    progress.note(&warning);
                }
                progress.show(event);
            },
        };
        let summary = if self.options.in_process {
            runner.run_in_process(tasks, &mut |task, send| {
                run_trial(&self.jobs.job(task), signals.pause(), send).map_err(describe_failure)
            })
        } else {
            let worker = self.jobs.worker()?;
            runner.run_in_workers(tasks, &worker, &self.slots, &|task| self.jobs.line(task))
        };
        progress.close();
        Ok(summary?)
    }

    fn tensorboard<'t>(&'t self, tasks: &'t [Task]) -> Option<TensorBoard<'t>> {
        let Execution { request, jobs, options, .. } = self;
        let model = || describe_run(request, &options.inputs).model;
        let wanted = options.tensorboard;
        wanted.then(|| TensorBoard::new(request, model(), &jobs.inputs.binding, tasks))
    }

    /// Writes the report of what is done; prints the averages in short, what was run, and the paths.
    fn report(
        &self,
        statuses: &[TrialStatus],
        (ran, detail): (&str, Detail),
    ) -> anyhow::Result<Exit> {
        let began = Instant::now();
        let Execution { request, jobs: Jobs { inputs, .. }, store, .. } = self;
        let _report_lock = store.lock_report()?;
        let (binding, formats) = (&inputs.binding, &ReportFormats::default());
        let data_dir = Some(inputs.data_dir.as_path());
        let writer = ReportWriter::new(request, store, binding, formats, data_dir, detail);
        let written = writer.write_done(statuses)?;
        let done = format!("{ran}, report written in {}", duration(began.elapsed()));
        print(&written.render(&done, detail))?;
        if against_paper::exists(request) {
            let path = against_paper::write(&writer, statuses, &[])?;
            print(&format!("{}\n", path.display()))?;
        }
        Ok(written.exit)
    }

    /// What is left to try where the system ended a worker.
    fn memory_hint(&self, task: &Task) -> String {
        let fewer = match (self.slots.len(), &self.options.devices) {
            (1, _) => "",
            (_, None) => "--jobs 1 runs one trial at a time; ",
            (_, Some(_)) => "fewer slots in --devices run fewer trials at a time; ",
        };
        format!("hint: {fewer}{}", MemoryHint::of(&self.jobs.job(task)))
    }
}

/// Describes how a trial in this process failed.
fn describe_failure(error: EngineError) -> Failed {
    let kind = if error.is_difference() { FailureKind::Differs } else { FailureKind::Reported };
    Failed { kind, reason: describe(&error.into()).trim_end().to_owned() }
}
