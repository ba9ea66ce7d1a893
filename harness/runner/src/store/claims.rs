//! Claims: who works on which trial of a results folder that several processes share.
//!
//! A claim is a file, `<suite>/.claims/<trial>.json`. It is taken as a record is published, so of many that ask at once
//! one gets it, and its holder touches it while it goes on. Its age is told by the machine that keeps the files, whose
//! clock is the same for everybody; one that was not touched for so long is expired, and whoever takes it away first
//! may claim the trial anew. A process that was frozen finds another's claim when it wakes up, and stops.
//!
//! Claims save work and guard nothing: where two work on one trial all the same, publication sorts it out.

use std::{
    cell::Cell,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use clsrl_files::{FileId, again, clock_of, remove_leftovers, retire};
use clsrl_spec::Trial;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, attempt, create_dir, write_error};

/// The folder of claims in a suite's.
const DIR: &str = ".claims";

/// The largest claim that is read.
const MAX_BYTES: u64 = 1 << 16;

/// So many beats fit into a claim's lifetime.
const BEATS: u32 = 15;

/// After so many beats that did not come, something may be wrong with its holder.
const SILENT_BEATS: u32 = 3;

/// How often a claim is looked at again that others take and give up at the same time.
const N_TRIES: usize = 100;

/// How long graves and probes of others are left alone.
const SWEEP_AFTER: Duration = Duration::from_secs(3600);

/// Who holds a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The id of the plan that it works on.
    pub plan: String,
    /// Its task in that plan.
    pub task: usize,
    /// What a scheduler calls it; empty without one.
    pub job: String,
    /// The machine's name.
    pub host: String,
}

/// A trial's failure, which keeps other tasks of the same plan from trying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureNote {
    /// Whose trial failed.
    pub holder: Holder,
    /// How.
    pub reason: String,
    /// Whether the reason may be the machine's: then another task tries it once more.
    pub is_of_slot: bool,
}

/// The file of a claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimFile {
    holder: Holder,
    /// What no other process has.
    token: String,
}

/// A claim as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Whose it is; none if that cannot be read.
    pub holder: Option<Holder>,
    /// How long its holder was not heard of.
    pub silence: Duration,
}

/// What came of asking for a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is this process's own.
    Taken,
    /// Another one has it.
    Held(Held),
    /// It failed under this plan, and is not tried again.
    Failed(FailureNote),
}

/// What became of a claim since it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is this process's own as before.
    Still,
    /// It was gone, and is taken anew: another process may have done everything meanwhile.
    Anew,
    /// Another process has it.
    Lost,
}

/// From whom a trial may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeFrom {
    /// From nobody.
    Unclaimed,
    /// Also from a holder that was not heard of for a claim's lifetime.
    Expired,
}

/// The claims of one process on the trials of a results folder.
#[derive(Debug)]
pub struct Claims {
    dir: PathBuf,
    holder: Holder,
    token: String,
    lifetime: Duration,
    /// The file server's time, and when it was asked.
    clock: Cell<Option<(Instant, SystemTime)>>,
}

impl Claims {
    /// Makes the folder of claims ready for a holder, and removes what others left behind in it long ago.
    pub fn open(store: &Store, holder: Holder, lifetime: Duration) -> Result<Self, StoreError> {
        let dir = store.dir().join(DIR);
        create_dir(&dir)?;
        remove_leftovers(&dir, SWEEP_AFTER.max(lifetime))
            .map_err(|source| write_error(&dir, source))?;
        let (token, clock) = (attempt::new_token(), Cell::new(None));
        Ok(Claims { dir, holder, token, lifetime, clock })
    }

    /// Who holds what is taken here.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// How often a claim is to be kept.
    pub fn beat(&self) -> Duration {
        self.lifetime / BEATS
    }

