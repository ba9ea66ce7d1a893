//! A plan that several processes work on at a time, each taking trials by claims.

use std::time::{Duration, Instant};

use clsrl_spec::Trial;

use super::{Pool, RunError, RunEvent, Runner, Summary, Waiting};
use crate::{Claim, Claims, Held, Kept, Store, StoreError, TakeFrom, Task};

/// How trials are shared with other processes.
pub struct Sharing<'a> {
    /// Who works on what.
    pub claims: &'a Claims,
    /// Whether a trial is this process's own by the plan. It sees to those first; the others' it takes when nothing of
    /// its own is left.
    pub is_own: &'a dyn Fn(&Trial) -> bool,
    /// Whether a trial that begins now can be expected to end before this process has to.
    pub has_time: &'a dyn Fn(&Task) -> bool,
}

/// The last look at trials that others have.
#[derive(Default)]
pub(super) struct Looked {
    at: Option<Instant>,
    /// Whether something of it may be left to this process.
    waits: bool,
}

impl Looked {
    /// Something has begun or ended: it is worth another look.
    pub(super) fn forget(&mut self) {
        self.at = None;
    }

    /// Whether it is worth to wait for what others have.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    fn is_recent(&self, pause: Duration) -> bool {
        self.at.is_some_and(|looked| looked.elapsed() < pause)
    }
}

impl Sharing<'_> {
    /// A free slot and a trial that was claimed for it: an own one, else one that nobody has, else one whose holder
    /// was not heard of.
    pub(super) fn next(
        &self,
        pool: &mut Pool<'_>,
        looked: &mut Looked,
        store: &Store,
    ) -> Result<Option<(usize, Waiting)>, RunError> {
        if !pool.has_room() {
            looked.waits = false;
            return Ok(None);
        }
        if looked.is_recent(self.claims.beat()) {
            return Ok(None);
        }
        for from in [TakeFrom::Unclaimed, TakeFrom::Expired] {
            let found = pool.next_given(&mut |task| {
                let is_own = (self.is_own)(&task.trial);
                // Whether what another made is sound, is for that other's task to see.
                if !is_own && store.looks_done(&task.trial) || !(self.has_time)(task) {
                    return Ok(false);
                }
                // Its own may have expired with an earlier run of this very task.
                let from = if is_own { TakeFrom::Expired } else { from };
                Ok(self.claims.take(&task.trial, from)? == Claim::Taken)
            })?;
            if found.is_some() {
                looked.forget();
                return Ok(found);
            }
        }
        *looked = Looked { at: Some(Instant::now()), waits: self.waits(pool, store)? };
        Ok(None)
    }

    /// Whether something of what others hold may be left to this process: its holder is silent, or was an earlier run
    /// of this very task. What others are at work on is theirs, and a GPU is not kept for it.
    fn waits(&self, pool: &Pool<'_>, store: &Store) -> Result<bool, RunError> {
        let is_left = |task: &&Task| {
            (self.has_time)(task) && ((self.is_own)(&task.trial) || !store.looks_done(&task.trial))
        };
        for task in pool.waiting().filter(is_left) {
            match self.claims.take(&task.trial, TakeFrom::Unclaimed)? {
                Claim::Taken => {
                    self.claims.release(&task.trial)?;
                    return Ok(true);
                }
                Claim::Held(held) if self.may_be_left(&held) => return Ok(true),
                Claim::Held(_) | Claim::Failed(_) => {}
            }
        }
        Ok(false)
    }

    fn may_be_left(&self, held: &Held) -> bool {
        let own = self.claims.holder();
        let is_earlier_self = held
            .holder
            .as_ref()
            .is_none_or(|holder| (&holder.plan, holder.task) == (&own.plan, own.task));
        is_earlier_self || self.claims.is_silent(held)
    }

    /// Counts what is left to others, and why.
    pub(super) fn leave(
        &self,
        task: &Task,
        store: &Store,
        summary: &mut Summary,
    ) -> Result<(), RunError> {
        let is_own = (self.is_own)(&task.trial);
        if !is_own && store.looks_done(&task.trial) {
            return Ok(self.claims.clear(&task.trial)?);
        }
        match self.claims.take(&task.trial, TakeFrom::Unclaimed)? {
            Claim::Taken => {
                self.claims.release(&task.trial)?;
                match ((self.has_time)(task), is_own) {
                    (false, true) => summary.n_without_time += 1,
                    (false, false) => summary.n_elsewhere += 1,
                    (true, _) => summary.n_not_begun += 1,
                }
            }
            Claim::Held(_) => summary.n_elsewhere += 1,
            Claim::Failed(_) => summary.n_failed_elsewhere += 1,
        }
        Ok(())
    }
}

impl Runner<'_> {
    /// A free slot, and the trial that it is to begin.
    pub(super) fn next(
        &self,
        pool: &mut Pool<'_>,
        looked: &mut Looked,
    ) -> Result<Option<(usize, Waiting)>, RunError> {
        match &self.sharing {
            Some(sharing) => sharing.next(pool, looked, self.store),
            None => Ok(pool.next()),
        }
    }

    /// Shows other processes that the running trials go on, and stops those that another one has taken.
    pub(super) fn beat(&mut self, pool: &mut Pool<'_>) -> Result<(), RunError> {
        let running: Vec<usize> = pool.running().map(|(idx, _)| idx).collect();
        for idx in running {
            let Some(running) = pool.get(idx) else { continue };
            self.store.beat(&running.task.trial);
            self.keep(pool, idx)?;
        }
        Ok(())
    }

    /// Whether a running trial is still this process's own; otherwise it is stopped.
    pub(super) fn keep(&mut self, pool: &mut Pool<'_>, idx: usize) -> Result<bool, RunError> {
        let (Some(sharing), Some(running)) = (&self.sharing, pool.get(idx)) else {
            return Ok(true);
        };
        let trial = &running.task.trial;
        match sharing.claims.keep(trial)? {
            Kept::Still => return Ok(true),
            // Whoever had it meanwhile has given it back.
            Kept::Anew if self.store.looks_done(trial) => sharing.claims.release(trial)?,
            Kept::Anew => return Ok(true),
            Kept::Lost => {}
        }
        let Some(running) = pool.remove(idx) else { return Ok(true) };
        // Its worker is stopped before its folder is left.
        drop(running.worker);
        self.store.leave_attempt(&running.task.trial)?;
        (self.on_event)(RunEvent::Lost(idx));
        pool.wait_behind(idx, running.task);
        Ok(false)
    }

    pub(super) fn release(&self, task: &Task) -> Result<(), StoreError> {
        match &self.sharing {
            Some(sharing) => sharing.claims.release(&task.trial),
            None => Ok(()),
        }
    }
}
