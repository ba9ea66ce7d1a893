//! Files of JSON, whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_files::NewFile;
use clsrl_spec::lock::Digest;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::ReportError;

/// A file with a JSON value on each line, in the making.
pub(super) struct LinesFile {
    path: PathBuf,
    file: NewFile,
    digest: Sha256,
    n_lines: usize,
}

/// What was written.
pub(super) struct Written {
    pub(super) path: PathBuf,
    /// SHA-256 of its bytes.
    pub(super) digest: Digest,
    pub(super) n_lines: usize,
}

impl LinesFile {
    pub(super) fn create(path: PathBuf) -> Result<Self, ReportError> {
        create_folder_of(&path)?;
        match NewFile::create(&path) {
            Ok(file) => Ok(LinesFile { path, file, digest: Sha256::new(), n_lines: 0 }),
            Err(source) => Err(ReportError::Write { path, source }),
        }
    }

    pub(super) fn write(&mut self, value: &Json) -> Result<(), ReportError> {
        let line = format!("{value}\n");
        self.digest.update(&line);
        self.n_lines += 1;
        let written = io::Write::write_all(&mut self.file, line.as_bytes());
        written.map_err(|source| ReportError::Write { path: self.path.clone(), source })
    }

    pub(super) fn finish(self) -> Result<Written, ReportError> {
        let LinesFile { path, file, digest, n_lines } = self;
        match file.finish() {
            Ok(()) => Ok(Written { path, digest: Digest(digest.finalize().into()), n_lines }),
            Err(source) => Err(ReportError::Write { path, source }),
        }
    }
}

/// Writes a JSON value for readers.
pub(super) fn write_json(path: &Path, value: &Json) -> Result<(), ReportError> {
    write_text(path, &format!("{value:#}\n"))
}

/// Writes a text.
pub(super) fn write_text(path: &Path, text: &str) -> Result<(), ReportError> {
    create_folder_of(path)?;
    clsrl_files::replace(path, text.as_bytes())
        .map_err(|source| ReportError::Write { path: path.to_owned(), source })
}

fn create_folder_of(path: &Path) -> Result<(), ReportError> {
    let Some(dir) = path.parent() else { return Ok(()) };
    fs::create_dir_all(dir).map_err(|source| ReportError::Write { path: dir.to_owned(), source })
}

/// The SHA-256 of a text, in hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    Digest::of(text).to_string()
}
