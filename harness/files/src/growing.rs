//! A file that others read while it grows, such as a log of events: it has its name from the start.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// A file that is appended to. A crash may leave its last piece cut off, and nothing of it is synced.
#[derive(Debug)]
pub struct GrowingFile(File);

impl GrowingFile {
    /// Creates a file in a folder that is there; an error where something stands under its name.
    pub fn create(path: &Path) -> io::Result<Self> {
        File::options().append(true).create_new(true).open(path).map(GrowingFile)
    }

    /// Appends a piece in one write, so that a reader finds all of it or none.
    pub fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.0.write_all(piece)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_appended_is_there_at_once_and_nothing_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = GrowingFile::create(&path).unwrap();
        file.append(b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        file.append(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
        let error = GrowingFile::create(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
    }
}
