//! Arguments of `slurm`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use clsrl_slurm::{Runtime, TimeLimit};
use clsrl_spec::ranges::{MAX_IMAGES, MAX_JOBS, MAX_TASKS, MAX_THREADS};

use super::{
    gate::parse_max_drop,
    inputs::InputArgs,
    number::{parse_duration, whole},
    size::CacheSize,
    suite::SuiteArgs,
};
use crate::{
    options::{Check, InputOptions},
    slots::DeviceList,
    slurm::{CancelOptions, LogsOptions, SlurmOptions, StatusOptions, SubmitOptions},
    task_plan::TaskOptions,
};

/// What to do with Slurm.
#[derive(Debug, Subcommand)]
pub enum SlurmVerb {
    /// Submit what is left of a suite as job arrays, and a job that writes the report.
    ///
    /// Model and data are checked and hashed once, here. Tasks take trials by claims: their own first, then what
    /// others have left. Before its time limit a task keeps the middle of its trials, gives them back and puts itself into the queue again. What
    /// was submitted is kept in `RESULTS/SUITE/.slurm/NUMBER`: plan, program, scripts, logs and jobs.
    Submit(Box<SubmitArgs>),
    /// Show how the last submission goes: records, claims, the queue.
    Status(StatusArgs),
    /// Print the logs of the jobs that had a trial, or of the report.
    Logs(LogsArgs),
    /// Cancel all jobs of a suite; finished cells are kept.
    Cancel(CancelArgs),
}

/// Arguments of `slurm submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    inputs: InputArgs,
    /// Hash every image before, even if size and times are unchanged.
    #[arg(long)]
    deep: bool,
    /// Slots of a task, as in `run`; all of its GPUs by default.
    #[arg(long, value_name = "LIST", conflicts_with = "device")]
    devices: Option<DeviceList>,
    /// Cache resized images on disk, up to SIZE.
    #[arg(long, value_name = "SIZE")]
    image_cache: Option<CacheSize>,
    /// Overwrite finished results of another model, other data or other settings.
    #[arg(long)]
    replace: bool,
    /// Keep the fine-tuned weights of every trial.
    #[arg(long)]
    keep_checkpoints: bool,
    /// Keep the middle of a trial so often, beside before the time limit: 20m.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    checkpoint_every: Option<Duration>,
    /// Time limit of a task, as Slurm writes it: 8:00:00.
    #[arg(long, value_name = "TIME")]
    time: TimeLimit,
    /// Partition.
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Account.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Quality of service.
    #[arg(long, value_name = "NAME")]
    qos: Option<String>,
    /// Features that a node must have.
    #[arg(long, value_name = "FEATURES")]
    constraint: Option<String>,
    /// GPUs of a task; 0 for a suite on processors.
    #[arg(long, value_name = "N", default_value = "1", value_parser = whole::<0, 64>)]
    gpus_per_task: usize,
    /// Processors of a task.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    cpus_per_task: Option<usize>,
    /// Memory of a task, as Slurm writes it: 64G.
    #[arg(long, value_name = "SIZE")]
    mem: Option<String>,
    /// Tasks to make, instead of as few as fit the time limit.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_TASKS>)]
    tasks: Option<usize>,
    /// Tasks that may run at a time.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_TASKS>)]
    array_limit: Option<usize>,
    /// The site's largest array, instead of what its controller says.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_IMAGES>)]
    array_max: Option<usize>,
    /// Run tasks in this image.
    #[arg(long, value_name = "IMAGE")]
    container: Option<String>,
    /// What runs the image.
    #[arg(long, value_enum, default_value = "apptainer", requires = "container")]
    runtime: RuntimeArg,
    /// A further folder that the image sees; those of the project, the results, the model and the data it does.
    #[arg(long, value_name = "DIR", requires = "container")]
    bind: Vec<PathBuf>,
    /// A line of shell before the program, such as 'module load cuda'.
    #[arg(long, value_name = "LINE")]
    setup: Vec<String>,
    /// A further option of the tasks' `sbatch`, such as --sbatch=--exclude=n7.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<String>,
    /// Seconds before the time limit at which a task is told of it.
    #[arg(long, value_name = "SECONDS", default_value = "180", value_parser = whole::<1, 65_535>)]
    signal_before: usize,
    /// After so long without a sign of life a trial is another task's.
    #[arg(long, value_name = "TIME", default_value = "0:15:00")]
    claim_lifetime: TimeLimit,
    /// How often a task puts itself into the queue again.
    #[arg(long, value_name = "N", default_value = "50", value_parser = whole::<0, MAX_JOBS>)]
    max_restarts: usize,
    /// The program that the jobs run, where this one was built without libtorch.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Partition of the job that writes the report, where the tasks' takes none without a GPU.
    #[arg(long, value_name = "NAME")]
    report_partition: Option<String>,
    /// Hold the results to this baseline after the report.
    #[arg(long, value_name = "BASELINE")]
    gate: Option<String>,
    /// The largest drop that the gate accepts, in points.
    #[arg(long, value_name = "POINTS", requires = "gate", value_parser = max_drop)]
    max_drop: Option<String>,
    /// Submit although jobs of an earlier submission are in the queue.
    #[arg(long)]
    beside: bool,
    /// Print the scripts and the calls of `sbatch`; write and submit nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What runs an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RuntimeArg {
    /// Apptainer, once Singularity.
    Apptainer,
    /// Slurm's plugin pyxis.
    Pyxis,
}

