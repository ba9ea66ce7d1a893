//! Tuned weights between a fine-tune and its last cell.
//!
//! An attempt keeps them in its own folder, marked with the fine-tune that they are the whole result of. A later one
//! takes them over by hard links, so that neither can harm the other. `<trial>/checkpoint/` has those that a run left
//! for the next one, or was told to keep.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_files::remove_leftovers;
use clsrl_spec::{Identity, TrainingRecord, Trial};

use super::{
    NOT_RUN, Store, StoreError, TRAINING, Verified, attempt, create_dir,
    record_file::{self, RecordFile},
    write_error,
};

/// The file within a checkpoint that tells which training it is the whole result of.
const MARK: &str = "training-id";

/// The file beside it that tells which weights those are; the checkpoints of earlier programs have none.
const DIGEST: &str = "weights-digest";

/// The largest mark that is read; it is 12 digits, or 64.
const MAX_MARK_BYTES: u64 = 256;

impl Store {
    /// Where a trial's tuned weights are for the next run.
    pub(crate) fn checkpoint_dir(&self, trial: &Trial) -> PathBuf {
        self.trial_dir(trial).join("checkpoint")
    }

    /// Where this process keeps a trial's tuned weights while it works on it.
    pub(crate) fn own_checkpoint_dir(&self, trial: &Trial) -> PathBuf {
        self.attempt_dir(trial).join("checkpoint")
    }

    pub(super) fn attempt_dir(&self, trial: &Trial) -> PathBuf {
        attempt::attempt_dir(&self.trial_dir(trial), &self.token)
    }

    /// The checkpoint that is the whole result of this fine-tune, whoever made it; none if there is no such.
    pub(crate) fn find_checkpoint(
        &self,
        trial: &Trial,
        identity: &Identity,
        record: &TrainingRecord,
    ) -> Option<PathBuf> {
        let others = attempt::others(&self.trial_dir(trial), &self.token);
        let of_attempts = others.into_iter().map(|dir| dir.join("checkpoint"));
        let places = [self.own_checkpoint_dir(trial), self.checkpoint_dir(trial)];
        places.into_iter().chain(of_attempts).find(|dir| is_whole(dir, identity, record))
    }

    /// The folder of a trial's kept weights, by the folder's own word those of this fine-tune; none if there are none.
    pub fn kept_checkpoint(
        &self,
        trial: &Trial,
        fine_tune: &Verified<TrainingRecord>,
    ) -> Option<PathBuf> {
        let dir = self.checkpoint_dir(trial);
        is_whole(&dir, &fine_tune.identity, &fine_tune.record).then_some(dir)
    }

    /// The id of the training that the kept checkpoint is the whole result of; none if there is no whole one.
    pub(crate) fn checkpoint_mark(&self, trial: &Trial) -> Option<String> {
        mark(&self.checkpoint_dir(trial), MARK)
    }

    /// Makes a trial's folder ready to be written: an attempt of this process begins, with the weights of an earlier one
    /// if they are wanted, and what attempts left behind that are over is removed.
    pub(crate) fn prepare(&self, trial: &Trial, weights: Option<&Path>) -> Result<(), StoreError> {
        create_dir(&self.trial_dir(trial))?;
        attempt::begin(&self.attempt_dir(trial))?;
        let own = self.own_checkpoint_dir(trial);
        match weights {
            Some(weights) if *weights != own => take_over(weights, &own)?,
            Some(_) => {}
            None => remove_dir(&own)?,
        }
        self.sweep_trial(trial)
    }

    /// Lets other processes know that this one still works on a trial.
    pub(crate) fn beat(&self, trial: &Trial) {
        attempt::beat(&self.attempt_dir(trial));
    }

    /// Whether another process may be at work on a trial.
    pub(crate) fn has_company(&self, trial: &Trial) -> bool {
        let others = attempt::others(&self.trial_dir(trial), &self.token);
        others.iter().any(|dir| !attempt::is_over(dir))
    }

    /// Marks the checkpoint of this process, if there is one, as the whole result of a fine-tune.
    pub(crate) fn mark_checkpoint(
        &self,
        trial: &Trial,
        identity: &Identity,
        record: &TrainingRecord,
    ) -> Result<(), StoreError> {
        let checkpoint = self.own_checkpoint_dir(trial);
        if !checkpoint.is_dir() {
            return Ok(());
        }
        for (name, text) in [(DIGEST, &record.outcome.weights_digest), (MARK, &identity.id())] {
            let path = checkpoint.join(name);
            clsrl_files::replace(&path, text.as_bytes())
                .map_err(|source| write_error(&path, source))?;
        }
        Ok(())
    }

    /// Takes the mark from the checkpoint of this process, whose record was not the first.
    pub(crate) fn unmark_checkpoint(&self, trial: &Trial) -> Result<(), StoreError> {
        let path = self.own_checkpoint_dir(trial).join(MARK);
        match fs::remove_file(&path) {
            Err(source) if !is_gone(&source) => Err(write_error(&path, source)),
            _ => Ok(()),
        }
    }

    /// Ends the attempt of this process at a trial that is done: its weights are kept, or removed with those that
    /// were kept for it.
    pub(crate) fn end_attempt(&self, trial: &Trial, keep_weights: bool) -> Result<(), StoreError> {
        match keep_weights {
            true => self.leave_checkpoint(trial)?,
            false => remove_checkpoint(&self.checkpoint_dir(trial))?,
        }
        self.remove_state(trial)?;
        attempt::remove(&self.attempt_dir(trial))?;
        self.sweep_trial(trial)
    }

