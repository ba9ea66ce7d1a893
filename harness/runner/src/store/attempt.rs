//! Attempts: each process that works on a trial writes into a folder of its own, `<trial>/.attempt.<token>/`.
//!
//! Two may work on one trial at a time: a node that a scheduler took for dead goes on, a file system's locks say yes to
//! everybody. Neither touches what the other writes. What an attempt left behind is removed when its process is known
//! to be dead, or was not heard of for a day by the clock of the machine that keeps the files.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clsrl_files::{again, clock_of};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{StoreError, create_dir, hexadecimal, write_error};

/// How the folder of an attempt begins.
const PREFIX: &str = ".attempt.";

/// The file in it that says whose it is, and whose time is touched while it goes on.
const OWNER: &str = "owner.json";

/// How long an attempt that was not heard of may still go on: it may have been frozen.
pub(super) const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The largest file that says whose an attempt is, and the largest of the kernel's that are read for it.
const MAX_BYTES: u64 = 4096;

/// The process that an attempt belongs to, as it is known on its machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    /// The machine's name.
    host: String,
    /// Which start of the machine.
    boot: String,
    /// In which namespace its number counts.
    namespace: String,
    pid: u32,
}

impl Owner {
    fn this_process() -> Self {
        let kernel_s = |path: &str| {
            let text = clsrl_files::read_to_string(Path::new(path), MAX_BYTES).unwrap_or_default();
            text.trim().to_owned()
        };
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Owner {
            host: kernel_s("/proc/sys/kernel/hostname"),
            boot: kernel_s("/proc/sys/kernel/random/boot_id"),
            namespace: namespace.display().to_string(),
            pid: process::id(),
        }
    }

    /// Whether the process has certainly ended. Of another machine, or of one that tells nothing, nobody knows.
    fn is_dead(&self, here: &Owner) -> bool {
        let is_here =
            (&self.host, &self.boot, &self.namespace) == (&here.host, &here.boot, &here.namespace);
        let is_named =
            [&here.host, &here.boot, &here.namespace].iter().all(|part| !part.is_empty());
        let is_there = |pid: u32| Path::new("/proc").join(pid.to_string()).exists();
        // Where the first process is hidden, others may be as well.
        is_here && is_named && is_there(1) && !is_there(self.pid)
    }
}

/// A name that no other attempt has.
pub(super) fn new_token() -> String {
    static N_MADE: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let n_made = N_MADE.fetch_add(1, Ordering::Relaxed);
    let seed = format!("{:?} {since} {n_made}", Owner::this_process());
    hexadecimal(Sha256::digest(seed))[..12].to_owned()
}

/// The folder of an attempt within a trial's.
pub(super) fn attempt_dir(trial_dir: &Path, token: &str) -> PathBuf {
    trial_dir.join(format!("{PREFIX}{token}"))
}

/// Begins an attempt, so that others know of it.
pub(super) fn begin(dir: &Path) -> Result<(), StoreError> {
    create_dir(dir)?;
    let path = dir.join(OWNER);
    let text = serde_json::to_vec(&Owner::this_process()).expect("an owner is plain data");
    clsrl_files::replace(&path, &text).map_err(|source| write_error(&path, source))
}

/// Lets the others know that an attempt goes on. Where that cannot be written, they find out by its process.
pub(super) fn beat(dir: &Path) {
    let _ = clsrl_files::touch(&dir.join(OWNER));
}

/// The folders of the other attempts at a trial, in the order of their names.
pub(super) fn others(trial_dir: &Path, token: &str) -> Vec<PathBuf> {
    let own = attempt_dir(trial_dir, token);
    let Ok(entries) = again(|| fs::read_dir(trial_dir)) else { return Vec::new() };
    let is_attempt = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(PREFIX) && *path != own
    };
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_attempt).collect();
    found.sort();
    found
}

/// Whether nobody works on an attempt any more.
pub(super) fn is_over(dir: &Path) -> bool {
    let Ok(trial_dir) = dir.parent().ok_or(()) else { return false };
    let path = dir.join(OWNER);
    let owner = clsrl_files::read(&path, MAX_BYTES)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Owner>(&bytes).ok());
    let is_ours = |path: &Path| {
        let uid = |path: &Path| fs::symlink_metadata(path).map(|found| found.uid()).ok();
        // The kernel may hide the processes of other users.
        uid(path).is_some() && uid(path) == uid(Path::new("/proc/self"))
    };
    if owner.is_some_and(|owner| is_ours(&path) && owner.is_dead(&Owner::this_process())) {
        return true;
    }
    let heard = fs::symlink_metadata(&path).or_else(|_| fs::symlink_metadata(dir));
    let heard = heard.and_then(|found| found.modified());
    let Some((heard, now)) = heard.ok().zip(clock_of(trial_dir).ok()) else { return false };
    now.duration_since(heard).is_ok_and(|silence| LIFETIME <= silence)
}

/// Removes an attempt's folder. What says whose it is goes last, so that a removal cut short is gone on with.
pub(super) fn remove(dir: &Path) -> Result<(), StoreError> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    let gone = |result: std::io::Result<()>| match result {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(write_error(dir, source)),
        _ => Ok(()),
    };
    for entry in entries.flatten().filter(|entry| entry.file_name() != OWNER) {
        let path = entry.path();
        gone(match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        })?;
    }
    gone(fs::remove_dir_all(dir))
}
