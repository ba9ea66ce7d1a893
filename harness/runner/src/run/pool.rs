//! The slots of a run, what waits for them and what runs on them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::mpsc::Sender,
};

use super::{Failure, owed::Owed};
use crate::{
    RunError, Task, WorkerCommand,
    worker::{Message, Worker},
};

/// After so many failures in a row a slot takes no further trial.
const MAX_FAILURES: usize = 2;

/// A place where one trial runs at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// What it is called, for example `cuda:1`.
    pub name: String,
    /// What fails together with it: slots of the same GPU name the same.
    pub device: String,
    /// Variables set in the environment of its workers.
    pub env: Vec<(String, String)>,
}

/// A trial that waits for a slot.
pub(super) struct Waiting {
    pub(super) idx: usize,
    pub(super) task: Task,
    /// The slot that it failed on, if it did.
    pub(super) avoids: Option<usize>,
    /// How.
    pub(super) failure: Option<Failure>,
}

/// A trial that runs.
pub(super) struct Running {
    pub(super) worker: Worker,
    pub(super) owed: Owed,
    pub(super) task: Task,
    pub(super) slot: usize,
    /// Whether it failed before.
    pub(super) is_retried: bool,
    /// Whether it has said that it ends before it is done, as it was asked to.
    pub(super) is_paused: bool,
}

/// The slots of a run.
pub(super) struct Pool<'a> {
    slots: &'a [Slot],
    /// Failures in a row, by slot.
    failures: Vec<usize>,
    waiting: VecDeque<Waiting>,
    running: BTreeMap<usize, Running>,
}

impl<'a> Pool<'a> {
    pub(super) fn new(tasks: &[Task], slots: &'a [Slot]) -> Self {
        let waiting = tasks.iter().enumerate();
        let waiting = waiting.map(|(idx, task)| Waiting {
            idx,
            task: task.clone(),
            avoids: None,
            failure: None,
        });
        Pool {
            slots,
            failures: vec![0; slots.len()],
            waiting: waiting.collect(),
            running: BTreeMap::new(),
        }
    }

    /// A slot that is free, and the first of those that wait which it may take.
    pub(super) fn next(&mut self) -> Option<(usize, Waiting)> {
        let free = (0..self.slots.len()).filter(|&slot| self.is_free(slot));
        let first = |slot| self.waiting.iter().position(|waiting| self.may_take(slot, waiting));
        let (slot, at) = free.filter_map(|slot| Some((slot, first(slot)?))).next()?;
        Some((slot, self.waiting.remove(at)?))
    }

    /// As [`Pool::next`], of those alone that somebody else may be asked for and are given.
    pub(super) fn next_given(
        &mut self,
        is_given: &mut dyn FnMut(&Task) -> Result<bool, RunError>,
    ) -> Result<Option<(usize, Waiting)>, RunError> {
        for slot in (0..self.slots.len()).filter(|&slot| self.is_free(slot)) {
            for at in 0..self.waiting.len() {
                let waiting = &self.waiting[at];
                if self.may_take(slot, waiting) && is_given(&waiting.task)? {
                    return Ok(self.waiting.remove(at).map(|waiting| (slot, waiting)));
                }
            }
        }
        Ok(None)
    }

    /// Whether a slot could begin a trial, if there were one for it.
    pub(super) fn has_room(&self) -> bool {
        (0..self.slots.len()).any(|slot| self.is_free(slot))
    }

    /// The trials that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Task> {
        self.waiting.iter().map(|waiting| &waiting.task)
    }

    /// Puts a trial behind all others.
    pub(super) fn wait_behind(&mut self, idx: usize, task: Task) {
        self.waiting.push_back(Waiting { idx, task, avoids: None, failure: None });
    }

    pub(super) fn start(
        &mut self,
        slot: usize,
        waiting: Waiting,
        (command, job): (&WorkerCommand, &dyn Fn(&Task) -> String),
        messages: &Sender<Message>,
    ) -> Result<(), RunError> {
        let Waiting { idx, task, failure, .. } = waiting;
        let env = &self.slots[slot].env;
        let worker = Worker::start((command, env), &job(&task), idx, Sender::clone(messages))?;
        let (owed, is_retried) = (Owed::new(&task), failure.is_some());
        let is_paused = false;
        self.running.insert(idx, Running { worker, owed, task, slot, is_retried, is_paused });
        Ok(())
    }

    /// Puts a trial that failed before all others, for another slot.
    pub(super) fn wait_again(&mut self, idx: usize, task: Task, slot: usize, failure: Failure) {
        let (avoids, failure) = (Some(slot), Some(failure));
        self.waiting.push_front(Waiting { idx, task, avoids, failure });
    }

    pub(super) fn get(&mut self, idx: usize) -> Option<&mut Running> {
        self.running.get_mut(&idx)
    }

    pub(super) fn remove(&mut self, idx: usize) -> Option<Running> {
        self.running.remove(&idx)
    }

    /// The trials that run, by index.
    pub(super) fn running(&self) -> impl Iterator<Item = (usize, &Task)> {
        self.running.iter().map(|(&idx, running)| (idx, &running.task))
    }

    /// Asks all that run to keep the middle of their trials, and to end.
    pub(super) fn ask_to_pause(&mut self) {
        self.running.values_mut().for_each(|running| running.worker.ask_to_pause());
    }

    /// How many wait.
    pub(super) fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Gives back what waits in vain.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Waiting> {
        std::mem::take(&mut self.waiting).into_iter()
    }

    /// Stops all workers; gives the trials that they ran.
    pub(super) fn stop(&mut self) -> Vec<Task> {
        let stopped = std::mem::take(&mut self.running).into_values();
        stopped.map(|running| running.task).collect()
    }

    pub(super) fn note_success(&mut self, slot: usize) {
        self.failures[slot] = 0;
    }

    /// Counts a failure, which may be the slot's or the trial's own; says whether the slot is closed by it.
    pub(super) fn note_failure(&mut self, slot: usize, is_of_slot: bool) -> bool {
        self.failures[slot] = if is_of_slot { self.failures[slot] + 1 } else { 0 };
        self.failures[slot] == MAX_FAILURES
    }

    /// Whether a trial that failed on a slot can be tried on another one.
    pub(super) fn has_another(&self, slot: usize) -> bool {
        (0..self.slots.len()).any(|other| other != slot && self.is_open(other))
    }

    /// The slots that are closed.
    pub(super) fn closed(&self) -> Vec<usize> {
        (0..self.slots.len()).filter(|&slot| !self.is_open(slot)).collect()
    }

    fn is_open(&self, slot: usize) -> bool {
        self.failures[slot] < MAX_FAILURES
    }

    fn is_free(&self, slot: usize) -> bool {
        self.is_open(slot) && self.running.values().all(|running| running.slot != slot)
    }

    /// A trial that failed is tried on another device, or on another slot of the same one if there is no other.
    fn may_take(&self, slot: usize, waiting: &Waiting) -> bool {
        let Some(avoided) = waiting.avoids else { return true };
        let device = |slot: usize| &self.slots[slot].device;
        let is_elsewhere = |other: usize| device(other) != device(avoided);
        let is_there_another =
            (0..self.slots.len()).any(|other| self.is_open(other) && is_elsewhere(other));
        if is_there_another { is_elsewhere(slot) } else { slot != avoided }
    }
}
