//! The results folder: `<results>/<suite>/<trial>/` with the record of the training, and a record and
//! the predictions of every cell.
//!
//! A file is written under a temporary name, synced and renamed, and a cell's record comes last: its
//! presence means that the cell is done, nothing else does.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use clsrl_spec::{
    CellKey, CellRecord, DatasetId, Identity, MethodId, OLDEST_RECORD_VERSION, Prediction,
    RECORD_VERSION, Seed, TrainingRecord, Trial,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The file within a checkpoint that tells which training it is the whole result of.
const CHECKPOINT_MARK: &str = "training-id";

/// The file that tells what the last run asked for.
const LAST_RUN: &str = "last-run.json";

/// The results of one suite on disk.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
}

/// A record as it was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored<R> {
    /// There is one, made by the trial that its identity describes.
    Present(Identity, Box<R>),
    /// There is none that can be read, and why.
    Missing(String),
}

/// What the last run asked for, and with what: a report is written again from results alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastRun {
    /// The start model, by name.
    pub model: String,
    /// Where the pictures came from, by name.
    pub data: String,
    /// The methods that were asked for; empty for all, as in the lists below.
    pub methods: Vec<MethodId>,
    /// The datasets.
    pub datasets: Vec<DatasetId>,
    /// The numbers of training pictures per class.
    pub shots: Vec<usize>,
    /// The seeds.
    pub seeds: Vec<Seed>,
    /// The limit of pictures per target.
    pub limit: Option<usize>,
}

/// Why the results folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error(
        "cannot write `{}`\nhint: what was finished before is kept; make room or allow writing \
         there, then run the same command again",
        path.display()
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A record was written by a newer program.
    #[error(
        "`{}` has record version {found}, expected at most {RECORD_VERSION}\nhint: a newer program \
         wrote it; use that one, or another results folder",
        path.display()
    )]
    Newer {
        /// The record.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// Another run is writing.
    #[error(
        "another run is writing to `{}`\nhint: wait until it ends, or give this one another \
         folder with --out",
        dir.display()
    )]
    Locked {
        /// The suite's results folder.
        dir: PathBuf,
    },
}

/// Held while a run writes; the lock ends with the value, or with the process.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

#[derive(Serialize)]
struct Written<'a, R> {
    version: u32,
    identity: &'a Identity,
    record: &'a R,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "R: DeserializeOwned")]
struct Read<R> {
    #[serde(rename = "version")]
    _version: u64,
    identity: Identity,
    record: R,
}

impl Store {
    /// Names the results of a suite; nothing is read or written yet.
    pub fn new(results_dir: &Path, suite: &str) -> Self {
        Store { dir: results_dir.join(suite) }
    }

    /// The suite's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of a trial.
    pub(crate) fn trial_dir(&self, trial: &Trial) -> PathBuf {
        self.dir.join(trial.key())
    }

    /// Where a trial's tuned weights wait until all its cells are done.
    pub(crate) fn checkpoint_dir(&self, trial: &Trial) -> PathBuf {
        self.trial_dir(trial).join("checkpoint")
    }

    /// Creates the folder and keeps every other run from writing to it.
    pub fn lock(&self) -> Result<StoreLock, StoreError> {
        create_dir(&self.dir)?;
        let path = self.dir.join(".lock");
        let file = File::create(&path).map_err(|source| write_error(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(StoreLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: self.dir.clone() }),
            Err(TryLockError::Error(source)) => Err(write_error(&path, source)),
        }
    }

    /// Reads the record of a trial's training.
    pub(crate) fn read_training(
        &self,
        trial: &Trial,
    ) -> Result<Stored<TrainingRecord>, StoreError> {
        read_record(&self.training_path(trial))
    }

    /// Reads the record of a cell.
    pub(crate) fn read_cell(
        &self,
        trial: &Trial,
        cell: CellKey,
    ) -> Result<Stored<CellRecord>, StoreError> {
        read_record(&self.cell_path(trial, cell))
    }

    /// What a stored cell was made from and scored by, as its record says; `None` if there is no record
    /// that can be read.
    pub fn read_cell_identity(
        &self,
        trial: &Trial,
        cell: CellKey,
    ) -> Result<Option<Identity>, StoreError> {
        match self.read_cell(trial, cell)? {
            Stored::Present(identity, _) => Ok(Some(identity)),
            Stored::Missing(_) => Ok(None),
        }
    }

