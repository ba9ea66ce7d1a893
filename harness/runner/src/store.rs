//! The results folder: `<results>/<suite>/<trial>/` with the record of the training, and a record and
//! the predictions of every cell.
//!
//! A record is published once ([`publish`]), and a cell's comes last: its presence means that the cell is done,
//! nothing else does. Who reads a record reads it here, held to its seal, to the trial and cell that it stands for,
//! and to the predictions that it counts.

mod publish;
mod bring;
mod attempt;
mod claims;
mod checkpoint;
mod state;
mod answers;
mod last_run;
mod names;
mod record_file;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_files::{FileLock, has_no_locks};
use clsrl_spec::{
    CellKey, CellRecord, Identity, Prediction, RECORD_VERSION, TrainingRecord, Trial,
};

pub(crate) use self::publish::{Publication, Published, RecordError};
use self::{
    answers::{Expected, Fault},
    names::{check_cell_names, check_training_names},
    record_file::RecordFile,
};
pub use self::{
    checkpoint::fine_tune_of,
    claims::{Claim, Claims, FailureNote, Held, Holder, Kept, TakeFrom},
    last_run::LastRun,
    record_file::NOT_RUN,
};

/// The file of a fine-tune's record, in a trial's folder.
const TRAINING: &str = "training.json";

/// The results of one suite on disk.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
    /// What the folders of this process's attempts are named by.
    token: String,
}

/// A record that was held to everything that can be known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified<R> {
    /// The record.
    pub record: R,
    /// What it was made from, as it says.
    pub identity: Identity,
    /// Whether it has a seal; those before version 6 of the format have none.
    pub is_sealed: bool,
    /// SHA-256 of the predictions that it was held to; none of a fine-tune's record.
    predictions: Option<String>,
}

impl Verified<CellRecord> {
    /// SHA-256 of the predictions that the record was held to, hexadecimal.
    pub(crate) fn answers_digest(&self) -> &str {
        self.predictions.as_deref().unwrap_or_default()
    }
}

/// A record as it was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored<R> {
    /// There is one, sound.
    Present(Box<Verified<R>>),
    /// There is none that can be believed, and why.
    Missing(String),
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
    /// What the last run asked for cannot be read.
    #[error(
        "`{}`, which says what the last run asked for, is damaged: {reason}\nhint: `run` writes it \
         again, and makes nothing twice; without the file a selection must be named",
        path.display()
    )]
    LastRun {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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
    /// None where the file system has no locks; results are safe without, and work may be done twice.
    lock: Option<FileLock>,
}

impl StoreLock {
    /// Whether nothing keeps others from writing at the same time.
    pub fn is_missing(&self) -> bool {
        self.lock.is_none()
    }
}

impl Store {
    /// Names the results of a suite; nothing is read or written yet.
    pub fn new(results_dir: &Path, suite: &str) -> Self {
        Store { dir: results_dir.join(suite), token: attempt::new_token() }
    }

    /// The suite's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of a trial.
    pub(crate) fn trial_dir(&self, trial: &Trial) -> PathBuf {
        self.dir.join(trial.key())
    }

    /// Creates the folder and keeps every other run from writing to it, where there are locks.
    pub fn lock(&self) -> Result<StoreLock, StoreError> {
        create_dir(&self.dir)?;
        let path = self.dir.join(".lock");
        match FileLock::try_take(&path) {
            Ok(Some(lock)) => Ok(StoreLock { lock: Some(lock) }),
            Err(error) if has_no_locks(&error) => Ok(StoreLock { lock: None }),
            Ok(None) => Err(StoreError::Locked { dir: self.dir.clone() }),
            Err(source) => Err(write_error(&path, source)),
        }
    }

    /// Waits until nobody else writes a report of these results, and keeps others from it.
    pub fn lock_report(&self) -> Result<StoreLock, StoreError> {
        create_dir(&self.dir)?;
        let path = self.dir.join(".report.lock");
        match FileLock::take(&path) {
            Ok(lock) => Ok(StoreLock { lock: Some(lock) }),
            Err(error) if has_no_locks(&error) => Ok(StoreLock { lock: None }),
            Err(source) => Err(write_error(&path, source)),
        }
    }

    /// Reads the record of a trial's training.
    pub(crate) fn read_training(
        &self,
        trial: &Trial,
    ) -> Result<Stored<TrainingRecord>, StoreError> {
        let path = self.training_path(trial);
        let file: RecordFile<TrainingRecord> = match record_file::read(&path, (trial, None))? {
            Ok(file) => file,
            Err(reason) => return Ok(Stored::Missing(reason)),
        };
        let sound = file.record.check().and_then(|()| check_training_names(trial, &file.identity));
        Ok(match sound {
            Err(reason) => Stored::Missing(damaged("record", &path, &reason)),
            Ok(()) => Stored::Present(Box::new(Verified {
                record: file.record,
                identity: file.identity,
                is_sealed: file.seal.is_some(),
                predictions: None,
            })),
        })
    }

