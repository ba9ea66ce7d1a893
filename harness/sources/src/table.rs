//! The table of sources, with the addresses and digests that the lock has under the same names.

use std::path::Path;

use clsrl_spec::{
    DatasetId,
    lock::{FileDigest, Known, Lock, LockKey},
};
use serde::Deserialize;

use crate::error::TableError;

const TABLE: &str = include_str!("../sources.toml");

/// A published file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The dataset that it belongs to.
    pub dataset: DatasetId,
    /// Its file name, unique within the dataset.
    pub name: String,
    /// Whether and how it can be had.
    pub access: Access,
    /// Its address, where it has one.
    pub url: Option<String>,
    /// Its bytes, where somebody published them.
    pub size: Option<u64>,
    /// Its published MD5, in hexadecimal.
    pub md5: Option<String>,
    /// Its content by the lock.
    pub content: Option<FileDigest>,
    /// How its contents are packed.
    pub packing: Packing,
    /// What becomes of it.
    pub pieces: Vec<Piece>,
    /// The licence, or what is known of it.
    pub licence: String,
    /// What to do by hand, a sentence each.
    pub steps: Vec<String>,
}

/// Whether and how a file can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Anybody may fetch it.
    Fetch,
    /// Anybody may fetch it from Google Drive, which answers with a page where a quota is used up.
    Drive,
    /// Handed out to whoever agreed to its terms.
    Terms,
    /// Gone from its address.
    Dead {
        /// Since when: a year, or a year and a month.
        since: String,
    },
}

/// How a file's contents are packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packing {
    /// It is the file.
    File,
    /// A tar, tar.gz or zip.
    Archive,
    /// An archive in an archive.
    Nested {
        /// The path of the one inside.
        inner: String,
    },
    /// A tar of tars, each of which becomes a folder by its name.
    ClassTars,
    /// ImageNet's flat archive of validation images.
    Validation {
        /// The archive with the labels.
        labels: String,
    },
}

/// What part of an archive becomes a file or folder of the dataset's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Its path in the archive; empty for all of it.
    pub from: String,
    /// Its path in the dataset's folder.
    pub to: String,
}

impl SourceFile {
    /// What is not in the dataset's folder yet. A folder with nothing in it is not there either.
    pub fn missing(&self, dataset_dir: &Path) -> Vec<Piece> {
        let is_there = |piece: &&Piece| {
            let path = dataset_dir.join(&piece.to);
            match std::fs::read_dir(&path) {
                Ok(mut entries) => entries.next().is_some(),
                Err(_) => path.symlink_metadata().is_ok_and(|data| !data.is_dir()),
            }
        };
        self.pieces.iter().filter(|piece| !is_there(piece)).cloned().collect()
    }

    /// Whether there is a digest that its bytes can be held to.
    pub fn has_digest(&self) -> bool {
        self.md5.is_some() || self.content.is_some()
    }

    /// Its bytes, where they are known.
    pub fn n_bytes(&self) -> Option<u64> {
        self.content.as_ref().map(|content| content.size).or(self.size)
    }
}

/// The files of all datasets, in the order of datasets; addresses and digests are the lock's.
///
/// # Errors
///
/// A table that cannot be read.
pub fn sources(lock: &Lock) -> Result<Vec<SourceFile>, TableError> {
    let table: Table = toml::from_str(TABLE).map_err(|error| TableError(error.to_string()))?;
    let mut files: Vec<SourceFile> =
        table.file.into_iter().map(|row| row.read(lock)).collect::<Result<_, _>>()?;
    files.sort_by_key(|file| file.dataset);
    Ok(files)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    file: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    dataset: String,
    name: String,
    access: String,
    since: Option<String>,
    drive: Option<String>,
    size: Option<u64>,
    packing: String,
    inner: Option<String>,
    labels: Option<String>,
    pieces: Vec<Piece>,
    licence: String,
    #[serde(default)]
    steps: Vec<String>,
}

