//! A file that is written under another name and gets its own only when it is whole and on the disk.
//!
//! The temporary's name is unique and created exclusively, so two processes never write into one another's
//! and a link that somebody planted is never followed.

use std::{
    fs::{File, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// A file in the making; dropped before [`NewFile::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct NewFile {
    target: PathBuf,
    writer: BufWriter<NamedTempFile>,
}

/// Gives a file these contents: afterwards it has them, or, after an error, those of before.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}

impl NewFile {
    /// Begins a file in a folder that is there; nothing stands under its name yet.
    pub fn create(target: &Path) -> io::Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let temporary = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".tmp")
            // As other files are created; the umask takes its part away.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder_of(target))?;
        let writer = BufWriter::with_capacity(1 << 16, temporary);
        Ok(NewFile { target: target.to_owned(), writer })
    }

    /// Syncs the file and gives it its name, in place of what stands there.
    pub fn finish(self) -> io::Result<()> {
        let temporary = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        temporary.persist(&self.target).map_err(|error| error.error)?;
        File::open(folder_of(&self.target))?.sync_all()
    }

    /// The name that the file has until it is finished, for writers that open it themselves.
    pub fn temporary_path(&self) -> &Path {
        self.writer.get_ref().path()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn what_is_not_finished_leaves_the_file_of_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        replace(&path, b"one").unwrap();
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn files_of_two_writers_at_once_are_each_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let (mut one, mut two) = (NewFile::create(&path).unwrap(), NewFile::create(&path).unwrap());
        one.write_all(&[1; 100_000]).unwrap();
        two.write_all(&[2; 100_000]).unwrap();
        two.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), [2; 100_000]);
        one.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), [1; 100_000]);
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn a_new_file_may_be_read_as_others_may() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        replace(&ours, b"").unwrap();
        File::create(&plain).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
