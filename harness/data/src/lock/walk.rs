//! The files of a dataset's tree of images, in the byte order of their paths.
//!
//! Holds the names of one folder of each depth, never those of the whole tree. Names that begin with a dot
//! are passed over. A link counts as what it leads to, a file or a folder, if that lies in the dataset's places;
//! a link that leads back to where it lies, and whatever is neither file nor folder, is reported as a fault and
//! never opened.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use clsrl_spec::DatasetId;

use super::{Difference, stat::Stat};
use crate::datasets::{Outside, Places, layout_of};

/// How many links may lead to one folder. Some datasets have two names for one; more lead into a maze.
const MAX_LINKS: usize = 8;

/// A file of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WalkedFile {
    /// Its path below the dataset's folder.
    pub(super) path: String,
    pub(super) stat: Stat,
}

/// The walk: an iterator over files and over what is no file and should be.
pub(super) struct Walk {
    dir: PathBuf,
    /// The dataset's folder without links in its path.
    real_dir: PathBuf,
    places: Places,
    folders: VecDeque<&'static str>,
    open: Vec<Folder>,
    /// Where links led to, and how many of them, for folders.
    linked: BTreeMap<PathBuf, usize>,
    beyond: BTreeSet<PathBuf>,
}

/// A folder that is being walked.
struct Folder {
    /// Its path below the dataset's folder, with a slash after it.
    path: String,
    /// Its path without links.
    real: PathBuf,
    /// What is left of it, the next one last.
    entries: Vec<Entry>,
    /// Names in it that no list can have.
    faults: Vec<Difference>,
}

/// A name in a folder.
struct Entry {
    /// With a slash at its end if it is a folder's: so names sort as whole paths do.
    name: String,
    is_link: bool,
}

impl Walk {
    /// Begins a walk; `Err` where the dataset's folder itself cannot be read.
    pub(super) fn new(id: DatasetId, dir: &Path, places: &Places) -> Result<Self, Difference> {
        let real_dir = fs::canonicalize(dir).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Difference::missing(&dir.display().to_string(), "the dataset's folder".to_owned())
            }
            _ => Difference::unreadable(&dir.display().to_string(), "a folder", error),
        })?;
        Ok(Walk {
            dir: dir.to_owned(),
            real_dir,
            places: places.clone(),
            folders: layout_of(id).image_folders.iter().copied().collect(),
            open: Vec::new(),
            linked: BTreeMap::new(),
            beyond: BTreeSet::new(),
        })
    }

    /// The dataset's folder without links in its path.
    pub(super) fn real_dir(&self) -> &Path {
        &self.real_dir
    }

    /// The folders that links led to and that nobody had named.
    pub(super) fn into_beyond(self) -> BTreeSet<PathBuf> {
        self.beyond
    }

    fn enter(&self, path: &str, real: PathBuf) -> Result<Folder, Difference> {
        let unreadable = |error| Difference::unreadable(path, "a folder", error);
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&real).map_err(unreadable)? {
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
            let kind = entry.file_type().map_err(unreadable)?;
            let is_link = kind.is_symlink();
            let is_folder = kind.is_dir() || is_link && entry.path().is_dir();
            entries.push(Entry {
                name: format!("{name}{}", if is_folder { "/" } else { "" }),
                is_link,
            });
        }
        entries.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        Ok(Folder { path: format!("{path}/"), real, entries, faults })
    }

    /// Enters a folder that the lists start from, which may be a link.
    fn enter_top(&mut self, path: &'static str) -> Result<Folder, Difference> {
        if fs::symlink_metadata(self.dir.join(path))
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            return Err(Difference::missing(path, "a folder of images".to_owned()));
        }
        let target = self.follow(path)?;
        self.enter(path, target)
    }

    /// Enters a folder that a link leads to.
    fn enter_linked(&mut self, path: &str) -> Result<Folder, Difference> {
        let target = self.follow(path)?;
        let fault = |found: String| Difference::unreadable(path, "a folder or a file", found);
        if self.open.iter().any(|folder| folder.real.starts_with(&target)) {
            return Err(fault(format!("a link back to `{}`, in which it lies", target.display())));
        }
        let n_links = self.linked.entry(target.clone()).or_default();
        *n_links += 1;
        if MAX_LINKS < *n_links {
            let shown = target.display();
            return Err(fault(format!("the {n_links}th link to `{shown}`")));
        }
        self.enter(path, target)
    }

    /// Where a path leads, if that is one of the dataset's places.
    fn follow(&mut self, path: &str) -> Result<PathBuf, Difference> {
        let full = self.dir.join(path);
        let target = fs::canonicalize(&full).map_err(|error| {
            let is_annexed = fs::read_link(&full)
                .is_ok_and(|target| target.to_string_lossy().contains("annex/objects/"));
            let hint = if is_annexed { "; `git annex get` gets it" } else { "" };
            let found = format!("a link that leads nowhere ({error}{hint})");
            Difference::unreadable(path, "a readable file or folder", found)
        })?;
        match self.places.admit(&target, &mut self.beyond) {
            Ok(()) => Ok(target),
            Err(Outside) => {
                let found = format!("a link to `{}`", target.display());
                Err(Difference::unreadable(path, OF_THE_PLACES, found))
            }
        }
    }

    fn look_at(&mut self, path: String, is_link: bool) -> Result<WalkedFile, Difference> {
        let full = self.dir.join(&path);
        let unreadable = |error| Difference::unreadable(&path, "a readable file", error);
        let own = fs::symlink_metadata(&full).map_err(unreadable)?;
        let metadata = match is_link {
            true => fs::metadata(self.follow(&path)?).map_err(unreadable)?,
            false => own.clone(),
        };
        if !metadata.is_file() {
            let found = "neither a file nor a folder";
            return Err(Difference::unreadable(&path, "a regular file", found));
        }
        Ok(WalkedFile { stat: Stat::new(&metadata, &own), path })
    }
}

/// Where a dataset's files lie.
pub(super) const OF_THE_PLACES: &str =
    "something in the data's folder, or where links led when `datasets lock` last ran";

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
            let Some(Entry { name, is_link }) = folder.entries.pop() else {
                self.open.pop();
                continue;
            };
            let path = format!("{}{name}", folder.path);
            let Some(inner) = path.strip_suffix('/') else {
                return Some(self.look_at(path, is_link));
            };
            let real = folder.real.join(name.trim_end_matches('/'));
            let entered = match is_link {
                true => self.enter_linked(inner),
                false => self.enter(inner, real),
            };
            match entered {
                Ok(folder) => self.open.push(folder),
                Err(fault) => return Some(Err(fault)),
            }
        }
    }
}
