//! `slurm cancel`: ends the jobs of a suite's submissions, which first give their trials back.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use clsrl_runner::Holder;
use clsrl_slurm::{Jobs, Slurm};

use super::submission::Submission;
use crate::{
    exit::Exit, options::SuiteOptions, output::print, progress::Detail, request::Request,
    words::count,
};

/// How long tasks have to give their trials back before they are cancelled.
const GRACE: Duration = Duration::from_secs(20);

/// How often the queue is asked meanwhile; login nodes do not like to be asked often.
const PAUSE: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Debug)]
pub struct CancelOptions {
    /// Whose submissions.
    pub suite: SuiteOptions,
}

/// Cancels all jobs of a suite that are in the queue.
pub fn cancel(options: &CancelOptions, detail: Detail) -> anyhow::Result<Exit> {
    let request = Request::load(&options.suite)?;
    let store = request.store();
    let slurm = Slurm::default();
    let mut n_cancelled = 0;
    for submission in Submission::all(&store) {
        let jobs = submission.read_jobs()?;
        let queued = slurm.queue(&jobs)?;
        if queued.is_empty() {
            continue;
        }
        n_cancelled += queued.len();
        detail.say(&format!("submission {}: {}", submission.number, count(queued.len(), "job")));
        // First what waits, the report among it, so that nothing starts in the place of what ends.
        slurm.cancel_waiting(&jobs)?;
        slurm.tell_to_end(&jobs)?;
        let running = wait_for_end(&slurm, &jobs)?;
        slurm.cancel(&jobs)?;
        // What a job did not give back itself; of those that still end, claims expire.
        let of_jobs: BTreeSet<String> = jobs.ids().into_iter().collect();
        let is_over = |holder: &Holder| {
            let array = holder.job.split('_').next().unwrap_or_default();
            of_jobs.contains(array) && !running.contains(&holder.job)
        };
        store.remove_claims(&is_over)?;
    }
    print(&format!("cancelled {}; finished cells are kept\n", count(n_cancelled, "job")))?;
    Ok(Exit::Ok)
}

/// The names of the elements that still run when their time is over.
fn wait_for_end(slurm: &Slurm, jobs: &Jobs) -> anyhow::Result<BTreeSet<String>> {
    let until = Instant::now() + GRACE;
    loop {
        let queued = slurm.queue(jobs)?;
        let running = queued.iter().filter(|queued| queued.is_running());
        let names: BTreeSet<String> = running
            .map(|queued| match queued.element {
                Some(element) => format!("{}_{element}", queued.job),
                None => queued.job.clone(),
            })
            .collect();
        if names.is_empty() || until <= Instant::now() {
            return Ok(names);
        }
        thread::sleep(PAUSE);
    }
}
