//! A submission's folder, `<results>/<suite>/.slurm/<number>/`: the plan, a copy of the program, the scripts, the logs
//! and the numbers of the jobs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_files::limit;
use clsrl_runner::Store;
use clsrl_slurm::Jobs;

use crate::{
    exit::Exit,
    output_files::{create_dir, write_file},
    task_plan::TaskPlan,
};

/// The folder of a suite's submissions.
const DIR: &str = ".slurm";

/// The folder of a submission's logs.
const LOGS: &str = "log";

/// A submission.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Its number, from 1.
    pub number: usize,
    dir: PathBuf,
}

impl Submission {
    /// All submissions of a suite, the first one first.
    pub fn all(store: &Store) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(store.dir().join(DIR)) else { return Vec::new() };
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
        let mut numbers: Vec<usize> = entries.flatten().filter_map(number).collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| Submission::numbered(store, number)).collect()
    }

    /// The last submission; an error where there is none.
    pub fn last(store: &Store) -> anyhow::Result<Self> {
        Submission::all(store).pop().ok_or_else(|| {
            Exit::Usage.because(anyhow!(
                "nothing was submitted of the results in `{}`\nhint: `slurm submit` does, with the same --suite and --out",
                store.dir().display()
            ))
        })
    }

    /// The one that would come next; nothing is there of it yet.
    pub fn next(store: &Store) -> Self {
        let last = Submission::all(store).last().map_or(0, |last| last.number);
        Submission::numbered(store, last + 1)
    }

    /// Makes the folder of the next submission, with that of its logs: without it Slurm starts no job and says nothing.
    pub fn create(store: &Store) -> anyhow::Result<Self> {
        create_dir(&store.dir().join(DIR))?;
        loop {
            let next = Submission::next(store);
            match fs::create_dir(&next.dir) {
                // Somebody else submits at the same time.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot create `{}`", next.dir.display()));
                }
                Ok(()) => {
                    create_dir(&next.logs())?;
                    return Ok(next);
                }
            }
        }
    }

    fn numbered(store: &Store, number: usize) -> Self {
        Submission { number, dir: store.dir().join(DIR).join(number.to_string()) }
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of its logs.
    pub fn logs(&self) -> PathBuf {
        self.dir.join(LOGS)
    }

    /// The file of its plan.
    pub fn plan_path(&self) -> PathBuf {
        self.dir.join("plan.json")
    }

    /// The copy of the program that its jobs run: building another one changes no job that waits.
    pub fn program(&self) -> PathBuf {
        self.dir.join("program")
    }

    /// The script of its tasks.
    pub fn task_script(&self) -> PathBuf {
        self.dir.join("task.sh")
    }

    /// The script of its report.
    pub fn report_script(&self) -> PathBuf {
        self.dir.join("report.sh")
    }

    /// Its plan.
    pub fn read_plan(&self) -> anyhow::Result<TaskPlan> {
        TaskPlan::read(&self.plan_path()).map(|(plan, _)| plan)
    }

    /// Its jobs; none if it was broken off before the first.
    pub fn read_jobs(&self) -> anyhow::Result<Jobs> {
        let path = self.jobs_path();
        let bytes = match clsrl_files::read(&path, limit::SETTINGS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Jobs::default()),
            read => read.with_context(|| format!("cannot read `{}`", path.display()))?,
        };
        let read = serde_json::from_slice(&bytes).map_err(anyhow::Error::from);
        let checked = read.and_then(|jobs: Jobs| match jobs.check() {
            Ok(()) => Ok(jobs),
            Err(fault) => Err(anyhow!(fault)),
        });
        checked.with_context(|| {
            format!(
                "`{}` does not tell jobs\nhint: `squeue --me` does; without the file nothing is known of them, and \
                 trials that are at work keep their claims",
                path.display()
            )
        })
    }

    /// Notes its jobs.
    pub fn write_jobs(&self, jobs: &Jobs) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(jobs).context("jobs are plain data")?;
        write_file(&self.jobs_path(), text + "\n")
    }

    fn jobs_path(&self) -> PathBuf {
        self.dir.join("jobs.json")
    }
}