    /// Asks for a trial.
    pub fn take(&self, trial: &Trial, from: TakeFrom) -> Result<Claim, StoreError> {
        if let Some(note) = self.failure_of(trial) {
            return Ok(Claim::Failed(note));
        }
        let path = self.path(trial);
        for _ in 0..N_TRIES {
            let Some((file, seen)) = self.look(&path)? else {
                if self.publish(&path)? {
                    return Ok(Claim::Taken);
                }
                continue;
            };
            if self.is_own(file.as_ref()) {
                return Ok(Claim::Taken);
            }
            let silence = self.age(seen)?;
            if silence < self.lifetime || from == TakeFrom::Unclaimed {
                return Ok(Claim::Held(Held { holder: file.map(|file| file.holder), silence }));
            }
            // It is put back if its holder touches it at this moment.
            retire(&path, seen).map_err(|source| write_error(&path, source))?;
        }
        let others = io::Error::other("others take and give up the claim all the time");
        Err(write_error(&path, others))
    }

    /// Shows that this process goes on with a trial.
    pub fn keep(&self, trial: &Trial) -> Result<Kept, StoreError> {
        let path = self.path(trial);
        for _ in 0..N_TRIES {
            match self.look(&path)? {
                Some((file, _)) if self.is_own(file.as_ref()) => match clsrl_files::touch(&path) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    touched => {
                        return touched.map(|()| Kept::Still).map_err(|e| write_error(&path, e));
                    }
                },
                Some(_) => return Ok(Kept::Lost),
                // Somebody looks at it this very moment, or has given back what was taken from here.
                None => {
                    if self.publish(&path)? {
                        return Ok(Kept::Anew);
                    }
                }
            }
        }
        Ok(Kept::Lost)
    }

    /// Gives a trial back, if it is still this process's own.
    pub fn release(&self, trial: &Trial) -> Result<(), StoreError> {
        let path = self.path(trial);
        match self.look(&path)? {
            Some((file, seen)) if self.is_own(file.as_ref()) => {
                retire(&path, seen).map_err(|source| write_error(&path, source))
            }
            _ => Ok(()),
        }
    }

    /// Takes away what a holder who was killed left of a trial that is done.
    pub fn clear(&self, trial: &Trial) -> Result<(), StoreError> {
        let path = self.path(trial);
        match self.look(&path)? {
            Some((_, seen)) => retire(&path, seen).map_err(|source| write_error(&path, source)),
            None => Ok(()),
        }
    }

    /// Notes that a trial failed, so that no other task of this plan does the same again.
    pub fn note_failure(
        &self,
        trial: &Trial,
        reason: &str,
        is_of_slot: bool,
    ) -> Result<(), StoreError> {
        let path = self.failure_path(trial);
        let earlier = read_json::<FailureNote>(&path);
        let failed_before = earlier.is_some_and(|note| note.holder.plan == self.holder.plan);
        let note = FailureNote {
            holder: self.holder.clone(),
            reason: reason.to_owned(),
            is_of_slot: is_of_slot && !failed_before,
        };
        let text = serde_json::to_vec(&note).expect("a note is plain data");
        clsrl_files::replace(&path, &text).map_err(|source| write_error(&path, source))
    }

    /// Whether a holder was not heard of for so long that something may be wrong with it.
    pub fn is_silent(&self, held: &Held) -> bool {
        self.beat() * SILENT_BEATS <= held.silence
    }

    /// The failure that keeps this process from a trial.
    fn failure_of(&self, trial: &Trial) -> Option<FailureNote> {
        let note = read_json::<FailureNote>(&self.failure_path(trial))?;
        let is_tried_here = note.is_of_slot && note.holder.task != self.holder.task;
        (note.holder.plan == self.holder.plan && !is_tried_here).then_some(note)
    }

    fn path(&self, trial: &Trial) -> PathBuf {
        self.dir.join(format!("{}.json", trial.key()))
    }

    fn failure_path(&self, trial: &Trial) -> PathBuf {
        self.dir.join(format!("{}.failed", trial.key()))
    }

    fn publish(&self, path: &Path) -> Result<bool, StoreError> {
        let file = ClaimFile { holder: self.holder.clone(), token: self.token.clone() };
        let text = serde_json::to_vec(&file).expect("a claim is plain data");
        clsrl_files::publish(path, &text).map_err(|source| write_error(path, source))
    }

    fn is_own(&self, file: Option<&ClaimFile>) -> bool {
        file.is_some_and(|file| file.token == self.token)
    }

    /// The claim that is there, and which file it is that says so.
    fn look(&self, path: &Path) -> Result<Option<(Option<ClaimFile>, FileId)>, StoreError> {
        let read_error = |source| StoreError::Read { path: path.to_owned(), source };
        let mut seen = FileId::of(path).map_err(read_error)?;
        for _ in 0..N_TRIES {
            // Opening it asks a file server for its time anew.
            let file = read_json(path);
            let now = FileId::of(path).map_err(read_error)?;
            if seen == now {
                return Ok(seen.map(|seen| (file, seen)));
            }
            seen = now;
        }
        Ok(seen.map(|seen| (None, seen)))
    }

    fn age(&self, seen: FileId) -> Result<Duration, StoreError> {
        let asked = self.clock.get().filter(|(at, _)| at.elapsed() < self.beat());
        let (at, then) = match asked {
            Some(asked) => asked,
            None => {
                let now = clock_of(&self.dir).map_err(|source| write_error(&self.dir, source))?;
                self.clock.set(Some((Instant::now(), now)));
                (Instant::now(), now)
            }
        };
        Ok((then + at.elapsed()).duration_since(seen.modified()).unwrap_or_default())
    }
}

