//! Where a dataset's links may lead: into the places that the user named, and nowhere else.
//!
//! Named are the folder that holds the datasets' folders, the dataset's own, and the folders that links led
//! to when `datasets lock` last ran: whoever locks a dataset accepts where its links lead.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Which links are followed that lead out of the folders of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Links {
    /// Those into these folders, which have no links in their paths.
    Into(Vec<PathBuf>),
    /// All of them, to find out where they lead.
    Everywhere,
}

impl Links {
    /// No link that leaves the folders of the data.
    pub const NONE: Links = Links::Into(Vec::new());
}

/// The places of one dataset, without links in their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    named: Vec<PathBuf>,
    links: Links,
}

/// A place that nobody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outside;

impl Places {
    /// The places of the dataset in `dir`.
    pub fn new(dir: &Path, links: Links) -> Self {
        let folders = [dir.parent(), Some(dir)];
        let named = folders.into_iter().flatten().filter_map(|dir| fs::canonicalize(dir).ok());
        // Without a folder above it, as a relative path of one name has none, the dataset's own is enough.
        Places { named: named.collect(), links }
    }

    /// Whether a path without links lies in one of them. Where it does and nobody named the place, `beyond` is
    /// given its folder.
    pub(crate) fn admit(
        &self,
        target: &Path,
        beyond: &mut BTreeSet<PathBuf>,
    ) -> Result<(), Outside> {
        if self.named.iter().any(|place| target.starts_with(place)) {
            return Ok(());
        }
        match &self.links {
            Links::Into(folders) if folders.iter().any(|place| target.starts_with(place)) => Ok(()),
            Links::Into(_) => Err(Outside),
            Links::Everywhere => {
                let folder = if target.is_dir() { Some(target) } else { target.parent() };
                beyond.extend(folder.map(Path::to_owned));
                Ok(())
            }
        }
    }

    /// Whether every link is followed.
    pub(crate) fn follow_everywhere(&self) -> bool {
        self.links == Links::Everywhere
    }

    /// Which links are followed that lead out of the folders of the data.
    pub fn links(&self) -> &Links {
        &self.links
    }
}
