//! What can be wrong with a dataset on disk, worded for the person who put it there.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use clsrl_spec::DatasetId;

/// How many faults of one file are named one by one.
const MAX_SHOWN: usize = 20;

/// For whoever has links that leave the data.
const LINK_HINT: &str = "hint: `clsrl-bench datasets lock` with the same --data finds out where the \
                                    dataset's links lead, locks what lies there, and lets runs follow them";

/// A dataset that cannot be used as it lies.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder of CoOp's layout is not there.
    #[error("dataset `{dataset}`: `{}` does not exist\nhint: {hint}", path.display())]
    Missing {
        /// The dataset.
        dataset: DatasetId,
        /// What was looked for.
        path: PathBuf,
        /// Where it can be had.
        hint: String,
    },
    /// A file or folder is there and cannot be read.
    #[error("dataset `{dataset}`: cannot read `{}`", path.display())]
    Read {
        /// The dataset.
        dataset: DatasetId,
        /// What was being read.
        path: PathBuf,
        /// The system's word on it.
        #[source]
        source: io::Error,
    },
    /// A file or folder does not hold what its format asks for.
    #[error("dataset `{dataset}`: `{}` has {faults}", path.display())]
    Malformed {
        /// The dataset.
        dataset: DatasetId,
        /// The file or folder.
        path: PathBuf,
        /// Everything that is wrong with it.
        faults: Faults,
    },
    /// An image's path leads out of the dataset's folder by its text.
    #[error(
        "dataset `{dataset}`: image path `{image}` {fault}, expected a path inside `{}`",
        dir.display()
    )]
    Outside {
        /// The dataset.
        dataset: DatasetId,
        /// The path as the list has it.
        image: String,
        /// In which way it leads out.
        fault: &'static str,
        /// The dataset's folder.
        dir: PathBuf,
    },
    /// An image's path leaves the dataset's places through a symbolic link.
    #[error(
        "dataset `{dataset}`: image path `{image}` leads to `{}`, expected a file inside `{}`\n{LINK_HINT}",
        target.display(),
        dir.display()
    )]
    LinkedOutside {
        /// The dataset.
        dataset: DatasetId,
        /// The path as the list has it.
        image: String,
        /// Where it leads.
        target: PathBuf,
        /// The dataset's folder.
        dir: PathBuf,
    },
    /// A list or a class folder leaves the dataset's places through a symbolic link.
    #[error(
        "dataset `{dataset}`: `{}` leads to `{}`, expected something inside `{}`\n{LINK_HINT}",
        path.display(),
        target.display(),
        dir.display()
    )]
    ListLinkedOutside {
        /// The dataset.
        dataset: DatasetId,
        /// The list or folder.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
        /// The dataset's folder.
        dir: PathBuf,
    },
}

impl DatasetError {
    /// The error of a missing file, for which the hint is meant, or of one that cannot be read.
    pub(super) fn io(dataset: DatasetId, path: &Path, source: io::Error, hint: String) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => DatasetError::Missing { dataset, path, hint },
            _ => DatasetError::Read { dataset, path, source },
        }
    }
}

/// The faults of one file: the first twenty as sentences, the rest as a count.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Faults {
    shown: Vec<String>,
    n_more: usize,
}

impl Faults {
    /// Adds a fault.
    pub(super) fn push(&mut self, fault: String) {
        if self.shown.len() < MAX_SHOWN {
            self.shown.push(fault);
        } else {
            self.n_more += 1;
        }
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Hands `value` on if there is no fault, and all faults of `path` otherwise.
    pub(super) fn or_else<T>(
        self,
        dataset: DatasetId,
        path: &Path,
        value: T,
    ) -> Result<T, DatasetError> {
        if self.is_empty() {
            return Ok(value);
        }
        Err(self.of(dataset, path))
    }

    /// The error with these faults of `path`.
    pub(super) fn of(self, dataset: DatasetId, path: &Path) -> DatasetError {
        DatasetError::Malformed { dataset, path: path.to_owned(), faults: self }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_faults = self.shown.len() + self.n_more;
        write!(f, "{n_faults} {}", if n_faults == 1 { "fault" } else { "faults" })?;
        for fault in &self.shown {
            write!(f, "\n  {fault}")?;
        }
        if 0 < self.n_more {
            write!(f, "\n  ({} more)", self.n_more)?;
        }
        Ok(())
    }
}
