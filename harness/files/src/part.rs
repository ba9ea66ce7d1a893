//! A file that is written over several runs: what a broken-off process leaves is taken up by the next.
//!
//! Every part has a name of its own, created exclusively, and its writer holds a lock on it. The lock is a
//! hint: on some file systems everybody gets it, and then two processes may write to one part. So a part
//! is never truncated, and whoever took one up checks all of it before it is given its name.

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions, TryLockError},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::replace::sync_folder_of;

/// What the name of a part ends with; Hugging Face's tools clear away files that do.
const SUFFIX: &str = ".incomplete";

/// A file in the making; dropped, it stays to be taken up again.
#[derive(Debug)]
pub struct PartFile {
    path: PathBuf,
    file: File,
    n_bytes: u64,
}

impl PartFile {
    /// Begins a part that is named `<prefix>.<random>.incomplete`, in a folder that is there.
    pub fn create(dir: &Path, prefix: &str) -> io::Result<Self> {
        let (file, path) = tempfile::Builder::new()
            .prefix(&format!("{prefix}."))
            .suffix(SUFFIX)
            .rand_bytes(8)
            // As other files are created; the umask takes its part away.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(dir)?
            .keep()
            .map_err(|error| error.error)?;
        // Where there are no locks, a part is still nobody else's by its name.
        let _ = file.try_lock();
        Ok(PartFile { path, file, n_bytes: 0 })
    }

    /// Takes up the longest part with this prefix that nobody writes to and that may be written to; all
    /// that is in it stays to be checked.
    pub fn take_up(dir: &Path, prefix: &str) -> io::Result<Option<Self>> {
        let mut parts: Vec<(u64, PathBuf)> = parts_of(dir, prefix)?;
        parts.sort_unstable_by(|a, b| b.cmp(a));
        for (_, path) in parts {
            let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits() as i32;
            let opened = File::options().read(true).write(true).custom_flags(flags).open(&path);
            let Ok(mut file) = opened else { continue };
            let is_held = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            let data = file.metadata()?;
            // Of several names one may be somebody else's file.
            if !data.is_file() || data.nlink() != 1 || is_held {
                continue;
            }
            let n_bytes = file.seek(SeekFrom::End(0))?;
            return Ok(Some(PartFile { path, file, n_bytes }));
        }
        Ok(None)
    }

    /// The bytes of the longest part with this prefix, without taking it up.
    pub fn n_bytes_left(dir: &Path, prefix: &str) -> io::Result<u64> {
        Ok(parts_of(dir, prefix)?.into_iter().map(|(n_bytes, _)| n_bytes).max().unwrap_or(0))
    }

    /// Where the part lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Opens what was written so far for reading.
    pub fn reader(&self) -> io::Result<File> {
        crate::open(&self.path)
    }

    /// Syncs the file and gives it its name, in place of what stands there; on the same file system.
    pub fn finish(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        sync_folder_of(target)
    }

    /// Removes the part.
    pub fn discard(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_written = self.file.write(bytes)?;
        self.n_bytes += n_written as u64;
        Ok(n_written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The parts with this prefix and their sizes; none where there is no folder.
fn parts_of(dir: &Path, prefix: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut parts = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_part = |name: &OsStr| {
            let random =
                name.to_str().and_then(|name| name.strip_prefix(prefix)?.strip_prefix('.'));
            let random = random.and_then(|random| random.strip_suffix(SUFFIX));
            random.is_some_and(|random| !random.is_empty() && !random.contains('.'))
        };
        if !is_part(&entry.file_name()) {
            continue;
        }
        // Another process may have finished it by now.
        if let Ok(data) = entry.metadata()
            && data.is_file()
        {
            parts.push((data.len(), entry.path()));
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_taken_up_where_it_was_left() {
        let dir = tempfile::tempdir().unwrap();
        assert!(PartFile::take_up(&dir.path().join("none"), "a").unwrap().is_none());
        let mut part = PartFile::create(dir.path(), "a").unwrap();
        part.write_all(b"12").unwrap();
        drop(part);
        assert_eq!(PartFile::n_bytes_left(dir.path(), "a").unwrap(), 2);
        let mut part = PartFile::take_up(dir.path(), "a").unwrap().unwrap();
        assert_eq!(part.n_bytes(), 2);
        part.write_all(b"345").unwrap();
        assert_eq!(io::read_to_string(part.reader().unwrap()).unwrap(), "12345");
        let target = dir.path().join("whole");
        fs::write(&target, "what stood there").unwrap();
        part.finish(&target).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "12345");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_part_that_somebody_writes_to_is_not_taken_up() {
        let dir = tempfile::tempdir().unwrap();
        let mut live = PartFile::create(dir.path(), "a").unwrap();
        live.write_all(b"longer").unwrap();
        let mut left = PartFile::create(dir.path(), "a").unwrap();
        left.write_all(b"short").unwrap();
        drop(left);
        assert_eq!(PartFile::take_up(dir.path(), "a").unwrap().unwrap().n_bytes(), 5);
        drop(live);
        let longest = PartFile::take_up(dir.path(), "a").unwrap().unwrap();
        assert_eq!(longest.n_bytes(), 6);
        longest.discard().unwrap();
    }

    #[test]
    fn neither_links_nor_other_names_are_parts() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("other");
        fs::write(&other, "not to be written to").unwrap();
        std::os::unix::fs::symlink(&other, dir.path().join("a.12345678.incomplete")).unwrap();
        fs::hard_link(&other, dir.path().join("a.23456789.incomplete")).unwrap();
        for name in ["a.incomplete", "a.1.etag.incomplete", "ab.1.incomplete", "a.1.tmp"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        assert!(PartFile::take_up(dir.path(), "a").unwrap().is_none());
    }

    #[test]
    fn a_finished_part_may_be_read_as_others_may() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        PartFile::create(dir.path(), "a").unwrap().finish(&ours).unwrap();
        File::create(&plain).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
