//! A dataset's folder, and the only way into it: what leaves the dataset's places is refused, nothing is waited
//! for, and the SHA-256 of every file that was read is kept.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_spec::{
    DatasetId,
    lock::{Digest, FileDigest},
};
use sha2::{Digest as _, Sha256};

use super::{DatasetError, Faults, Places, text_file::plain_text};

/// The longest list or annotation file that is read. ImageNet's are folders; the longest split file has 4 MB.
const MAX_BYTES: u64 = 256 << 20;

/// A dataset's folder.
pub(super) struct DatasetDir<'a> {
    id: DatasetId,
    path: &'a Path,
    places: &'a Places,
    read: RefCell<Reading>,
}

/// What was read of a dataset's folder so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The content of every file, by its path below the folder.
    pub(super) files: BTreeMap<String, FileDigest>,
    /// The folders that links led to and that nobody had named.
    pub(super) beyond: BTreeSet<PathBuf>,
}

/// The names in a folder, hidden ones left out, in byte order.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Folders, and links to folders.
    pub(super) folders: Vec<String>,
    /// Everything else.
    pub(super) files: Vec<String>,
}

impl<'a> DatasetDir<'a> {
    /// The folder of dataset `id`, which need not be there.
    pub(super) fn new(id: DatasetId, path: &'a Path, places: &'a Places) -> Self {
        DatasetDir { id, path, places, read: RefCell::default() }
    }

    /// What was read.
    pub(super) fn into_reading(self) -> Reading {
        self.read.into_inner()
    }

    /// Which dataset it is.
    pub(super) fn id(&self) -> DatasetId {
        self.id
    }

    /// The path of something inside.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether there is anything of that name, if only a link that leads nowhere.
    pub(super) fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.join(name)).is_ok()
    }

    /// The bytes of a file; `hint` is for whoever does not have it.
    pub(super) fn read(&self, name: &str, hint: &str) -> Result<Vec<u8>, DatasetError> {
        let path = self.join(name);
        let fail = |source| DatasetError::io(self.id, &path, source, hint.to_owned());
        self.check_inside(&path).map_err(fail)??;
        let bytes = clsrl_files::read(&path, MAX_BYTES).map_err(fail)?;
        if let Some(found) = crate::image::stand_in(&bytes) {
            return Err(self.fault(name, format!("found {found}")));
        }
        let (size, sha256) = (bytes.len() as u64, Digest(Sha256::digest(&bytes).into()));
        self.read.borrow_mut().files.insert(name.to_owned(), FileDigest { size, sha256 });
        Ok(bytes)
    }

    /// The text of a file.
    pub(super) fn read_text(&self, name: &str, hint: &str) -> Result<String, DatasetError> {
        plain_text(self.read(name, hint)?).map_err(|fault| self.fault(name, fault))
    }

    fn fault(&self, name: &str, fault: String) -> DatasetError {
        let mut faults = Faults::default();
        faults.push(fault);
        faults.of(self.id, &self.join(name))
    }

    /// What a folder holds; `hint` is for whoever does not have it.
    pub(super) fn list(
        &self,
        name: &str,
        hint: &str,
        faults: &mut Faults,
    ) -> Result<Listing, DatasetError> {
        let path = self.join(name);
        let fail = |source| DatasetError::io(self.id, &path, source, hint.to_owned());
        self.check_inside(&path).map_err(fail)??;
        let mut listing = Listing::default();
        for entry in fs::read_dir(&path).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let Some(name) = visible_name(entry.file_name(), &path, faults) else { continue };
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_dir() || kind.is_symlink() && entry.path().is_dir() {
                listing.folders.push(name);
            } else {
                listing.files.push(name);
            }
        }
        listing.folders.sort_unstable();
        listing.files.sort_unstable();
        Ok(listing)
    }

    /// Refuses what leaves the dataset's places.
    fn check_inside(&self, path: &Path) -> io::Result<Result<(), DatasetError>> {
        let target = fs::canonicalize(path)?;
        let admitted = self.places.admit(&target, &mut self.read.borrow_mut().beyond);
        Ok(admitted.map_err(|_| {
            let (dataset, path, dir) = (self.id, path.to_owned(), self.path.to_owned());
            DatasetError::ListLinkedOutside { dataset, path, target, dir }
        }))
    }
}

/// A name as text, unless it is hidden; a name that is no text is a fault.
fn visible_name(name: OsString, dir: &Path, faults: &mut Faults) -> Option<String> {
    match name.into_string() {
        Ok(name) => (!name.starts_with('.')).then_some(name),
        Err(name) => {
            faults.push(format!("found the name {name:?} in `{}`, expected UTF-8", dir.display()));
            None
        }
    }
}
