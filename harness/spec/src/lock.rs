//! The lock: what every dataset's lists, annotation files and images must be, by SHA-256.
//!
//! Owns what `datasets.lock` may say, reading it strictly and writing entries into it without touching the
//! rest. How a digest is computed from files is the business of `clsrl-data`.

mod digest;
mod read;
mod changes;
mod write;

use std::collections::BTreeMap;

pub use self::{
    changes::{Change, changes},
    digest::{BadDigest, Digest},
    read::LockErrors,
    write::{WriteError, with_entries},
};
use crate::{DatasetId, Seed};

/// The version of the lock format that this program reads and writes.
pub const LOCK_VERSION: usize = 1;

/// What stands where nobody has verified a value yet.
pub const UNVERIFIED: &str = "unverified";

/// A lock file: entries of the real datasets, and of drawn ones by their seed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    entries: BTreeMap<LockKey, LockEntry>,
}

/// Which dataset an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockKey {
    /// The seed of the images; `None` for the real dataset.
    pub drawn_seed: Option<Seed>,
    /// The dataset.
    pub dataset: DatasetId,
}

/// What one dataset must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockEntry {
    /// Images of the training, validation and test list.
    pub counts: Counts,
    /// The class names in the order of labels.
    pub classes: Known<Classes>,
    /// The digest over path, label and name of all three lists, in order.
    pub split: Known<Digest>,
    /// The digest of the tree of images.
    pub images: Known<Tree>,
    /// The files that the lists are made of.
    pub annotations: Vec<Annotation>,
    /// The archives as they are published. Nothing compares with them: they are not kept once unpacked.
    pub archives: Vec<Archive>,
}

/// A value that was verified, or is yet to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Known<T> {
    /// This is what it must be.
    Verified(T),
    /// Nobody has verified it yet; nothing differs from it.
    #[default]
    Unverified,
}

impl<T> Known<T> {
    /// The value, if it was verified.
    pub fn verified(&self) -> Option<&T> {
        match self {
            Known::Verified(value) => Some(value),
            Known::Unverified => None,
        }
    }
}

/// Images of each list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of the training list.
    pub train: Known<usize>,
    /// Of the validation list.
    pub val: Known<usize>,
    /// Of the test list.
    pub test: Known<usize>,
}

impl Counts {
    /// The three counts with their lists' names.
    pub fn by_split(&self) -> [(&'static str, &Known<usize>); 3] {
        [("train", &self.train), ("val", &self.val), ("test", &self.test)]
    }
}

/// A list of class names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// How many.
    pub n: usize,
    /// Over the names in the order of labels.
    pub sha256: Digest,
}

/// A tree of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// How many files.
    pub n_files: usize,
    /// Their bytes.
    pub n_bytes: u64,
    /// The Merkle root over path, size and SHA-256 of every file, sorted by path.
    pub sha256: Digest,
}

/// A file that lists are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Its path below the dataset's folder.
    pub path: String,
    /// Its content.
    pub content: Known<FileDigest>,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigest {
    /// Its bytes.
    pub size: u64,
    /// Over its bytes.
    pub sha256: Digest,
}

/// An archive, as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its file name.
    pub name: String,
    /// Where it is published, if that is known.
    pub url: Option<String>,
    /// Its published MD5, in hexadecimal, if there is one.
    pub md5: Option<String>,
}

impl Lock {
    /// The entry of a dataset: of the real one, or of the one drawn with a seed.
    pub fn entry(&self, key: LockKey) -> Option<&LockEntry> {
        self.entries.get(&key)
    }
}

impl LockKey {
    /// The table's name in the file.
    pub fn table(self) -> String {
        match self.drawn_seed {
            Some(seed) => format!("drawn.seed{seed}.{}", self.dataset),
            None => self.dataset.to_string(),
        }
    }
}

impl LockEntry {
    /// The names of the values that nobody has verified yet.
    pub fn unverified(&self) -> Vec<&'static str> {
        let of_counts = self.counts.by_split().into_iter().any(|(_, n)| n.verified().is_none());
        let of_annotations = self.annotations.is_empty()
            || self.annotations.iter().any(|file| file.content.verified().is_none());
        let states = [
            ("counts", of_counts),
            ("classes", self.classes.verified().is_none()),
            ("split", self.split.verified().is_none()),
            ("images", self.images.verified().is_none()),
            ("annotations", of_annotations),
        ];
        states
            .into_iter()
            .filter(|(_, is_unverified)| *is_unverified)
            .map(|(name, _)| name)
            .collect()
    }
}
