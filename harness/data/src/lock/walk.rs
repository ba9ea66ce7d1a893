//! The files of a dataset's tree of pictures, in the byte order of their paths.
//!
//! Holds the names of one folder of each depth, never those of the whole tree. Names that begin with a dot
//! are passed over. A link counts as the file that it leads to, if that lies in the dataset's folder; a
//! link to a folder, and whatever is neither file nor folder, is told as a fault and never opened.

use std::{
    collections::VecDeque,
    fs::{self, Metadata},
    io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use clsrl_spec::DatasetId;

use super::Difference;
use crate::datasets::layout;

/// A file of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WalkedFile {
    /// Its path below the dataset's folder.
    pub(super) path: String,
    pub(super) stat: Stat,
}

/// What the file system tells about a file's content without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) size: u64,
    /// When its content was changed, as the owner of the file has it.
    pub(super) mtime_ns: i128,
    /// When anything about it was changed, as the system has it.
    pub(super) ctime_ns: i128,
}

impl Stat {
    fn new(metadata: &Metadata) -> Self {
        let ns = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Stat {
            size: metadata.len(),
            mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The walk: an iterator over files and over what is no file and should be.
pub(super) struct Walk {
    dir: PathBuf,
    /// The dataset's folder without links in its path.
    real_dir: PathBuf,
    folders: VecDeque<&'static str>,
    open: Vec<Folder>,
}

/// A folder that is being walked.
struct Folder {
    /// Its path below the dataset's folder, with a slash behind it.
    path: String,
    /// What is left of it, the next one last.
    entries: Vec<Entry>,
    /// Names in it that no list can have.
    faults: Vec<Difference>,
}

/// A name, with a slash behind it if it is a folder's: so names sort as whole paths do.
struct Entry(String);

/// The folders of pictures below a dataset's, in byte order.
pub(super) fn image_folders(id: DatasetId) -> Vec<&'static str> {
    match id {
        DatasetId::ImageNet => vec!["images/train", "images/val"],
        DatasetId::StanfordCars => vec!["cars_test", "cars_train"],
        other => vec![layout::layout_of(other).image_prefix],
    }
}

impl Walk {
    /// Begins a walk; `Err` where the dataset's folder itself cannot be read.
    pub(super) fn new(id: DatasetId, dir: &Path) -> Result<Self, Difference> {
        let real_dir = fs::canonicalize(dir).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Difference::missing(&dir.display().to_string(), "the dataset's folder".to_owned())
            }
            _ => Difference::unreadable(&dir.display().to_string(), "a folder", error),
        })?;
        let folders = image_folders(id).into();
        Ok(Walk { dir: dir.to_owned(), real_dir, folders, open: Vec::new() })
    }

    /// The dataset's folder without links in its path.
    pub(super) fn real_dir(&self) -> &Path {
        &self.real_dir
    }

    fn enter(&self, path: &str) -> Result<Folder, Difference> {
        let unreadable = |error| Difference::unreadable(path, "a folder", error);
        let listing = fs::read_dir(self.dir.join(path)).map_err(unreadable)?;
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        for entry in listing {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            let Some(name) = name.to_str().filter(|name| !name.contains(char::is_control)) else {
                let shown = format!("{path}/{}", name.to_string_lossy().escape_debug());
                faults.push(Difference::unreadable(
                    &shown,
                    "a name in UTF-8 without control characters",
                    "another one",
                ));
                continue;
            };
            let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
            entries.push(Entry(format!("{name}{}", if is_folder { "/" } else { "" })));
        }
        entries.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        Ok(Folder { path: format!("{path}/"), entries, faults })
    }

    /// Enters a folder that the lists start from, which may be a link inside the dataset's folder.
    fn enter_top(&self, path: &'static str) -> Result<Folder, Difference> {
        let target = fs::canonicalize(self.dir.join(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Difference::missing(path, "a folder of pictures".to_owned()),
            _ => Difference::unreadable(path, "a folder", error),
        })?;
        if !target.starts_with(&self.real_dir) {
            return Err(outside(path, &target));
        }
        self.enter(path)
    }

    fn look_at(&self, path: String) -> Result<WalkedFile, Difference> {
        let full = self.dir.join(&path);
        let unreadable = |error| Difference::unreadable(&path, "a readable file", error);
        let mut metadata = fs::symlink_metadata(&full).map_err(unreadable)?;
        if metadata.is_symlink() {
            let target = fs::canonicalize(&full).map_err(|error| {
                let found = format!("a link that leads nowhere ({error})");
                Difference::unreadable(&path, "a readable file", found)
            })?;
            if !target.starts_with(&self.real_dir) {
                return Err(outside(&path, &target));
            }
            metadata = fs::metadata(&target).map_err(unreadable)?;
            if metadata.is_dir() {
                return Err(Difference::unreadable(&path, "a file", "a link to a folder"));
            }
        }
        if !metadata.is_file() {
            let found = "neither a file nor a folder";
            return Err(Difference::unreadable(&path, "a regular file", found));
        }
        Ok(WalkedFile { stat: Stat::new(&metadata), path })
    }
}

fn outside(path: &str, target: &Path) -> Difference {
    let found = format!("a link to `{}`", target.display());
    Difference::unreadable(path, "something inside the dataset's folder", found)
}

impl Iterator for Walk {
    type Item = Result<WalkedFile, Difference>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(folder) = self.open.last_mut() else {
                let top = self.folders.pop_front()?;
                match self.enter_top(top) {
                    Ok(folder) => self.open.push(folder),
                    Err(fault) => return Some(Err(fault)),
                }
                continue;
            };
            if let Some(fault) = folder.faults.pop() {
                return Some(Err(fault));
            }
            let Some(Entry(name)) = folder.entries.pop() else {
                self.open.pop();
                continue;
            };
            let path = format!("{}{name}", folder.path);
            let Some(inner) = path.strip_suffix('/') else { return Some(self.look_at(path)) };
            match self.enter(inner) {
                Ok(folder) => self.open.push(folder),
                Err(fault) => return Some(Err(fault)),
            }
        }
    }
}