    /// Ends the attempt of this process at a trial that is not done; whole weights, and its middle, stay for the next run.
    pub(crate) fn leave_attempt(&self, trial: &Trial) -> Result<(), StoreError> {
        self.leave_checkpoint(trial)?;
        self.leave_state(trial)?;
        attempt::remove(&self.attempt_dir(trial))
    }

    /// Moves whole weights of this process to where the next run looks first, in place of those that are there.
    fn leave_checkpoint(&self, trial: &Trial) -> Result<(), StoreError> {
        let (own, kept) = (self.own_checkpoint_dir(trial), self.checkpoint_dir(trial));
        if mark(&own, MARK).is_none() {
            return Ok(());
        }
        remove_checkpoint(&kept)?;
        match fs::rename(&own, &kept) {
            Err(source) if source.kind() != io::ErrorKind::DirectoryNotEmpty => {
                Err(write_error(&kept, source))
            }
            // Somebody else was quicker, with weights of the same record.
            _ => Ok(()),
        }
    }

    /// Removes what attempts left behind that are over.
    fn sweep_trial(&self, trial: &Trial) -> Result<(), StoreError> {
        let dir = self.trial_dir(trial);
        self.settle(trial)?;
        remove_leftovers(&dir, attempt::LIFETIME).map_err(|source| write_error(&dir, source))?;
        for other in attempt::others(&dir, &self.token) {
            if attempt::is_over(&other) {
                attempt::remove(&other)?;
            }
        }
        Ok(())
    }

    /// Removes what attempts at trials left behind that are over, but for whole weights of a trial that is not done.
    pub fn sweep<'a>(&self, done: impl IntoIterator<Item = &'a Trial>) -> Result<(), StoreError> {
        let is_there = |trial: &&Trial| self.trial_dir(trial).is_dir();
        done.into_iter().filter(is_there).try_for_each(|trial| {
            self.remove_state(trial)?;
            self.sweep_trial(trial)
        })
    }
}

/// The record of the fine-tune that a checkpoint is the whole result of: it lies beside the checkpoint, as a run leaves
/// it, or in it. An inner error tells why there is none.
///
/// # Errors
///
/// A record that the system does not let be read, or of a newer program.
pub fn fine_tune_of(
    checkpoint: &Path,
) -> Result<Result<Verified<TrainingRecord>, String>, StoreError> {
    let beside = checkpoint.parent().unwrap_or(checkpoint).join(TRAINING);
    let within = checkpoint.join(TRAINING);
    let path = if within.exists() { &within } else { &beside };
    let RecordFile { identity, seal, record } = match record_file::read_fine_tune(path)? {
        Ok(file) => file,
        Err(reason) if reason == NOT_RUN => {
            return Ok(Err(format!("there is no record `{}`", beside.display())));
        }
        Err(reason) => return Ok(Err(reason)),
    };
    if !is_whole(checkpoint, &identity, &record) {
        return Ok(Err(format!("by its mark it is not of the fine-tune of `{}`", path.display())));
    }
    Ok(Ok(Verified { record, identity, is_sealed: seal.is_some(), predictions: None }))
}

/// Whether a checkpoint says that it is the whole result of a fine-tune.
fn is_whole(checkpoint: &Path, identity: &Identity, record: &TrainingRecord) -> bool {
    let digest = mark(checkpoint, DIGEST);
    mark(checkpoint, MARK).is_some_and(|id| id == identity.id())
        && digest.is_none_or(|digest| digest == record.outcome.weights_digest)
}

fn mark(checkpoint: &Path, name: &str) -> Option<String> {
    clsrl_files::read_to_string(&checkpoint.join(name), MAX_MARK_BYTES).ok()
}

/// Gives another checkpoint's files names in an attempt's own, its marks last; copies them where there are no links.
/// Files there are replaced and never changed, so that nothing that happens to the one reaches the other.
fn take_over(from: &Path, to: &Path) -> Result<(), StoreError> {
    remove_dir(to)?;
    let linked = link_folder(from, to).and_then(|()| {
        [DIGEST, MARK].iter().try_for_each(|name| match fs::copy(from.join(name), to.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    });
    match linked {
        // It was removed meanwhile: its trial is done, or a worker finds that something is missing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        linked => linked.map_err(|source| write_error(to, source)),
    }
}

fn link_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let is_mark = name == MARK || name == DIGEST;
        let is_temporary = name.as_encoded_bytes().starts_with(b".");
        let target = to.join(&name);
        if kind.is_dir() {
            link_folder(&entry.path(), &target)?;
        } else if kind.is_file()
            && !is_mark
            && !is_temporary
            && fs::hard_link(entry.path(), &target).is_err()
        {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Removes a checkpoint, if there is one.
fn remove_checkpoint(dir: &Path) -> Result<(), StoreError> {
    // The mark goes first, so that a removal cut short leaves nothing that looks whole.
    match fs::remove_file(dir.join(MARK)) {
        Err(source) if !is_gone(&source) => return Err(write_error(dir, source)),
        _ => {}
    }
    remove_dir(dir)
}

fn remove_dir(dir: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(dir) {
        Err(source) if !is_gone(&source) => Err(write_error(dir, source)),
        _ => Ok(()),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
