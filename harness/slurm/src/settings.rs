//! What a user says of the cluster.

use std::{path::PathBuf, time::Duration};

use crate::TimeLimit;

/// What every task of a submission asks Slurm for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the jobs are called.
    pub job_name: String,
    /// The partition; the site's own choice without one, as in the next ones.
    pub partition: Option<String>,
    /// The account that is charged.
    pub account: Option<String>,
    /// The quality of service.
    pub qos: Option<String>,
    /// Features that a node must have.
    pub constraint: Option<String>,
    /// How long each task may run.
    pub time: TimeLimit,
    /// GPUs of each task; none for tasks that compute on processors.
    pub gpus_per_task: usize,
    /// Processors of each task.
    pub cpus_per_task: Option<usize>,
    /// Memory of each task, in Slurm's notation.
    pub mem: Option<String>,
    /// How long before its time limit a task is told of it.
    pub signal_before: Duration,
    /// The image that tasks run in.
    pub container: Option<Container>,
    /// Lines of shell before the program, such as `module load cuda`.
    pub setup: Vec<String>,
    /// Further arguments of `sbatch`, one each.
    pub extra: Vec<String>,
    /// The folder that the jobs run in.
    pub work_dir: PathBuf,
    /// The folder of their logs.
    pub log_dir: PathBuf,
}

/// An image and what runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// A file, or an address that the runtime knows.
    pub image: String,
    /// What runs it.
    pub runtime: Runtime,
    /// The folders that tasks must see, under their own names.
    pub binds: Vec<PathBuf>,
}

/// What runs an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// Apptainer, once Singularity.
    Apptainer,
    /// Slurm's own plugin of NVIDIA, by options of `sbatch`.
    Pyxis,
}
