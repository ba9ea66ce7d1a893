//! Runs tasks: several worker processes at once, or one after the other in this process.
//!
//! What a trial sends is written here and nowhere else, so that one process owns the results folder.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use clsrl_spec::{CellKey, TrialEvent};

use crate::{
    RunError, Store, Task, WorkerCommand,
    task::RecordError,
    worker::{Message, Worker},
};

/// How often a waiting run looks whether it is to stop.
const POLL: Duration = Duration::from_millis(100);

/// How long after a worker a signal that goes to a whole group may reach the run.
const GROUP_SIGNAL: Duration = Duration::from_millis(500);

/// What happens while tasks run; an index counts the run's tasks.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// A trial starts.
    Started(usize),
    /// Something happened in a trial, and is written already.
    Trial(usize, &'a TrialEvent),
    /// A trial is done, all its cells written.
    Finished(usize),
    /// A trial failed; what it finished before is kept.
    Failed(usize, &'a Failure),
}

/// In which way a trial failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// In one that its text tells.
    Told,
    /// Weights or data were not those that were checked before it began.
    Differs,
    /// The system ended its worker.
    Killed,
    /// A signal ended its worker that asks to end, and may be on its way to the run as well.
    Signalled,
}

/// How a trial ended that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// In which way.
    pub kind: FailureKind,
    /// Why.
    pub reason: String,
}

impl Failed {
    fn told(reason: String) -> Self {
        Failed { kind: FailureKind::Told, reason }
    }
}

/// A trial that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The trial's readable name.
    pub trial: String,
    /// In which way.
    pub kind: FailureKind,
    /// Why.
    pub reason: String,
    /// The last lines that its worker wrote to standard error.
    pub tail: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Trials that were finished by this run.
    pub n_finished: usize,
    /// Trials that failed, in the order in which they did.
    pub failures: Vec<Failure>,
    /// Whether the run was told to stop before its end.
    pub stopped: bool,
}

/// What tasks are run with.
pub struct Runner<'a> {
    /// Where results go; the caller holds its lock.
    pub store: &'a Store,
    /// Whether tuned weights stay after a trial is done.
    pub keep_checkpoints: bool,
    /// Becomes true when the run is to stop.
    pub stop: &'a AtomicBool,
    /// Is told what happens.
    pub on_event: &'a mut dyn FnMut(RunEvent<'_>),
}

/// A trial's own way to send an event; an error tells it to end.
type Send<'a> = &'a mut dyn FnMut(TrialEvent) -> io::Result<()>;

