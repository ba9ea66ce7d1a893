//! Sidecars and caches in the making, in a folder that may not be there yet.

use std::{fs, io::Write, path::PathBuf};

use clsrl_files::NewFile;

use super::LockError;

/// A file in the making; dropped before its end it leaves no file.
pub(super) struct AtomicFile {
    target: PathBuf,
    file: NewFile,
}

impl AtomicFile {
    pub(super) fn create(target: PathBuf) -> Result<Self, LockError> {
        let created = target.parent().map_or(Ok(()), fs::create_dir_all);
        match created.and_then(|()| NewFile::create(&target)) {
            Ok(file) => Ok(AtomicFile { target, file }),
            Err(source) => Err(LockError::Write { path: target, source }),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), LockError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| LockError::Write { path: self.target.clone(), source })
    }

    /// Gives the file its name.
    pub(super) fn finish(self) -> Result<PathBuf, LockError> {
        let AtomicFile { target, file } = self;
        match file.finish() {
            Ok(()) => Ok(target),
            Err(source) => Err(LockError::Write { path: target, source }),
        }
    }
}
