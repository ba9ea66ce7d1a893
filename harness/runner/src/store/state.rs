//! The middle of a trial between an attempt and the next: states of its fine-tune, and answers of its cells.
//!
//! What is in the files is the engine's affair. Here they are handed on: an attempt keeps them in its own folder, by the
//! id of the training that they are of, and a later one takes them over by hard links. `<trial>/state/` has those that a
//! run left. A file there is replaced and never changed, so that nothing that happens to one attempt's reaches another's.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_spec::{Identity, Trial};

use super::{Store, StoreError, attempt, create_dir, write_error};

const FOLDER: &str = "state";

/// How the names of a state's files begin; `<step>.json` and `<step>.safetensors` follow.
const STEP: &str = "step-";

/// The file of a state that is written last: with it a state is whole.
const DESCRIPTION: &str = ".json";

impl Store {
    /// Where this process keeps the middle of a trial whose training is this one.
    pub(crate) fn own_state_dir(&self, trial: &Trial, identity: &Identity) -> PathBuf {
        self.attempt_dir(trial).join(FOLDER).join(identity.id())
    }

    /// Takes over what earlier attempts, and attempts that still go on, have kept of a trial's middle.
    pub(crate) fn take_over_state(
        &self,
        trial: &Trial,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        let own = self.own_state_dir(trial, identity);
        let others = attempt::others(&self.trial_dir(trial), &self.token);
        let kept = [self.trial_dir(trial)];
        for other in kept.iter().chain(&others).map(|dir| dir.join(FOLDER).join(identity.id())) {
            hand_on(&other, &own, &|from, to| {
                fs::hard_link(from, to).or_else(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => Err(error),
                    _ => fs::copy(from, to).map(drop),
                })
            })?;
        }
        Ok(())
    }

    /// Leaves the middle of a trial for the next run, in place of what there is of other trainings.
    pub(super) fn leave_state(&self, trial: &Trial) -> Result<(), StoreError> {
        let kept = self.trial_dir(trial).join(FOLDER);
        for own in folders_in(&self.attempt_dir(trial).join(FOLDER)) {
            let id = own.file_name().unwrap_or_default();
            for other in folders_in(&kept).iter().filter(|other| other.file_name() != Some(id)) {
                remove_dir(other)?;
            }
            hand_on(&own, &kept.join(id), &|from, to| fs::rename(from, to))?;
        }
        Ok(())
    }

    /// Forgets the states of a fine-tune that is done.
    pub(crate) fn forget_states(&self, trial: &Trial) -> Result<(), StoreError> {
        for dir in [self.attempt_dir(trial), self.trial_dir(trial)] {
            for states in folders_in(&dir.join(FOLDER)) {
                for name in names_in(&states).iter().filter(|name| name.starts_with(STEP)) {
                    let path = states.join(name);
                    gone(fs::remove_file(&path)).map_err(|source| write_error(&path, source))?;
                }
            }
        }
        Ok(())
    }

    /// Removes what is left of the middle of a trial that is done.
    pub(super) fn remove_state(&self, trial: &Trial) -> Result<(), StoreError> {
        remove_dir(&self.trial_dir(trial).join(FOLDER))
    }
}

/// Hands files on to a folder that has none of the same name, or has an older one. Of states the newest two that are
/// whole go, as there are at most two anywhere.
fn hand_on(
    from: &Path,
    to: &Path,
    hand: &dyn Fn(&Path, &Path) -> io::Result<()>,
) -> Result<(), StoreError> {
    let names = names_in(from);
    let (states, mut others): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| name.starts_with(STEP));
    others.retain(|name| !name.starts_with('.'));
    let newest = newest_two(states.iter().chain(&names_in(to)));
    if others.is_empty() && newest.is_empty() {
        return Ok(());
    }
    create_dir(to)?;
    let is_wanted = |name: &String| newest.iter().any(|step| is_of(name, *step));
    let mut wanted: Vec<&String> = states.iter().filter(|name| is_wanted(name)).collect();
    // What makes a state whole goes last.
    wanted.sort_by_key(|name| name.ends_with(DESCRIPTION));
    for name in wanted {
        let target = to.join(name);
        if !target.exists() {
            gone_or_there(hand(&from.join(name), &target))
                .map_err(|source| write_error(&target, source))?;
        }
    }
    for name in others {
        let (source, target) = (from.join(&name), to.join(&name));
        if n_bytes(&target) < n_bytes(&source) {
            gone(fs::remove_file(&target)).map_err(|source| write_error(&target, source))?;
            gone_or_there(hand(&source, &target)).map_err(|source| write_error(&target, source))?;
        }
    }
    let mut old: Vec<String> = names_in(to);
    old.retain(|name| name.starts_with(STEP) && !is_wanted(name));
    old.sort_by_key(|name| !name.ends_with(DESCRIPTION));
    for name in old {
        let path = to.join(name);
        gone(fs::remove_file(&path)).map_err(|source| write_error(&path, source))?;
    }
    Ok(())
}

/// The steps of the newest two states that are whole.
fn newest_two<'n>(names: impl Iterator<Item = &'n String>) -> Vec<u64> {
    let step = |name: &String| name.strip_prefix(STEP)?.strip_suffix(DESCRIPTION)?.parse().ok();
    let mut steps: Vec<u64> = names.filter_map(step).collect();
    steps.sort_unstable();
    steps.dedup();
    steps.split_off(steps.len().saturating_sub(2))
}

/// Whether a file is of the state after a step.
fn is_of(name: &str, step: u64) -> bool {
    name.strip_prefix(STEP).and_then(|rest| rest.split('.').next()) == Some(&step.to_string())
}

fn n_bytes(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |found| found.len())
}

/// The names of the files in a folder, which may be missing.
fn names_in(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let files =
        entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut names: Vec<String> =
        files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn folders_in(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let folders =
        entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

fn remove_dir(dir: &Path) -> Result<(), StoreError> {
    gone(fs::remove_dir_all(dir)).map_err(|source| write_error(dir, source))
}

/// It does not matter who removed a file.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Somebody removed a file that was to be handed on, or was quicker to hand it on.
fn gone_or_there(handed: io::Result<()>) -> io::Result<()> {
    match handed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        handed => gone(handed),
    }
}

#[cfg(test)]
mod tests;