/// Arguments of `slurm status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `slurm logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// A trial as `plan --list` names it, or `report`.
    #[arg(value_name = "TRIAL")]
    trial: String,
    #[command(flatten)]
    suite: SuiteArgs,
    /// Print the paths of the logs alone.
    #[arg(long)]
    paths: bool,
}

/// Arguments of `slurm cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    #[command(flatten)]
    suite: SuiteArgs,
}

impl From<SubmitArgs> for SubmitOptions {
    fn from(args: SubmitArgs) -> Self {
        let devices = args.devices.unwrap_or_else(|| match args.gpus_per_task {
            0 => DeviceList::cpu(),
            _ => DeviceList::all_gpus(),
        });
        let inputs = InputOptions { device: devices.device(), ..args.inputs.into() };
        let tasks = TaskOptions {
            n_slots: devices.n_slots(args.gpus_per_task),
            devices,
            time: Some(args.time),
            n_tasks: args.tasks,
            claim_lifetime: args.claim_lifetime,
            max_restarts: args.max_restarts,
            checkpoint_every: args.checkpoint_every,
            keep_checkpoints: args.keep_checkpoints,
            image_cache: args.image_cache.map(|size| size.n_bytes),
        };
        let max_drop = args.max_drop.map(|drop| vec!["--max-drop".to_owned(), drop]);
        let gate = args.gate.map(|baseline| vec!["--baseline".to_owned(), baseline]);
        let slurm = SlurmOptions {
            partition: args.partition,
            account: args.account,
            qos: args.qos,
            constraint: args.constraint,
            time: args.time,
            gpus_per_task: args.gpus_per_task,
            cpus_per_task: args.cpus_per_task,
            mem: args.mem,
            at_most: args.array_limit,
            array_max: args.array_max,
            container: args.container.map(|image| (image, args.runtime.into())),
            binds: args.bind,
            setup: args.setup,
            sbatch: args.sbatch,
            signal_before: args.signal_before,
            program: args.program,
            report_partition: args.report_partition,
            gate: gate.into_iter().chain(max_drop).flatten().collect(),
            beside: args.beside,
            dry_run: args.dry_run,
        };
        SubmitOptions {
            suite: args.suite.into(),
            inputs,
            check: if args.deep { Check::Deep } else { Check::Fast },
            replace: args.replace,
            tasks,
            slurm,
        }
    }
}

/// A drop that `gate` will take.
fn max_drop(text: &str) -> Result<String, String> {
    parse_max_drop(text).map(|_| text.to_owned())
}

impl From<RuntimeArg> for Runtime {
    fn from(runtime: RuntimeArg) -> Self {
        match runtime {
            RuntimeArg::Apptainer => Runtime::Apptainer,
            RuntimeArg::Pyxis => Runtime::Pyxis,
        }
    }
}

impl From<StatusArgs> for StatusOptions {
    fn from(StatusArgs { suite, json }: StatusArgs) -> Self {
        StatusOptions { suite: suite.into(), json }
    }
}

impl From<LogsArgs> for LogsOptions {
    fn from(LogsArgs { trial, suite, paths }: LogsArgs) -> Self {
        LogsOptions { suite: suite.into(), trial, paths }
    }
}

impl From<CancelArgs> for CancelOptions {
    fn from(CancelArgs { suite }: CancelArgs) -> Self {
        CancelOptions { suite: suite.into() }
    }
}