impl Runner<'_> {
    /// Runs every task in a process of its own, up to `n_jobs` of them at once.
    ///
    /// `job` gives the line that a worker reads on its standard input.
    pub fn run_in_workers(
        mut self,
        tasks: &[Task],
        command: &WorkerCommand,
        n_jobs: usize,
        job: &dyn Fn(&Task) -> String,
    ) -> Result<Summary, RunError> {
        let (sender, messages) = mpsc::channel();
        let mut waiting: VecDeque<usize> = (0..tasks.len()).collect();
        let mut pool = Pool::default();
        let mut summary = Summary::default();
        // An early return drops the pool, and with it stops its workers.
        while !(waiting.is_empty() && pool.running.is_empty()) {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Summary { stopped: true, ..summary });
            }
            while pool.running.len() < n_jobs.max(1)
                && let Some(idx) = waiting.pop_front()
            {
                let task = &tasks[idx];
                task.prepare(self.store)?;
                pool.start(
                    idx,
                    Worker::start(command, &job(task), idx, Sender::clone(&sender))?,
                    task,
                );
                (self.on_event)(RunEvent::Started(idx));
            }
            self.handle_next(&messages, tasks, &mut pool, &mut summary)?;
        }
        Ok(summary)
    }

    fn handle_next(
        &mut self,
        messages: &Receiver<Message>,
        tasks: &[Task],
        pool: &mut Pool,
        summary: &mut Summary,
    ) -> Result<(), RunError> {
        match messages.recv_timeout(POLL) {
            Ok(Message::Event(idx, event)) => {
                // A trial that failed may still have sent something.
                let Some(running) = pool.running.get_mut(&idx) else { return Ok(()) };
                match running.progress.record(self.store, &tasks[idx], &event) {
                    Ok(()) => (self.on_event)(RunEvent::Trial(idx, &event)),
                    Err(RecordError::Store(error)) => return Err(error.into()),
                    Err(RecordError::Trial(reason)) => {
                        pool.running.remove(&idx);
                        self.fail(idx, &tasks[idx], (Failed::told(reason), Vec::new()), summary);
                    }
                }
                Ok(())
            }
            Ok(Message::Closed(idx)) => {
                let Some(running) = pool.running.remove(&idx) else { return Ok(()) };
                let (ended, tail) = running.worker.finish();
                let was_signalled =
                    ended.as_ref().is_err_and(|failed| failed.kind == FailureKind::Signalled);
                if was_signalled && self.stops_within(GROUP_SIGNAL) {
                    // It may have been the last one, and then nobody looks again.
                    summary.stopped = true;
                    return Ok(());
                }
                match ended.and_then(|()| running.progress.check_complete()) {
                    Ok(()) => self.finish(idx, &tasks[idx], summary),
                    Err(failed) => {
                        self.fail(idx, &tasks[idx], (failed, tail), summary);
                        Ok(())
                    }
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(()),
        }
    }

    /// Waits whether the run is told to stop as well.
    fn stops_within(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while !self.stop.load(Ordering::Relaxed) && Instant::now() < until {
            thread::sleep(POLL / 10);
        }
        self.stop.load(Ordering::Relaxed)
    }

    /// Runs the tasks one after the other in this process, by a function that runs one trial.
    pub fn run_in_process(
        mut self,
        tasks: &[Task],
        run_trial: &mut dyn FnMut(&Task, Send<'_>) -> Result<(), Failed>,
    ) -> Result<Summary, RunError> {
        let mut summary = Summary::default();
        for (idx, task) in tasks.iter().enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Summary { stopped: true, ..summary });
            }
            task.prepare(self.store)?;
            (self.on_event)(RunEvent::Started(idx));
            let mut progress = Progress::new(task);
            let mut failed = None;
            let ended = run_trial(task, &mut |event| {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(io::Error::from(io::ErrorKind::Interrupted));
                }
                progress.record(self.store, task, &event).map_err(|error| {
                    failed = Some(error);
                    io::Error::other("an event cannot be recorded")
                })?;
                (self.on_event)(RunEvent::Trial(idx, &event));
                Ok(())
            });
            match (failed, ended) {
                (Some(RecordError::Store(error)), _) => return Err(error.into()),
                (Some(RecordError::Trial(reason)), _) => {
                    self.fail(idx, task, (Failed::told(reason), Vec::new()), &mut summary);
                }
                (None, Err(_)) if self.stop.load(Ordering::Relaxed) => {}
                (None, ended) => match ended.and_then(|()| progress.check_complete()) {
                    Ok(()) => self.finish(idx, task, &mut summary)?,
                    Err(failed) => self.fail(idx, task, (failed, Vec::new()), &mut summary),
                },
            }
        }
        summary.stopped = self.stop.load(Ordering::Relaxed);
        Ok(summary)
    }

    fn finish(&mut self, idx: usize, task: &Task, summary: &mut Summary) -> Result<(), RunError> {
        if !self.keep_checkpoints {
            self.store.remove_checkpoint(&task.trial)?;
        }
        summary.n_finished += 1;
        (self.on_event)(RunEvent::Finished(idx));
        Ok(())
    }

    fn fail(
        &mut self,
        idx: usize,
        task: &Task,
        (failed, tail): (Failed, Vec<String>),
        summary: &mut Summary,
    ) {
        let Failed { kind, reason } = failed;
        let failure = Failure { trial: task.key(), kind, reason, tail };
        (self.on_event)(RunEvent::Failed(idx, &failure));
        summary.failures.push(failure);
    }
}

#[derive(Default)]
struct Pool {
    running: BTreeMap<usize, Running>,
}

struct Running {
    worker: Worker,
    progress: Progress,
}

impl Pool {
    fn start(&mut self, idx: usize, worker: Worker, task: &Task) {
        self.running.insert(idx, Running { worker, progress: Progress::new(task) });
    }
}

/// What a running trial still owes, and whose its answers are.
struct Progress {
    owed: BTreeSet<CellKey>,
    /// The digest of the weights that its fine-tune's record is of, once there is one.
    weights: Option<String>,
}

impl Progress {
    fn new(task: &Task) -> Self {
        let weights = task.trained.as_ref().map(|record| record.outcome.weights_digest.clone());
        Progress { owed: task.cells.iter().copied().collect(), weights }
    }

    fn record(
        &mut self,
        store: &Store,
        task: &Task,
        event: &TrialEvent,
    ) -> Result<(), RecordError> {
        if let TrialEvent::CellDone(record, _) = event {
            self.check_weights(record.outcome.weights_digest.as_ref())?;
        }
        task.record(store, event)?;
        match event {
            TrialEvent::CellDone(record, _) => {
                self.owed.remove(&record.outcome.cell);
            }
            TrialEvent::TrainingDone(record) => {
                self.weights = Some(record.outcome.weights_digest.clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn check_weights(&self, found: Option<&String>) -> Result<(), RecordError> {
        let expected = self.weights.as_ref();
        if expected.is_none() || expected == found {
            return Ok(());
        }
        let shown = |digest: Option<&String>| digest.map_or("none", |digest| digest).to_owned();
        Err(RecordError::Trial(format!(
            "other weights answered than those of its fine-tune's record: expected {}, found {}",
            shown(expected),
            shown(found)
        )))
    }

    fn check_complete(&self) -> Result<(), Failed> {
        if self.owed.is_empty() {
            return Ok(());
        }
        let owed: Vec<String> = self.owed.iter().map(CellKey::to_string).collect();
        Err(Failed::told(format!("it ended without the cells {}", owed.join(", "))))
    }
}

#[cfg(test)]
mod tests;
