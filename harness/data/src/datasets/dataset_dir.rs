//! A dataset's folder, and the only way into it: nothing outside is read, and nothing is waited for.
//!
//! A link that leads out of the folder is refused, and so is a list that is no regular file.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_spec::DatasetId;

use super::{DatasetError, Faults};

/// A dataset's folder.
pub(super) struct DatasetDir<'a> {
    id: DatasetId,
    path: &'a Path,
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
    pub(super) fn new(id: DatasetId, path: &'a Path) -> Self {
        DatasetDir { id, path }
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
        if !fs::metadata(&path).map_err(fail)?.is_file() {
            let found = if path.is_dir() { "a folder" } else { "no regular file" };
            return Err(fail(io::Error::other(format!("found {found}, expected a file"))));
        }
        fs::read(&path).map_err(fail)
    }

    /// The text of a file.
    pub(super) fn read_text(&self, name: &str, hint: &str) -> Result<String, DatasetError> {
        let mut faults = Faults::default();
        match String::from_utf8(self.read(name, hint)?) {
            Ok(text) if text.starts_with('\u{feff}') => {
                faults.push("line 1: found a byte order mark, expected plain UTF-8".to_owned());
            }
            Ok(text) => return Ok(text),
            Err(error) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let number = good.iter().filter(|byte| **byte == b'\n').count() + 1;
                faults.push(format!("line {number}: found bytes that are not UTF-8"));
            }
        }
        Err(faults.of(self.id, &self.join(name)))
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
            let Some(name) = shown_name(entry.file_name(), &path, faults) else { continue };
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

    /// Refuses what a link leads out of the dataset's folder.
    fn check_inside(&self, path: &Path) -> io::Result<Result<(), DatasetError>> {
        let target = fs::canonicalize(path)?;
        if target.starts_with(fs::canonicalize(self.path)?) {
            return Ok(Ok(()));
        }
        let (dataset, path, dir) = (self.id, path.to_owned(), self.path.to_owned());
        Ok(Err(DatasetError::ListLinkedOutside { dataset, path, target, dir }))
    }
}

/// A name as text, unless it is hidden; a name that is no text is told.
fn shown_name(name: OsString, dir: &Path, faults: &mut Faults) -> Option<String> {
    match name.into_string() {
        Ok(name) => (!name.starts_with('.')).then_some(name),
        Err(name) => {
            faults.push(format!("found the name {name:?} in `{}`, expected UTF-8", dir.display()));
            None
        }
    }
}
