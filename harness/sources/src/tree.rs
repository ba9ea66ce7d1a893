//! The files of an archive as they are written: only regular files and folders, below one folder that is new.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{error::Fault, inner_path::fit, limits::Limits, table::Piece};

/// How many bytes are copied at a time.
const PIECE: usize = 1 << 17;

/// After how many bytes the room on the disk is looked at again, and how much is left alone.
const LOOK_EVERY: u64 = 256 << 20;
const KEEP_FREE: u64 = 256 << 20;

/// Where an entry goes, if anywhere.
pub(crate) type Target<'t> = &'t mut dyn FnMut(&str) -> Option<String>;

/// A folder that archives are unpacked into. It was made for that, so nobody's links are in it.
pub(crate) struct Tree<'t> {
    root: &'t Path,
    limits: &'t Limits,
    max_bytes: u64,
    n_entries: u64,
    n_bytes: u64,
    n_bytes_looked: u64,
    /// The folders that were made, by their names in lower case.
    folders: HashMap<String, String>,
    /// The files that were made, by a hash of their names in lower case: there may be millions.
    files: HashSet<u64>,
    hasher: RandomState,
}

impl<'t> Tree<'t> {
    /// A tree for an archive of so many bytes.
    pub(crate) fn new(root: &'t Path, limits: &'t Limits, archive_bytes: u64) -> Self {
        Tree {
            root,
            limits,
            max_bytes: limits.max_bytes_of(archive_bytes),
            n_entries: 0,
            n_bytes: 0,
            n_bytes_looked: 0,
            folders: HashMap::new(),
            files: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Counts an entry, written or not.
    pub(crate) fn count_entry(&mut self) -> Result<(), Fault> {
        self.n_entries += 1;
        match self.n_entries <= self.limits.max_entries {
            true => Ok(()),
            false => {
                Err(Fault::Hostile(format!("it has more than {} entries", self.limits.max_entries)))
            }
        }
    }

    /// Where an entry goes, if it is of one of the pieces.
    pub(crate) fn target(pieces: &[Piece], path: &str) -> Option<String> {
        pieces.iter().find_map(|piece| {
            let rest = match (piece.from.as_str(), path.strip_prefix(piece.from.as_str())?) {
                (_, "") => "",
                ("", rest) => rest,
                (_, rest) => rest.strip_prefix('/')?,
            };
            Some(if rest.is_empty() { piece.to.clone() } else { format!("{}/{rest}", piece.to) })
        })
    }

    /// Makes a folder and those above it.
    pub(crate) fn folder(&mut self, path: &str) -> Result<(), Fault> {
        for (at, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let folder = &path[..at];
            let key = folder.to_lowercase();
            match self.folders.get(&key) {
                Some(found) if found == folder => continue,
                Some(found) => return Err(twice(folder, found)),
                None if self.files.contains(&self.hasher.hash_one(&key)) => {
                    return Err(Fault::Hostile(format!(
                        "`{}` is a file and a folder in it",
                        fit(folder.as_bytes())
                    )));
                }
                None => {}
            }
            let whole = self.root.join(folder);
            fs::create_dir(&whole).map_err(|error| Fault::Io("create", whole, error))?;
            self.folders.insert(key, folder.to_owned());
        }
        Ok(())
    }

    /// Writes a file of exactly so many bytes.
    pub(crate) fn file(
        &mut self,
        path: &str,
        size: u64,
        reader: &mut dyn Read,
    ) -> Result<(), Fault> {
        if self.limits.max_file_bytes < size {
            return Err(Fault::Hostile(format!(
                "`{}` has {size} bytes, at most {} are expected",
                fit(path.as_bytes()),
                self.limits.max_file_bytes
            )));
        }
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder)?;
        }
        let key = path.to_lowercase();
        if self.folders.contains_key(&key) {
            return Err(Fault::Hostile(format!(
                "`{}` is a file and a folder in it",
                fit(path.as_bytes())
            )));
        }
        if !self.files.insert(self.hasher.hash_one(&key)) {
            return Err(twice(path, path));
        }
        let whole = self.root.join(path);
        let mut file = create(&whole)?;
        let n_written = self.copy(reader, (&mut file, &whole), size)?;
        match n_written == size {
            true => Ok(()),
            false => Err(Fault::Broken(format!(
                "`{}` ends after {n_written} of {size} bytes",
                fit(path.as_bytes())
            ))),
        }
    }

    /// Copies at most so many bytes, and none beyond the bounds.
    fn copy(
        &mut self,
        reader: &mut dyn Read,
        (file, path): (&mut File, &PathBuf),
        size: u64,
    ) -> Result<u64, Fault> {
        let mut piece = vec![0; PIECE];
        let mut n_written = 0;
        loop {
            let n_read = match reader.read(&mut piece) {
                Ok(0) => return Ok(n_written),
                Ok(n_read) => n_read as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Fault::reading(&error)),
            };
            n_written += n_read;
            self.n_bytes += n_read;
            if size < n_written {
                return Err(Fault::Hostile("an entry is longer than it says".to_owned()));
            }
            if self.max_bytes < self.n_bytes {
                return Err(Fault::Hostile(format!(
                    "it unpacks to more than {} bytes, which no archive of its size does",
                    self.max_bytes
                )));
            }
            self.look_for_room()?;
            let bytes = &piece[..n_read as usize];
            file.write_all(bytes).map_err(|error| Fault::Io("write", path.clone(), error))?;
        }
    }

    fn look_for_room(&mut self) -> Result<(), Fault> {
        if self.n_bytes < self.n_bytes_looked + LOOK_EVERY && self.n_bytes_looked != 0 {
            return Ok(());
        }
        self.n_bytes_looked = self.n_bytes;
        let full = |error| Fault::Io("write into", self.root.to_owned(), error);
        match clsrl_files::free_bytes(self.root).map_err(full)? {
            free if free < KEEP_FREE => Err(full(io::ErrorKind::StorageFull.into())),
            _ => Ok(()),
        }
    }
}

fn twice(path: &str, found: &str) -> Fault {
    let (path, found) = (fit(path.as_bytes()), fit(found.as_bytes()));
    Fault::Hostile(match path == found {
        true => format!("`{path}` is in it twice, or in two spellings that differ in case alone"),
        false => format!("`{path}` and `{found}` differ in case alone"),
    })
}

/// Makes a file that was not there, which no link leads to.
fn create(path: &Path) -> Result<File, Fault> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o666)
        .open(path)
        .map_err(|error| Fault::Io("create", path.to_owned(), error))
}
