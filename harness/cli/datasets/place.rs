//! Where datasets are, and the lock that they are compared with.

use std::path::PathBuf;

use anyhow::anyhow;
use clsrl_data::{
    datasets::{Dataset, Links},
    lock::{lock_key_of, recorded_links},
};
use clsrl_spec::{
    DatasetId,
    lock::{Lock, LockEntry, LockKey},
};

use crate::{
    cache::sidecars_dir,
    exit::{Exit, describe},
    inputs::data_dir,
    locked::{LOCK, find_lock, read_lock},
    options::DatasetsOptions,
    progress::Detail,
    project::{LockFile, Project},
    suites::read_suite,
};

/// The suite whose drawn datasets stand in where no folder is given.
const DEFAULT_SUITE: &str = "smoke";

/// The datasets that were asked for, and what they are compared with.
pub struct Place {
    /// The folder of the datasets' folders.
    pub data_dir: PathBuf,
    /// The folder of the lock's file lists.
    pub sidecars: PathBuf,
    /// The lock's file.
    pub lock_file: LockFile,
    lock: Lock,
    /// The datasets whose folders are there, or that were named.
    pub ids: Vec<DatasetId>,
    /// The datasets that were not named and are not there.
    pub absent: Vec<DatasetId>,
    /// Whether links are followed wherever they lead, to record that.
    follows_links: bool,
}

impl Place {
    /// Looks where the options say; only what writes a lock needs none.
    pub fn find(options: &DatasetsOptions, writes: bool, detail: Detail) -> anyhow::Result<Self> {
        let project = Project::find()?;
        let suite = read_suite(&project, DEFAULT_SUITE, None)?;
        let lock_file = match &options.data.lock {
            None => project.lock(LOCK),
            Some(path) if writes => LockFile::named(path),
            given => LockFile::named(&find_lock(&project, given.as_deref())?),
        };
        let (_, lock) = read_lock(&lock_file.read)?;
        let data_dir = data_dir(&suite, options.data.dir.as_deref(), detail)?;
        let is_there = |id: &DatasetId| data_dir.join(id.folder()).exists();
        let (ids, absent) = match options.ids.is_empty() {
            true => DatasetId::ALL.into_iter().partition(is_there),
            false => (options.ids.clone(), Vec::new()),
        };
        let sidecars = sidecars_dir(options.data.sidecars.as_deref())?;
        let follows_links = writes;
        Ok(Place { data_dir, sidecars, lock_file, lock, ids, absent, follows_links })
    }

    /// Ends with the code for an empty selection if there is no dataset at all.
    pub fn expect_some(&self, detail: Detail) -> anyhow::Result<()> {
        if self.ids.is_empty() {
            let dir = self.data_dir.display();
            return Err(Exit::NothingSelected.because(anyhow!(
                "there is no dataset in `{dir}`\n\
                 hint: CoOp's DATASETS.md tells how the folders are named"
            )));
        }
        if !self.absent.is_empty() {
            let absent: Vec<&str> = self.absent.iter().map(|id| id.as_str()).collect();
            detail.say(&format!("not there, and left out: {}", absent.join(", ")));
        }
        Ok(())
    }

    /// A dataset's folder.
    pub fn dir(&self, id: DatasetId) -> PathBuf {
        self.data_dir.join(id.folder())
    }

    /// The lock's table of a dataset.
    pub fn key(&self, id: DatasetId) -> LockKey {
        lock_key_of(id, &self.data_dir)
    }

    /// What the lock says of a dataset.
    pub fn entry(&self, id: DatasetId) -> Option<&LockEntry> {
        self.lock.entry(self.key(id))
    }

    /// Opens a dataset's lists, or says in one text why they cannot be read.
    pub fn open(&self, id: DatasetId) -> Result<Dataset, String> {
        let links = match self.follows_links {
            true => Links::Everywhere,
            false => recorded_links(&self.sidecars, id, &self.data_dir),
        };
        Dataset::open_with_links(id, &self.data_dir, links).map_err(|error| {
            let message = describe(&error.into());
            message.trim_start_matches("error: ").trim_end().to_owned()
        })
    }
}
