//! A file that is written under another name and gets its own only when it is whole and on the disk.
//!
//! The temporary's name is unique and created exclusively, so two processes never write into one another's
//! and a link that somebody planted is never followed.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// How the name of a file in the making ends; it begins with a dot.
const SUFFIX: &str = ".tmp";

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
        let temporary = loop {
            let temporary = tempfile::Builder::new()
                .prefix(&prefix)
                .suffix(SUFFIX)
                // As other files are created; the umask takes its part away.
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(folder_of(target))?;
            // Held while it is written, so that `remove_leftovers` knows it from a leftover; which may have
            // been quicker, and removed it.
            temporary.as_file().lock()?;
            if temporary.as_file().metadata()?.nlink() != 0 {
                break temporary;
            }
        };
        let writer = BufWriter::with_capacity(1 << 16, temporary);
        Ok(NewFile { target: target.to_owned(), writer })
    }

    /// Syncs the file and gives it its name, in place of what stands there: a file, a link, or a folder with nothing in it.
    pub fn finish(self) -> io::Result<()> {
        let temporary = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        let persisted = temporary.persist(&self.target).or_else(|error| {
            match error.error.kind() == io::ErrorKind::IsADirectory
                && fs::remove_dir(&self.target).is_ok()
            {
                true => error.file.persist(&self.target),
                false => Err(error),
            }
        });
        persisted.map_err(|error| error.error)?;
        sync_folder_of(&self.target)
    }

    /// As [`NewFile::finish`] where nothing stands under its name; otherwise leaves that alone and gives `false`.
    pub fn finish_new(self) -> io::Result<bool> {
        let temporary = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        match temporary.persist_noclobber(&self.target) {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            persisted => persisted.map_err(|error| error.error)?,
        };
        sync_folder_of(&self.target)?;
        Ok(true)
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

/// Removes what writers of files in this folder left behind when they were killed, and nothing that is being
/// written.
pub fn remove_leftovers(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let is_temporary = name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes());
        if !is_temporary || !entry.file_type()?.is_file() {
            continue;
        }
        let removed = crate::open(&entry.path()).and_then(|file| match file.try_lock() {
            Ok(()) => fs::remove_file(entry.path()),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(error),
        });
        match removed.map_err(|error| (error.kind(), error)) {
            // Finished or removed by somebody else meanwhile, or somebody else's.
            Err((io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied, _)) => {}
            removed => removed.map_err(|(_, error)| error)?,
        }
    }
    Ok(())
}

/// Syncs the folder that a file stands in, so that its new name lasts.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
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
    fn an_empty_folder_gives_way_and_one_with_files_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        fs::create_dir(&path).unwrap();
        replace(&path, b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("mine"), "").unwrap();
        replace(&path, b"two").unwrap_err();
        assert!(path.join("mine").exists());
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
    fn leftovers_are_removed_and_what_is_being_written_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (path, leftover) = (dir.path().join("a.json"), dir.path().join(".a.json.tmp"));
        fs::write(&leftover, "half").unwrap();
        fs::write(dir.path().join("b.tmp"), "somebody's").unwrap();
        std::os::unix::fs::symlink("b.tmp", dir.path().join(".link.tmp")).unwrap();
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        remove_leftovers(dir.path()).unwrap();
        assert!(!leftover.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(dir.path()), [".link.tmp", "a.json", "b.tmp"]);
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
