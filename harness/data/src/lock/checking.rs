//! How a dataset is compared with the lock, and what is said meanwhile.

use std::path::Path;

/// How a dataset is compared.
pub struct Checking<'a> {
    /// Whether files are trusted that look as they did when they were last read.
    pub mode: Mode,
    /// The folder of sidecars and caches.
    pub sidecars: &'a Path,
    /// Called with what was hashed since the last call, from several threads.
    pub progress: &'a (dyn Fn(Hashed) + Sync),
}

/// Whether files are trusted that look as they did when they were last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A file whose size and times have not changed is not read again.
    Fast,
    /// Every file is read.
    Deep,
}

/// What was hashed since the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashed {
    /// Files that are done, those that were not read included.
    pub n_files: usize,
    /// Bytes that were read.
    pub n_bytes: u64,
}