impl Row {
    fn read(self, lock: &Lock) -> Result<SourceFile, TableError> {
        let broken = |what: &str| TableError(format!("{}/{}: {what}", self.dataset, self.name));
        let dataset: DatasetId =
            self.dataset.parse().map_err(|_| broken("no dataset has this name"))?;
        let access = match (self.access.as_str(), &self.since, &self.drive) {
            ("fetch", None, None) => Access::Fetch,
            ("drive", None, Some(_)) => Access::Drive,
            ("terms", None, None) => Access::Terms,
            ("dead", Some(since), None) => Access::Dead { since: since.clone() },
            _ => return Err(broken("an access that does not go with `since` and `drive`")),
        };
        let packing = match (self.packing.as_str(), &self.inner, &self.labels) {
            ("file", None, None) => Packing::File,
            ("archive", None, None) => Packing::Archive,
            ("nested", Some(inner), None) => Packing::Nested { inner: inner.clone() },
            ("class-tars", None, None) => Packing::ClassTars,
            ("validation", None, Some(labels)) => Packing::Validation { labels: labels.clone() },
            _ => return Err(broken("a packing that does not go with `inner` and `labels`")),
        };
        if self.pieces.is_empty() || (packing == Packing::File && self.pieces.len() != 1) {
            return Err(broken("a file becomes one piece, an archive at least one"));
        }
        let locked = lock.entry(LockKey { drawn_seed: None, dataset });
        let archive = locked
            .and_then(|entry| entry.archives.iter().find(|archive| archive.name == self.name));
        let content = locked
            .and_then(|entry| entry.annotations.iter().find(|file| file.path == self.name))
            .and_then(|file| match &file.content {
                Known::Verified(content) => Some(content.clone()),
                Known::Unverified => None,
            });
        let of_drive = |id: &String| {
            format!(
                "https://drive.usercontent.google.com/download?id={id}&export=download&confirm=t"
            )
        };
        Ok(SourceFile {
            dataset,
            access,
            url: match &self.drive {
                Some(id) => Some(of_drive(id)),
                None => archive.and_then(|archive| archive.url.clone()),
            },
            size: self.size,
            md5: archive.and_then(|archive| archive.md5.clone()),
            content,
            packing,
            pieces: self.pieces,
            licence: self.licence,
            steps: self.steps,
            name: self.name,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> Vec<SourceFile> {
        sources(&Lock::default()).unwrap()
    }

    #[test]
    fn every_dataset_has_its_sources_and_each_file_stands_once() {
        let files = all();
        let datasets: BTreeSet<DatasetId> = files.iter().map(|file| file.dataset).collect();
        assert_eq!(datasets.len(), DatasetId::ALL.len());
        let names: BTreeSet<(DatasetId, &str)> =
            files.iter().map(|file| (file.dataset, file.name.as_str())).collect();
        assert_eq!(names.len(), files.len());
        let targets: BTreeSet<(DatasetId, &str)> = files
            .iter()
            .flat_map(|file| file.pieces.iter().map(|piece| (file.dataset, piece.to.as_str())))
            .collect();
        assert_eq!(targets.len(), files.iter().map(|file| file.pieces.len()).sum::<usize>());
    }

    #[test]
    fn what_cannot_be_fetched_says_what_to_do() {
        for file in all() {
            let is_by_hand = matches!(file.access, Access::Terms | Access::Dead { .. });
            assert_eq!(is_by_hand, !file.steps.is_empty(), "{}/{}", file.dataset, file.name);
        }
    }

    #[test]
    fn a_folder_with_nothing_in_it_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let files = all();
        let file = files.iter().find(|file| file.name == "dtd-r1.0.1.tar.gz").unwrap();
        assert_eq!(file.missing(dir.path()), file.pieces);
        std::fs::create_dir(dir.path().join("images")).unwrap();
        assert_eq!(file.missing(dir.path()), file.pieces);
        std::fs::write(dir.path().join("images/a.jpg"), "").unwrap();
        assert_eq!(file.missing(dir.path()), []);
    }
}
