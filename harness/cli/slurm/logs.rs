//! `slurm logs TRIAL`: what the jobs printed that had a trial.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::anyhow;
use clsrl_files::limit;

use super::submission::Submission;
use crate::{exit::Exit, options::SuiteOptions, output::print, request::Request};

/// What stands for the job that writes the report.
const REPORT: &str = "report";

/// What is asked for.
#[derive(Debug)]
pub struct LogsOptions {
    /// Whose submission.
    pub suite: SuiteOptions,
    /// A trial, or `report`.
    pub trial: String,
    /// Whether to print the paths of the logs alone.
    pub paths: bool,
}

/// Prints the logs of the jobs that had a trial: that of the task whose own it is, those that name it, and that of the
/// job which is at work on it.
pub fn logs(options: &LogsOptions) -> anyhow::Result<Exit> {
    let request = Request::load(&options.suite)?;
    let store = request.store();
    let submission = Submission::last(&store)?;
    let wanted = &options.trial;
    let mut names: BTreeSet<String> = BTreeSet::new();
    if wanted == REPORT {
        names.insert("report.log".to_owned());
    } else {
        let (plan, jobs) = (submission.read_plan()?, submission.read_jobs()?);
        let Some(idx) = plan.trials.iter().position(|trial| trial.key() == *wanted) else {
            return Err(Exit::Usage.because(anyhow!(
                "submission {} has no trial `{wanted}`\nhint: `plan --list` names the trials of a suite",
                submission.number
            )));
        };
        let own = plan.tasks.iter().position(|task| task.contains(&idx));
        let element = own.and_then(|task| jobs.element_of(task));
        names.extend(element.map(|(job, element)| format!("{job}_{element}.log")));
        let held = store.claims_there().into_iter().find(|(key, _)| key == wanted);
        let holder = held.and_then(|(_, held)| held.holder);
        names.extend(holder.map(|holder| format!("{}.log", holder.job)));
        names.extend(naming(&submission, wanted));
    }
    let there: Vec<PathBuf> = names
        .into_iter()
        .map(|name| submission.logs().join(name))
        .filter(|path| path.is_file())
        .collect();
    if there.is_empty() {
        return Err(Exit::Incomplete.because(anyhow!(
            "no job has printed anything of `{wanted}` yet\nhint: `slurm status` tells which jobs run"
        )));
    }
    for path in there {
        let text = match options.paths {
            true => format!("{}\n", path.display()),
            false => format!("==> {} <==\n{}\n", path.display(), text_of(&path)),
        };
        print(&text)?;
    }
    Ok(Exit::Ok)
}

/// The logs that name a trial.
fn naming(submission: &Submission, trial: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(submission.logs()) else { return Vec::new() };
    let is_naming = |entry: &fs::DirEntry| {
        let text = text_of(&entry.path());
        text.split(|c: char| c.is_whitespace() || c == ':').any(|word| word == trial)
    };
    let naming = entries.flatten().filter(is_naming);
    naming.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn text_of(path: &std::path::Path) -> String {
    match clsrl_files::read(path, limit::LIST) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("cannot be read: {error}"),
    }
}