impl Store {
    /// The claims that are there, by the keys of their trials, as they can be read without taking part.
    pub fn claims_there(&self) -> Vec<(String, Held)> {
        let dir = self.dir().join(DIR);
        let now = clock_of(&dir).unwrap_or(SystemTime::UNIX_EPOCH);
        let held = |path: PathBuf| {
            let modified = FileId::of(&path).ok().flatten()?.modified();
            let silence = now.duration_since(modified).unwrap_or_default();
            Some(Held { holder: read_json::<ClaimFile>(&path).map(|file| file.holder), silence })
        };
        let named = names_in(&dir, ".json").into_iter();
        named
            .filter_map(|key| held(dir.join(format!("{key}.json"))).map(|held| (key, held)))
            .collect()
    }

    /// What is noted of trials that failed, by their keys.
    pub fn failures_there(&self) -> Vec<(String, FailureNote)> {
        let dir = self.dir().join(DIR);
        let named = names_in(&dir, ".failed").into_iter();
        named
            .filter_map(|key| read_json(&dir.join(format!("{key}.failed"))).map(|note| (key, note)))
            .collect()
    }

    /// Removes the claims that holders of one plan left, whose jobs are known to have ended.
    pub fn remove_claims(&self, is_over: &dyn Fn(&Holder) -> bool) -> Result<usize, StoreError> {
        let dir = self.dir().join(DIR);
        let mut n_removed = 0;
        for key in names_in(&dir, ".json") {
            let path = dir.join(format!("{key}.json"));
            let file: Option<ClaimFile> = read_json(&path);
            let seen = FileId::of(&path)
                .map_err(|source| StoreError::Read { path: path.clone(), source })?;
            if let Some(seen) = seen.filter(|_| file.is_some_and(|file| is_over(&file.holder))) {
                retire(&path, seen).map_err(|source| write_error(&path, source))?;
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }
}

/// The names in a folder that end so, without their ends, in order.
fn names_in(dir: &Path, ending: &str) -> Vec<String> {
    let Ok(entries) = again(|| fs::read_dir(dir)) else { return Vec::new() };
    let name = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        (!name.starts_with('.')).then_some(name)?.strip_suffix(ending).map(str::to_owned)
    };
    let mut names: Vec<String> = entries.flatten().filter_map(name).collect();
    names.sort();
    names
}

/// What a file says; none if there is no file, or none that can be understood.
fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    let bytes = clsrl_files::read(path, MAX_BYTES).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests;