    /// Reads the predictions of a cell; an error tells why there are none to be read.
    pub fn read_predictions(
        &self,
        trial: &Trial,
        cell: CellKey,
    ) -> Result<Vec<Prediction>, String> {
        let path = self.predictions_path(trial, cell);
        let file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("its predictions `{}` are missing", path.display()),
            _ => format!("its predictions `{}` cannot be read: {error}", path.display()),
        })?;
        let read = |(position, line): (usize, io::Result<String>)| {
            let prediction = line.and_then(|line| Ok(serde_json::from_str(&line)?));
            prediction.map_err(|error| {
                let line = position + 1;
                format!("its predictions `{}` are damaged at line {line}: {error}", path.display())
            })
        };
        BufReader::new(file).lines().enumerate().map(read).collect()
    }

    /// Reads what the last run asked for; `None` if that is not known.
    pub fn read_last_run(&self) -> Option<LastRun> {
        let bytes = fs::read(self.dir.join(LAST_RUN)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes what this run asks for.
    pub fn write_last_run(&self, last_run: &LastRun) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(last_run).expect("names are plain data");
        text.push(b'\n');
        write_atomically(&self.dir.join(LAST_RUN), &text)
    }

    /// Whether the checkpoint is the whole result of the training that this identity describes.
    pub(crate) fn has_checkpoint(&self, trial: &Trial, identity: &Identity) -> bool {
        let mark = self.checkpoint_dir(trial).join(CHECKPOINT_MARK);
        fs::read_to_string(mark).is_ok_and(|id| id == identity.id())
    }

    /// Makes a trial's folder ready to be written: no leftover of an interrupted write, and no
    /// checkpoint unless it is to be kept.
    pub(crate) fn prepare(&self, trial: &Trial, keep_checkpoint: bool) -> Result<(), StoreError> {
        let dir = self.trial_dir(trial);
        create_dir(&dir)?;
        remove_temporaries(&dir)?;
        if keep_checkpoint { Ok(()) } else { self.remove_checkpoint(trial) }
    }

    /// Writes the record of a training, and marks its checkpoint, if there is one, as whole.
    pub(crate) fn write_training(
        &self,
        trial: &Trial,
        identity: &Identity,
        record: &TrainingRecord,
    ) -> Result<(), StoreError> {
        write_record(&self.training_path(trial), identity, record)?;
        let checkpoint = self.checkpoint_dir(trial);
        if !checkpoint.is_dir() {
            return Ok(());
        }
        write_atomically(&checkpoint.join(CHECKPOINT_MARK), identity.id().as_bytes())
    }

    /// Writes the predictions of a cell, then its record.
    pub(crate) fn write_cell(
        &self,
        trial: &Trial,
        identity: &Identity,
        record: &CellRecord,
        predictions: &[Prediction],
    ) -> Result<(), StoreError> {
        let cell = record.outcome.cell;
        let mut lines = Vec::new();
        for prediction in predictions {
            serde_json::to_writer(&mut lines, prediction).expect("a prediction is plain data");
            lines.push(b'\n');
        }
        write_atomically(&self.predictions_path(trial, cell), &lines)?;
        write_record(&self.cell_path(trial, cell), identity, record)
    }

    /// Removes a trial's checkpoint, if there is one.
    pub(crate) fn remove_checkpoint(&self, trial: &Trial) -> Result<(), StoreError> {
        let checkpoint = self.checkpoint_dir(trial);
        // The mark goes first, so that a removal cut short leaves nothing that looks whole.
        for result in
            [fs::remove_file(checkpoint.join(CHECKPOINT_MARK)), fs::remove_dir_all(&checkpoint)]
        {
            match result {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(write_error(&checkpoint, source));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The file of a trial's training record.
    pub(crate) fn training_path(&self, trial: &Trial) -> PathBuf {
        self.trial_dir(trial).join("training.json")
    }

    /// The file of a cell's record.
    pub(crate) fn cell_path(&self, trial: &Trial, cell: CellKey) -> PathBuf {
        self.trial_dir(trial).join(format!("{cell}.json"))
    }

    /// The file of a cell's predictions.
    pub(crate) fn predictions_path(&self, trial: &Trial, cell: CellKey) -> PathBuf {
        self.trial_dir(trial).join(format!("{cell}.predictions.jsonl"))
    }
}

fn read_record<R: DeserializeOwned>(path: &Path) -> Result<Stored<R>, StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(Stored::Missing("not run yet".to_owned()));
        }
        Err(source) => return Err(StoreError::Read { path: path.to_owned(), source }),
    };
    let damaged = |error: serde_json::Error| {
        Ok(Stored::Missing(format!("its record `{}` is damaged: {error}", path.display())))
    };
    match serde_json::from_slice::<Version>(&bytes) {
        Err(error) => return damaged(error),
        Ok(Version { version }) if u64::from(RECORD_VERSION) < version => {
            return Err(StoreError::Newer { path: path.to_owned(), found: version });
        }
        Ok(Version { version }) if version < u64::from(OLDEST_RECORD_VERSION) => {
            return Ok(Stored::Missing(format!(
                "its record has version {version}, this program reads {OLDEST_RECORD_VERSION} and newer"
            )));
        }
        Ok(_) => {}
    }
    match serde_json::from_slice::<Read<R>>(&bytes) {
        Err(error) => damaged(error),
        Ok(Read { identity, record, .. }) => Ok(Stored::Present(identity, Box::new(record))),
    }
}

fn write_record<R: Serialize>(
    path: &Path,
    identity: &Identity,
    record: &R,
) -> Result<(), StoreError> {
    let written = Written { version: RECORD_VERSION, identity, record };
    let mut text = serde_json::to_vec_pretty(&written).expect("a record is plain data");
    text.push(b'\n');
    write_atomically(path, &text)
}

fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let dir = path.parent().expect("every file of the store lies in a folder");
    let name = path.file_name().expect("every file of the store has a name");
    let temporary = dir.join(format!(".{}.tmp", name.to_string_lossy()));
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|source| write_error(path, source))
}

fn create_dir(dir: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(dir).map_err(|source| write_error(dir, source))
}

fn remove_temporaries(dir: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(dir)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(|source| StoreError::Read { path: dir.to_owned(), source })?;
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".tmp") {
            fs::remove_file(entry.path()).map_err(|source| write_error(&entry.path(), source))?;
        }
    }
    Ok(())
}

fn write_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
