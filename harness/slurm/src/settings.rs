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

impl Settings {
    /// Whether a batch script says all of this to Slurm and to the shell; an error names the first value that would be
    /// read as something else.
    pub fn check(&self) -> Result<(), String> {
        if self.time.duration() <= self.signal_before {
            return Err(format!(
                "a task is told of its end {} s before it, and may run {}: it would end as it begins",
                self.signal_before.as_secs(),
                self.time
            ));
        }
        let given = |value: &Option<String>| value.clone().unwrap_or_default();
        let values = [
            ("the job's name", self.job_name.clone()),
            ("the partition", given(&self.partition)),
            ("the account", given(&self.account)),
            ("the quality of service", given(&self.qos)),
            ("the constraint", given(&self.constraint)),
            ("the memory", given(&self.mem)),
            ("the current folder", self.work_dir.display().to_string()),
            ("the folder of the logs", self.log_dir.display().to_string()),
        ];
        for (name, value) in values {
            // A line's end would end the option, and what follows it would be run.
            refuse(name, &value, |c| c.is_control() || c == '"')?;
        }
        for option in &self.extra {
            refuse("a further option of `sbatch`", option, char::is_control)?;
        }
        let Some(Container { image, runtime, binds }) = &self.container else { return Ok(()) };
        refuse("the image", image, char::is_control)?;
        for folder in binds {
            let folder = folder.display().to_string();
            let splits = |c: char| c.is_control() || ",:".contains(c);
            refuse("a folder that the image sees", &folder, splits)?;
            if *runtime == Runtime::Pyxis {
                refuse("a folder that the image sees", &folder, |c| c == '"')?;
            }
        }
        Ok(())
    }
}

/// Refuses a value with a character that cannot stand in it.
fn refuse(name: &str, value: &str, is_refused: impl Fn(char) -> bool) -> Result<(), String> {
    match value.chars().find(|&c| is_refused(c)) {
        None => Ok(()),
        Some(found) => Err(format!("{name} is {value:?}, where {found:?} cannot stand")),
    }
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
