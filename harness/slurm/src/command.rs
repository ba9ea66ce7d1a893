//! Slurm's commands: what they are given, what they answer, and what a refusal means.

use std::{
    ffi::OsString,
    io,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{Element, Jobs, Queued, queue};

/// What Slurm says, and what to do about it.
const HINTS: [(&str, &str); 9] = [
    (
        "accounting/qos policy",
        "the site takes fewer jobs at a time, or wants --qos: `sacctmgr show qos` lists limits; --tasks N makes fewer jobs",
    ),
    ("invalid partition", "`sinfo -s` lists the partitions; give one with --partition"),
    ("partition", "give one with --partition; `sinfo -s` lists them and their limits"),
    (
        "account",
        "`sacctmgr show associations user=$USER` lists the accounts; give one with --account",
    ),
    ("qos", "`sacctmgr show qos` lists them; give one with --qos"),
    ("invalid job array", "give the site's largest array with --array-max, for example 100"),
    ("submitjob", "the site takes fewer jobs at a time: give a number with --tasks"),
    ("time limit", "give a shorter one with --time"),
    ("unable to contact", "`scontrol ping` tells whether the controller answers"),
];

/// Slurm's commands of this machine.
#[derive(Debug, Clone, Default)]
pub struct Slurm {
    /// Where they are looked for, if not where all programs are.
    path: Option<OsString>,
}

/// A job that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its number.
    pub job: String,
    /// The cluster that took it, where there are several.
    pub cluster: Option<String>,
}

/// Why Slurm does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// It is not there.
    #[error(
        "cannot start `{command}`\nhint: is this a machine where Slurm's commands are? `--dry-run` needs none"
    )]
    Start {
        /// The command.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// It refuses.
    #[error("`{command}` refused: {message}{}", hint(message))]
    Refused {
        /// The command with its arguments.
        command: String,
        /// Its own words.
        message: String,
    },
    /// Its answer is not understood.
    #[error("`{command}` answered {found:?}, expected {expected}")]
    Answer {
        /// The command with its arguments.
        command: String,
        /// What it printed.
        found: String,
        /// What it should have.
        expected: &'static str,
    },
}

fn hint(message: &str) -> String {
    let message = message.to_lowercase();
    let known = HINTS.iter().find(|(words, _)| message.contains(words));
    known.map_or(String::new(), |(_, hint)| format!("\nhint: {hint}"))
}

impl Slurm {
    /// The commands of this folder list, as in `PATH`, instead of all programs.
    pub fn in_path(path: OsString) -> Self {
        Slurm { path: Some(path) }
    }

    /// The largest number of an array's elements, if the controller tells it.
    pub fn max_elements(&self) -> Option<usize> {
        let answer = self.ask("scontrol", &["show".to_owned(), "config".to_owned()]).ok()?;
        let value = |line: &str| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == "MaxArraySize").then(|| value.trim().parse().ok())?
        };
        answer.lines().find_map(value)
    }

    /// Submits the arguments of `sbatch`, its script among them.
    pub fn submit(&self, args: &[String]) -> Result<Submitted, SlurmError> {
        let args = [&["--parsable".to_owned()], args].concat();
        let answer = self.ask("sbatch", &args)?;
        // A site's plugin may print something before.
        let line = answer.lines().last().unwrap_or_default().trim();
        let (job, cluster) = match line.split_once(';') {
            Some((job, cluster)) => (job, Some(cluster.to_owned())),
            None => (line, None),
        };
        if job.is_empty() || !job.chars().all(|c| c.is_ascii_digit()) {
            let command = shown("sbatch", &args);
            return Err(SlurmError::Answer { command, found: answer, expected: "a job's number" });
        }
        Ok(Submitted { job: job.to_owned(), cluster })
    }

    /// What the queue knows of these jobs; nothing of those that ended a while ago.
    pub fn queue(&self, jobs: &Jobs) -> Result<Vec<Queued>, SlurmError> {
        let ids = jobs.ids();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut args = of_cluster(jobs);
        args.extend(["-h", "-r", "-o", queue::FORMAT, "-j"].map(str::to_owned));
        args.push(ids.join(","));
        match self.ask("squeue", &args) {
            Ok(answer) => Ok(answer.lines().filter_map(Queued::parse).collect()),
            // It knows none of them any more.
            Err(SlurmError::Refused { message, .. }) if message.contains("Invalid job id") => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Puts one element of an array back into the queue; it is ended first.
    pub fn requeue(&self, element: &Element) -> Result<(), SlurmError> {
        self.ask("scontrol", &["requeue".to_owned(), element.name()]).map(drop)
    }

    /// Cancels what waits for a node.
    pub fn cancel_waiting(&self, jobs: &Jobs) -> Result<(), SlurmError> {
        let waiting = ["--state=PENDING", "--quiet"].map(str::to_owned);
        self.ask("scancel", &[of_cluster(jobs), waiting.to_vec(), jobs.ids()].concat()).map(drop)
    }

    /// Tells the batch processes of jobs to end, and nobody else.
    pub fn tell_to_end(&self, jobs: &Jobs) -> Result<(), SlurmError> {
        let told = ["--batch", "--signal=TERM", "--quiet"].map(str::to_owned);
        self.ask("scancel", &[of_cluster(jobs), told.to_vec(), jobs.ids()].concat()).map(drop)
    }

    /// Cancels jobs.
    pub fn cancel(&self, jobs: &Jobs) -> Result<(), SlurmError> {
        let quiet = vec!["--quiet".to_owned()];
        self.ask("scancel", &[of_cluster(jobs), quiet, jobs.ids()].concat()).map(drop)
    }

    fn ask(&self, command: &str, args: &[String]) -> Result<String, SlurmError> {
        let mut to_start = Command::new(command);
        to_start.args(args).stdin(Stdio::null());
        // What is asked for here is not what an interactive shell wants to see.
        to_start.env_remove("SQUEUE_FORMAT").env_remove("SQUEUE_STATES");
        if let Some(path) = &self.path {
            to_start.env("PATH", path);
        }
        let output: Output = to_start
            .output()
            .map_err(|source| SlurmError::Start { command: command.to_owned(), source })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let message = if said.is_empty() { output.status.to_string() } else { said };
        Err(SlurmError::Refused { command: shown(command, args), message })
    }
}

fn of_cluster(jobs: &Jobs) -> Vec<String> {
    jobs.cluster.iter().map(|cluster| format!("--clusters={cluster}")).collect()
}

fn shown(command: &str, args: &[String]) -> String {
    let words = args.iter().map(|word| crate::quote(word));
    [command.to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// The arguments of `sbatch` for an array of so many elements, of which at most so many run at a time, whose first task
/// of the plan is this one.
pub fn array_args(script: &Path, first: usize, n: usize, at_most: Option<usize>) -> Vec<String> {
    let at_most = at_most.map_or(String::new(), |n| format!("%{n}"));
    let array = format!("--array=0-{}{at_most}", n.saturating_sub(1));
    vec![array, script.display().to_string(), first.to_string()]
}

/// The arguments of `sbatch` for what runs when these jobs have ended, however that was: after a failure, `afterok`
/// would wait for ever.
pub fn report_args(script: &Path, after: &[String]) -> Vec<String> {
    let dependency = format!("--dependency=afterany:{}", after.join(":"));
    vec![dependency, script.display().to_string()]
}
