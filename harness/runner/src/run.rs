//! Runs tasks: a worker process on each slot, or one task after the other in this process.
//!
//! What a trial sends is published by the process that started it, and by nobody else.

mod owed;
mod pool;
mod sharing;

use std::{
    io,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use clsrl_spec::TrialEvent;

use self::{
    owed::Owed,
    pool::{Pool, Waiting},
    sharing::Looked,
};
pub use self::{pool::Slot, sharing::Sharing};
use crate::{
    RunError, Store, Task, WorkerCommand,
    failure::{Failed, Failure, FailureKind},
    store::{Published, RecordError},
    worker::Message,
};

/// How often a waiting run looks whether it is to stop.
const POLL: Duration = Duration::from_millis(100);

/// How long after a worker a signal that goes to a whole group may reach the run.
const GROUP_SIGNAL: Duration = Duration::from_millis(500);

/// How often a trial shows other processes that it goes on.
const BEAT: Duration = Duration::from_secs(60);

/// What happens while tasks run; an index counts the run's tasks.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// A trial starts, on the slot of this index.
    Started(usize, usize),
    /// Something happened in a trial, and is written already.
    Trial(usize, &'a TrialEvent),
    /// What a trial has just sent was there already, with the same outcome: another attempt at it was quicker.
    Known(usize, &'a TrialEvent),
    /// A trial failed in a way that another slot may not have, and is tried there once more.
    Retried(usize, &'a Failure),
    /// A slot, by its index, takes no further trial: this was its second failure in a row.
    Closed(usize, &'a Failure),
    /// A trial ends before it is done, as it was asked to; what it has is kept.
    Paused(usize),
    /// Another process has taken a trial, because it did not hear of this one; it is stopped here.
    Lost(usize),
    /// A trial is done, all its cells written.
    Finished(usize),
    /// A trial failed; what it finished before is kept.
    Failed(usize, &'a Failure),
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Trials that were finished by this run.
    pub n_finished: usize,
    /// Trials that failed, in the order in which they did.
    pub failures: Vec<Failure>,
    /// Slots that were closed, by index.
    pub closed: Vec<usize>,
    /// Trials that were not begun because every slot was closed.
    pub n_not_begun: usize,
    /// Trials of a shared plan that others are at work on.
    pub n_elsewhere: usize,
    /// Trials of a shared plan that failed elsewhere.
    pub n_failed_elsewhere: usize,
    /// Trials of a shared plan that nobody has begun, for which too little time is left here.
    pub n_without_time: usize,
    /// Whether the run was told to stop before its end.
    pub stopped: bool,
    /// Trials that were in their middle, which is kept, when the run was told to pause.
    pub n_paused: usize,
    /// Whether the run was told to pause, and something was left by then.
    pub paused: bool,
}

/// What tasks are run with.
pub struct Runner<'a> {
    /// Where results go.
    pub store: &'a Store,
    /// Whether tuned weights stay after a trial is done.
    pub keep_checkpoints: bool,
    /// How trials are shared with other processes; none where all of them are for this one.
    pub sharing: Option<Sharing<'a>>,
    /// Becomes true when the run is to stop.
    pub stop: &'a AtomicBool,
    /// Becomes true when the run is to begin nothing more, and to end once what runs has kept its middle.
    pub pause: &'a AtomicBool,
    /// Receives what happens.
    pub on_event: &'a mut dyn FnMut(RunEvent<'_>),
}

/// A trial's own way to send an event; an error tells it to end.
type Send<'a> = &'a mut dyn FnMut(TrialEvent) -> io::Result<()>;

impl Runner<'_> {
    /// Runs every task in a process of its own, one at a time on each slot, in the order of the tasks.
    ///
    /// `job` gives the line that a worker reads on its standard input.
    pub fn run_in_workers(
        mut self,
        tasks: &[Task],
        command: &WorkerCommand,
        slots: &[Slot],
        job: &dyn Fn(&Task) -> String,
    ) -> Result<Summary, RunError> {
        let mut pool = Pool::new(tasks, slots);
        let mut summary = Summary::default();
        let ended = self.work(&mut pool, (command, job), &mut summary);
        // Whatever ended the run, no worker outlives it.
        for task in pool.stop() {
            let left = self.store.leave_attempt(&task.trial).and_then(|()| self.release(&task));
            if ended.is_ok() {
                left?;
            }
        }
        summary.closed = pool.closed();
        ended.map(|()| summary)
    }

    fn work(
        &mut self,
        pool: &mut Pool<'_>,
        (command, job): (&WorkerCommand, &dyn Fn(&Task) -> String),
        summary: &mut Summary,
    ) -> Result<(), RunError> {
        let (sender, messages) = mpsc::channel();
        let (mut beaten, mut looked) = (Instant::now(), Looked::default());
        let beat = self.sharing.as_ref().map_or(BEAT, |sharing| sharing.claims.beat());
        let mut is_pausing = false;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                summary.stopped = true;
                return Ok(());
            }
            if !is_pausing && self.pause.load(Ordering::Relaxed) {
                is_pausing = true;
                pool.ask_to_pause();
            }
            while !is_pausing && let Some((slot, waiting)) = self.next(pool, &mut looked)? {
                let idx = waiting.idx;
                // On a disk that machines share, somebody else may have been here meanwhile.
                let Some(task) = waiting.task.rest(self.store)? else {
                    self.release(&waiting.task)?;
                    summary.n_finished += 1;
                    (self.on_event)(RunEvent::Finished(idx));
                    continue;
                };
                task.prepare(self.store)?;
                pool.start(slot, Waiting { task, ..waiting }, (command, job), &sender)?;
                (self.on_event)(RunEvent::Started(idx, slot));
            }
            if pool.is_idle() && is_pausing {
                summary.paused = 0 < summary.n_paused + pool.n_waiting();
                return Ok(());
            }
            if pool.is_idle() && !looked.waits() {
                // What no slot takes any more.
                for waiting in pool.give_up() {
                    match (waiting.failure, &self.sharing) {
                        (Some(failure), _) => {
                            self.fail(waiting.idx, &waiting.task, failure, summary)?;
                        }
                        (None, Some(sharing)) => {
                            sharing.leave(&waiting.task, self.store, summary)?;
                        }
                        (None, None) => summary.n_not_begun += 1,
                    }
                }
                return Ok(());
            }
            if beat <= beaten.elapsed() {
                self.beat(pool)?;
                beaten = Instant::now();
            }
            match messages.recv_timeout(POLL.min(beat)) {
                Ok(Message::Event(idx, event)) => self.take(pool, idx, &event, summary)?,
                Ok(Message::Closed(idx)) => {
                    self.end(pool, idx, summary)?;
                    looked.forget();
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// Publishes what a worker sent.
    fn take(
        &mut self,
        pool: &mut Pool<'_>,
        idx: usize,
        event: &TrialEvent,
        summary: &mut Summary,
    ) -> Result<(), RunError> {
        // A process that was frozen may find that its trial was taken meanwhile.
        let is_record = matches!(event, TrialEvent::TrainingDone(_) | TrialEvent::CellDone(..));
        if is_record && !self.keep(pool, idx)? {
            return Ok(());
        }
        // A trial that failed may still have sent something.
        let Some(running) = pool.get(idx) else { return Ok(()) };
        running.is_paused |= *event == TrialEvent::Paused;
        match running.owed.record(self.store, &running.task, event) {
            Ok(published) => {
                self.tell(idx, event, published);
                Ok(())
            }
            Err(RecordError::Store(error)) => Err(error.into()),
            Err(RecordError::Trial(reason)) => {
                let Some(running) = pool.remove(idx) else { return Ok(()) };
                let failure = failure(&running.task, Failed::because(reason), Vec::new());
                // Its worker is stopped before its folder is left.
                drop(running.worker);
                self.fail(idx, &running.task, failure, summary)
            }
        }
    }

    fn tell(&mut self, idx: usize, event: &TrialEvent, published: Option<Published>) {
        (self.on_event)(RunEvent::Trial(idx, event));
        if published == Some(Published::Known) {
            (self.on_event)(RunEvent::Known(idx, event));
        }
    }

    /// Takes leave of a worker that has ended.
    fn end(
        &mut self,
        pool: &mut Pool<'_>,
        idx: usize,
        summary: &mut Summary,
    ) -> Result<(), RunError> {
        let Some(running) = pool.remove(idx) else { return Ok(()) };
        let (task, slot) = (running.task, running.slot);
        let (ended, tail) = running.worker.finish();
        let was_signalled =
            ended.as_ref().is_err_and(|failed| failed.kind == FailureKind::Signalled);
        if was_signalled && self.stops_within(GROUP_SIGNAL) {
            // It may have been the last one, and then nobody looks again.
            summary.stopped = true;
            self.store.leave_attempt(&task.trial)?;
            return Ok(self.release(&task)?);
        }
        if running.is_paused && ended.is_ok() {
            return self.put_aside(idx, &task, summary);
        }
        let failed = match ended.and_then(|()| running.owed.check_complete()) {
            Ok(()) => {
                pool.note_success(slot);
                return self.finish(idx, &task, summary);
            }
            Err(failed) => failure(&task, failed, tail),
        };
        let is_of_slot = failed.kind.is_of_slot();
        if pool.note_failure(slot, is_of_slot) {
            (self.on_event)(RunEvent::Closed(slot, &failed));
        }
        if !is_of_slot || running.is_retried || !pool.has_another(slot) {
            return self.fail(idx, &task, failed, summary);
        }
        match task.rest(self.store)? {
            // It died after its last cell.
            None => self.finish(idx, &task, summary),
            Some(rest) => {
                (self.on_event)(RunEvent::Retried(idx, &failed));
                pool.wait_again(idx, rest, slot, failed);
                Ok(())
            }
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
            if self.pause.load(Ordering::Relaxed) {
                return Ok(Summary { paused: true, ..summary });
            }
            task.prepare(self.store)?;
            (self.on_event)(RunEvent::Started(idx, 0));
            let mut owed = Owed::new(task);
            let (mut failed, mut is_paused) = (None, false);
            let ended = run_trial(task, &mut |event| {
                is_paused |= event == TrialEvent::Paused;
                if self.stop.load(Ordering::Relaxed) {
                    return Err(io::Error::from(io::ErrorKind::Interrupted));
                }
                let published = owed.record(self.store, task, &event).map_err(|error| {
                    failed = Some(error);
                    io::Error::other("an event cannot be recorded")
                })?;
                self.tell(idx, &event, published);
                Ok(())
            });
            match (failed, ended) {
                (Some(RecordError::Store(error)), _) => return Err(error.into()),
                (Some(RecordError::Trial(reason)), _) => {
                    let failed = failure(task, Failed::because(reason), Vec::new());
                    self.fail(idx, task, failed, &mut summary)?;
                }
                (None, Err(_)) if self.stop.load(Ordering::Relaxed) => {
                    self.store.leave_attempt(&task.trial)?;
                }
                (None, Ok(())) if is_paused => self.put_aside(idx, task, &mut summary)?,
                (None, ended) => match ended.and_then(|()| owed.check_complete()) {
                    Ok(()) => self.finish(idx, task, &mut summary)?,
                    Err(failed) => {
                        let failed = failure(task, failed, Vec::new());
                        self.fail(idx, task, failed, &mut summary)?;
                    }
                },
            }
        }
        summary.stopped = self.stop.load(Ordering::Relaxed);
        summary.paused = 0 < summary.n_paused;
        Ok(summary)
    }

    fn put_aside(
        &mut self,
        idx: usize,
        task: &Task,
        summary: &mut Summary,
    ) -> Result<(), RunError> {
        self.store.leave_attempt(&task.trial)?;
        self.release(task)?;
        summary.n_paused += 1;
        (self.on_event)(RunEvent::Paused(idx));
        Ok(())
    }

    fn finish(&mut self, idx: usize, task: &Task, summary: &mut Summary) -> Result<(), RunError> {
        self.store.end_attempt(&task.trial, self.keep_checkpoints)?;
        self.release(task)?;
        summary.n_finished += 1;
        (self.on_event)(RunEvent::Finished(idx));
        Ok(())
    }

    fn fail(
        &mut self,
        idx: usize,
        task: &Task,
        failure: Failure,
        summary: &mut Summary,
    ) -> Result<(), RunError> {
        self.store.leave_attempt(&task.trial)?;
        if let Some(Sharing { claims, .. }) = &self.sharing {
            claims.note_failure(&task.trial, &failure.reason, failure.kind.is_of_slot())?;
            claims.release(&task.trial)?;
        }
        (self.on_event)(RunEvent::Failed(idx, &failure));
        summary.failures.push(failure);
        Ok(())
    }
}

fn failure(task: &Task, Failed { kind, reason }: Failed, tail: Vec<String>) -> Failure {
    Failure { trial: task.key(), kind, reason, tail }
}

#[cfg(test)]
mod kills;
#[cfg(test)]
mod tests;
