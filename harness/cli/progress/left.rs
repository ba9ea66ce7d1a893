//! How much of a run is done, and how long the rest takes.
//!
//! Work is counted in optimizer steps and images. The rest takes what the same kind of work took so far, also in
//! the runs before this one; trials that run at once are laid out on as many places as there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use clsrl_spec::{CellKey, Trial, TrialEvent};

use crate::pace::Pace;

/// What is to be done of a trial.
#[derive(Debug, Clone)]
pub struct Work {
    pub trial: Trial,
    /// Its optimizer steps; none if it is trained already.
    pub n_steps: usize,
    /// Its cells with their images.
    pub cells: Vec<(CellKey, usize)>,
}

/// Steps and images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Optimizer steps.
    pub steps: usize,
    /// Evaluated images.
    pub images: usize,
}

/// The rest of a run.
#[derive(Debug)]
pub struct Left {
    works: Vec<Work>,
    n_jobs: usize,
    pace: Pace,
    running: BTreeMap<usize, Running>,
    /// Trials that failed once and wait for another slot.
    waiting_again: BTreeSet<usize>,
    /// The first trial that has not begun.
    next: usize,
    /// Done by trials that have ended.
    ended: Amount,
}

/// A trial under way.
#[derive(Debug)]
struct Running {
    steps: usize,
    /// Images of each cell that has begun.
    images: BTreeMap<CellKey, usize>,
    /// When it was last heard of.
    heard: Duration,
    is_loading: bool,
}

impl Left {
    /// Everything is left; `pace` is what earlier runs tell.
    pub fn new(works: Vec<Work>, n_jobs: usize, pace: Pace) -> Self {
        Left {
            works,
            n_jobs: n_jobs.max(1),
            pace,
            running: BTreeMap::new(),
            waiting_again: BTreeSet::new(),
            next: 0,
            ended: Amount::default(),
        }
    }

    /// A trial begins, so long after the run did.
    pub fn start(&mut self, idx: usize, now: Duration) {
        let images = BTreeMap::new();
        self.waiting_again.remove(&idx);
        self.running.insert(idx, Running { steps: 0, images, heard: now, is_loading: true });
        self.next = self.next.max(idx + 1);
    }

    /// Something happened in a trial.
    pub fn advance(&mut self, idx: usize, event: &TrialEvent, now: Duration) {
        let Some(running) = self.running.get_mut(&idx) else { return };
        let trial = &self.works[idx].trial;
        let took = now.saturating_sub(running.heard);
        match event {
            TrialEvent::Loading
            | TrialEvent::TrainsAgain { .. }
            | TrialEvent::StateUnused { .. }
            | TrialEvent::Saved { .. }
            | TrialEvent::NotSaved { .. }
            | TrialEvent::Paused => return,
            // What an earlier attempt did tells nothing of how long the rest takes.
            TrialEvent::Resumed { cell, done, .. } => {
                match cell {
                    None => running.steps = *done,
                    Some(cell) => drop(running.images.insert(*cell, *done)),
                }
                return;
            }
            TrialEvent::Trained { step, .. } => {
                let n = step.step.saturating_sub(running.steps);
                running.steps = step.step;
                if std::mem::take(&mut running.is_loading) {
                    // Loading and the first step came together: the step is taken out once one is timed alone.
                    self.pace.learn_load(less(took, self.pace.step_seconds(trial)));
                } else {
                    self.pace.learn_steps(trial, n, took);
                }
            }
            TrialEvent::Evaluated { cell, done, .. } => {
                let before = running.images.insert(*cell, *done).unwrap_or(0);
                let n = done.saturating_sub(before);
                if std::mem::take(&mut running.is_loading) {
                    let batch = self.pace.image_seconds(trial.method, *cell);
                    self.pace.learn_load(less(took, batch.map(|image| image * n as f64)));
                } else {
                    self.pace.learn_images(trial.method, *cell, n, took);
                }
            }
            TrialEvent::TrainingDone(_) => {}
            TrialEvent::CellDone(record, _) => self.pace.learn_tokens(record),
        }
        running.heard = now;
    }

    /// A trial failed and is to be done once more.
    pub fn wait_again(&mut self, idx: usize) {
        self.running.remove(&idx);
        self.waiting_again.insert(idx);
    }

    /// A trial has ended, one way or another.
    pub fn end(&mut self, idx: usize) {
        self.running.remove(&idx);
        self.waiting_again.remove(&idx);
        // One that somebody else did meanwhile has never begun.
        self.next = self.next.max(idx + 1);
        let work = &self.works[idx];
        self.ended.steps += work.n_steps;
        self.ended.images += work.n_images();
    }

    /// What is done.
    pub fn done(&self) -> Amount {
        let of_running = self.running.values().fold(self.ended, |sum, running| Amount {
            steps: sum.steps + running.steps,
            images: sum.images + running.images.values().sum::<usize>(),
        });
        let all = self.all();
        Amount { steps: of_running.steps.min(all.steps), images: of_running.images.min(all.images) }
    }

    /// What there was to do in the beginning.
    pub fn all(&self) -> Amount {
        self.works.iter().fold(Amount::default(), |sum, work| Amount {
            steps: sum.steps + work.n_steps,
            images: sum.images + work.n_images(),
        })
    }

    /// How long the rest takes, so long after the run began; none before anything was timed.
    pub fn time(&self, now: Duration) -> Option<Duration> {
        let mut places: Vec<f64> = vec![0.0; self.n_jobs];
        let under_way = self.running.iter().map(|(&idx, running)| (idx, Some(running)));
        let again = self.waiting_again.iter().copied();
        let not_begun = again.chain(self.next..self.works.len());
        for (idx, running) in under_way.chain(not_begun.map(|idx| (idx, None))) {
            let mut seconds = self.seconds(&self.works[idx], running)?;
            if let Some(running) = running {
                // What is under way counts as left until it is heard of.
                let since = now.saturating_sub(running.heard).as_secs_f64();
                seconds = (seconds - since).max(0.0);
            }
            let free = places.iter_mut().min_by(|a, b| a.total_cmp(b)).expect("there is a place");
            *free += seconds;
        }
        Duration::try_from_secs_f64(places.into_iter().fold(0.0, f64::max)).ok()
    }

    fn seconds(&self, work: &Work, running: Option<&Running>) -> Option<f64> {
        let is_loaded = running.is_some_and(|running| !running.is_loading);
        let mut seconds = if is_loaded { 0.0 } else { self.pace.load_seconds() };
        let steps_left =
            work.n_steps - running.map_or(0, |running| running.steps).min(work.n_steps);
        if 0 < steps_left {
            seconds += self.pace.step_seconds(&work.trial)? * steps_left as f64;
        }
        for &(cell, n) in &work.cells {
            let done = running.and_then(|running| running.images.get(&cell)).copied().unwrap_or(0);
            if done < n {
                let image = self.pace.image_seconds(work.trial.method, cell)?;
                seconds += image * (n - done) as f64;
            }
        }
        Some(seconds)
    }
}

impl Work {
    /// Images of all its cells.
    pub fn n_images(&self) -> usize {
        self.cells.iter().map(|(_, n)| n).sum()
    }
}

fn less(time: Duration, seconds: Option<f64>) -> Duration {
    let part = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.saturating_sub(part.unwrap_or_default())
}

#[cfg(test)]
mod tests;
