//! `slurm status`: what is done by the records, who is at work by the claims, and what the queue says.

use std::{collections::BTreeMap, time::Duration};

use clsrl_runner::{FailureNote, Held, Store};
use clsrl_slurm::{Queued, Slurm};
use serde::Serialize;

use super::submission::Submission;
use crate::{
    exit::Exit,
    options::SuiteOptions,
    output::{note, print},
    request::Request,
    task_plan::TaskPlan,
    words::{Side, columns, count, duration, short},
};

/// The longest name of a trial, so that a line fits 80 columns.
const MAX_NAME: usize = 36;

/// What is asked for.
#[derive(Debug)]
pub struct StatusOptions {
    /// Whose submission.
    pub suite: SuiteOptions,
    /// Whether to print JSON.
    pub json: bool,
}

/// How a submission goes.
#[derive(Serialize)]
struct Status {
    submission: usize,
    tasks: usize,
    trials: usize,
    done: usize,
    claimed: Vec<Claimed>,
    failed: Vec<Failed>,
    /// Jobs in the queue by state; none where the queue cannot be asked.
    queue: Option<BTreeMap<String, usize>>,
    /// Why jobs wait.
    reasons: BTreeMap<String, usize>,
}

/// A trial that somebody is at work on.
#[derive(Serialize)]
struct Claimed {
    trial: String,
    task: Option<usize>,
    job: String,
    host: String,
    silent_s: u64,
    is_expired: bool,
}

/// A trial that failed.
#[derive(Serialize)]
struct Failed {
    trial: String,
    task: usize,
    job: String,
    reason: String,
}

/// Shows how the last submission goes.
pub fn status(options: &StatusOptions) -> anyhow::Result<Exit> {
    let request = Request::load(&options.suite)?;
    let store = request.store();
    let submission = Submission::last(&store)?;
    let plan = submission.read_plan()?;
    let queued = match Slurm::default().queue(&submission.read_jobs()?) {
        Ok(queued) => Some(queued),
        Err(error) => {
            note(&format!("the queue cannot be asked, claims tell all the same: {error}"));
            None
        }
    };
    let status = Status::new(&submission, &plan, &store, queued.as_deref());
    print(&match options.json {
        true => serde_json::to_string_pretty(&status)? + "\n",
        false => status.render(),
    })?;
    Ok(Exit::Ok)
}

impl Status {
    fn new(
        submission: &Submission,
        plan: &TaskPlan,
        store: &Store,
        queued: Option<&[Queued]>,
    ) -> Self {
        let is_of_plan = |key: &str| plan.trials.iter().any(|trial| trial.key() == key);
        let claims = store.claims_there().into_iter().filter(|(key, _)| is_of_plan(key));
        let failures = store.failures_there().into_iter().filter(|(key, _)| is_of_plan(key));
        let count_by = |name: &dyn Fn(&Queued) -> Option<String>| {
            let mut counts = BTreeMap::new();
            for name in queued.unwrap_or_default().iter().filter_map(name) {
                *counts.entry(name).or_insert(0) += 1;
            }
            counts
        };
        let reason = |queued: &Queued| {
            let is_waiting = !queued.is_running() && queued.reason != "None";
            is_waiting.then(|| queued.reason.clone())
        };
        let is_done = |trial: &&clsrl_spec::Trial| store.looks_done(trial);
        let done: Vec<String> =
            plan.trials.iter().filter(is_done).map(|trial| trial.key()).collect();
        Status {
            submission: submission.number,
            tasks: plan.tasks.len(),
            trials: plan.trials.len(),
            done: done.len(),
            claimed: claims.map(|claim| Claimed::new(claim, plan.claim_lifetime())).collect(),
            failed: failures.filter(|(key, _)| !done.contains(key)).map(Failed::new).collect(),
            queue: queued.map(|_| count_by(&|queued| Some(queued.state.to_lowercase()))),
            reasons: count_by(&reason),
        }
    }

    fn render(&self) -> String {
        let Status { submission, tasks, trials, done, claimed, failed, .. } = self;
        let mut text = format!(
            "submission {submission}: {}, {done} of {} done, {} claimed, {} failed\n",
            count(*tasks, "task"),
            count(*trials, "trial"),
            claimed.len(),
            failed.len(),
        );
        if let Some(queue) = &self.queue {
            let list = |counts: &BTreeMap<String, usize>| {
                let parts: Vec<String> =
                    counts.iter().map(|(name, n)| format!("{n} {name}")).collect();
                parts.join(", ")
            };
            text += &match (queue.is_empty(), self.reasons.is_empty()) {
                (true, _) => "queue: nothing\n".to_owned(),
                (false, true) => format!("queue: {}\n", list(queue)),
                (false, false) => format!("queue: {} ({})\n", list(queue), list(&self.reasons)),
            };
        }
        if !claimed.is_empty() {
            let heads = ["Trial", "Task", "Job", "Node", "Heard of"].map(str::to_owned).to_vec();
            let rows: Vec<Vec<String>> =
                [heads].into_iter().chain(claimed.iter().map(Claimed::row)).collect();
            let sides = [Side::Left, Side::Right, Side::Left, Side::Left, Side::Left];
            text += &format!("\n{}", columns(&rows, &sides));
        }
        for Failed { trial, task, reason, .. } in failed {
            text += &format!("\n{trial} failed in task {task}: {reason}\n");
        }
        text
    }
}

impl Claimed {
    fn new((trial, Held { holder, silence }): (String, Held), lifetime: Duration) -> Self {
        let known = holder.as_ref();
        Claimed {
            trial,
            task: known.map(|holder| holder.task),
            job: known.map(|holder| holder.job.clone()).unwrap_or_default(),
            host: known.map(|holder| holder.host.clone()).unwrap_or_default(),
            silent_s: silence.as_secs(),
            is_expired: lifetime <= silence,
        }
    }

    fn row(&self) -> Vec<String> {
        let heard = duration(Duration::from_secs(self.silent_s));
        vec![
            short(&self.trial, MAX_NAME),
            self.task.map_or(String::new(), |task| task.to_string()),
            self.job.clone(),
            short(&self.host, 12),
            if self.is_expired { format!("{heard} ago, expired") } else { format!("{heard} ago") },
        ]
    }
}

impl Failed {
    fn new((trial, note): (String, FailureNote)) -> Self {
        let FailureNote { holder, reason, .. } = note;
        Failed { trial, task: holder.task, job: holder.job, reason }
    }
}