    /// Reads the record of a cell, and holds it to the cell and to its predictions.
    pub(crate) fn read_cell(
        &self,
        trial: &Trial,
        cell: CellKey,
    ) -> Result<Stored<CellRecord>, StoreError> {
        let RecordFile { identity, seal, record } = match self.read_cell_alone(trial, cell)? {
            Ok(file) => file,
            Err(reason) => return Ok(Stored::Missing(reason)),
        };
        let digest = seal.as_ref().and_then(|seal| seal.predictions.as_deref());
        let path = self.predictions_path(trial, cell);
        let expected = Expected { identity: &identity, outcome: &record.outcome, digest };
        match answers::check(&path, &expected) {
            Err(Fault::Store(error)) => Err(error),
            Err(Fault::Damaged(reason)) => {
                Ok(Stored::Missing(damaged("predictions", &path, &reason)))
            }
            Ok(digest) => {
                let (is_sealed, predictions) = (seal.is_some(), Some(digest));
                Ok(Stored::Present(Box::new(Verified { record, identity, is_sealed, predictions })))
            }
        }
    }

    /// Reads the record of a cell without a look at its predictions; the inner error tells why there is none.
    fn read_cell_alone(
        &self,
        trial: &Trial,
        cell: CellKey,
    ) -> Result<Result<RecordFile<CellRecord>, String>, StoreError> {
        let path = self.cell_path(trial, cell);
        let file: RecordFile<CellRecord> = match record_file::read(&path, (trial, Some(cell)))? {
            Ok(file) => file,
            Err(reason) => return Ok(Err(reason)),
        };
        let sound = file.record.check().and_then(|()| check_cell_names((trial, cell), &file));
        Ok(match sound {
            Ok(()) => Ok(file),
            Err(reason) => Err(damaged("record", &path, &reason)),
        })
    }

    /// What a stored cell was made from, as its record says; its predictions are not looked at. `None` if there
    /// is no record that can be believed.
    pub(crate) fn read_cell_identity(
        &self,
        trial: &Trial,
        cell: CellKey,
    ) -> Result<Option<Identity>, StoreError> {
        Ok(self.read_cell_alone(trial, cell)?.ok().map(|file| file.identity))
    }

    /// Whether all records of a trial have their names; what they say is not looked at.
    pub fn looks_done(&self, trial: &Trial) -> bool {
        let cells = trial.cells().into_iter().map(|cell| self.cell_path(trial, cell));
        cells.chain([self.training_path(trial)]).all(|path| path.exists())
    }

    /// Reads the predictions that a cell's record was held to; an error tells why they are not there any more.
    pub fn read_predictions(
        &self,
        trial: &Trial,
        cell: &Verified<CellRecord>,
    ) -> Result<Vec<Prediction>, String> {
        let path = self.predictions_path(trial, cell.record.outcome.cell);
        let digest = cell.predictions.as_deref().unwrap_or_default();
        answers::read(&path, digest).map_err(|fault| match fault {
            Fault::Damaged(reason) => damaged("predictions", &path, &reason),
            Fault::Store(error) => error.to_string(),
        })
    }

    /// The ids of the identities that a trial's records are of now.
    pub(crate) fn identities_there(&self, trial: &Trial) -> BTreeSet<String> {
        let training = match self.read_training(trial) {
            Ok(Stored::Present(found)) => Some(found.identity),
            _ => None,
        };
        let of_cell = |cell| self.read_cell_identity(trial, cell).ok().flatten();
        let of_cells = trial.cells().into_iter().filter_map(of_cell);
        training.into_iter().chain(of_cells).map(|identity| identity.id()).collect()
    }

    /// The file of a trial's training record.
    pub(crate) fn training_path(&self, trial: &Trial) -> PathBuf {
        self.trial_dir(trial).join(TRAINING)
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

fn damaged(what: &str, path: &Path, reason: &str) -> String {
    let (are, path) = (if what == "record" { "is" } else { "are" }, path.display());
    format!("its {what} `{path}` {are} damaged: {reason}")
}

fn hexadecimal(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn create_dir(dir: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(dir).map_err(|source| write_error(dir, source))
}

fn write_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Write { path: path.to_owned(), source }
}

/// Publishes in place of whatever is there, for tests.
#[cfg(test)]
impl Store {
    pub(crate) fn write_training(
        &self,
        trial: &Trial,
        identity: &Identity,
        record: &TrainingRecord,
    ) -> Result<(), RecordError> {
        let replaces = self.identities_there(trial);
        let publication = Publication { trial, identity, record, replaces: &replaces };
        self.mark_checkpoint(trial, identity, record)?;
        self.publish_training(publication, &|_| Ok(true)).map(|_| ())
    }

    pub(crate) fn write_cell(
        &self,
        trial: &Trial,
        identity: &Identity,
        record: &CellRecord,
        predictions: &[Prediction],
    ) -> Result<(), RecordError> {
        let replaces = self.identities_there(trial);
        let publication = Publication { trial, identity, record, replaces: &replaces };
        self.publish_cell(publication, predictions).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
