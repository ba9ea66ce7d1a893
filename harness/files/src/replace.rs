//! A file that is written under another name and gets its own only when it is whole and on the disk.
//!
//! The temporary's name is unique and created exclusively, so two processes never write into one another's
//! and a link that somebody planted is never followed. No lock is taken: what is being written is known from
//! what was left behind by its age.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use tempfile::NamedTempFile;

use crate::again;

/// How the name of a file in the making ends; it begins with a dot.
const SUFFIX: &str = ".tmp";

/// What file systems without hard links, or that have no more of them, answer to link(2).
const NO_LINKS: [Errno; 6] =
    [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS, Errno::MLINK, Errno::XDEV, Errno::ACCESS];

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
            .suffix(SUFFIX)
            // As other files are created; the umask takes its part away.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder_of(target))?;
        let writer = BufWriter::with_capacity(1 << 16, temporary);
        Ok(NewFile { target: target.to_owned(), writer })
    }

    /// Syncs the file and gives it its name, in place of what stands there: a file, a link, or a folder with nothing in it.
    pub fn finish(self) -> io::Result<()> {
        let temporary = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        persist(temporary, &self.target)?;
        sync_folder_of(&self.target)
    }

    /// Gives the file its name, in place of a file or link alone, without a sync: for caches, whose readers find out
    /// what a crash damaged.
    pub fn finish_unsynced(self) -> io::Result<()> {
        let temporary = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.persist(&self.target).map(drop).map_err(|error| error.error)
    }

    /// As [`NewFile::finish`] where nothing stands under its name; otherwise leaves that alone and gives `false`.
    ///
    /// Of several processes, on whichever machines, one gets the name: link(2) is atomic and exclusive on every file
    /// server, and so is renameat2(2) with `NOREPLACE` on file systems without links. No lock is needed for it.
    pub fn finish_new(self) -> io::Result<bool> {
        let temporary = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        let is_new = match fs::hard_link(temporary.path(), &self.target) {
            Ok(()) => true,
            // The answer to a link that was made may be lost on the way from a file server, and the second try
            // finds the first one's name. The number of names tells.
            Err(_) if 1 < temporary.as_file().metadata()?.nlink() => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) if has_no_links(&error) => {
                match renameat_with(
                    CWD,
                    temporary.path(),
                    CWD,
                    &self.target,
                    RenameFlags::NOREPLACE,
                ) {
                    Ok(()) => true,
                    Err(Errno::EXIST) => false,
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error),
        };
        sync_folder_of(&self.target)?;
        Ok(is_new)
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

/// Copies a program, which may be run as soon as it has its name.
pub fn copy_program(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = NewFile::create(to)?;
    io::copy(&mut crate::open(from)?, &mut file)?;
    // Whoever may read it may run it.
    let permissions = file.writer.get_ref().as_file().metadata()?.permissions();
    let mode = permissions.mode() | (permissions.mode() & 0o444) >> 2;
    file.writer.get_ref().as_file().set_permissions(Permissions::from_mode(mode))?;
    file.finish()
}

/// Gives a file that is not there yet these contents; `false`, and nothing is changed, where something stands there.
/// It is exclusive between machines as well: see [`NewFile::finish_new`].
pub fn publish(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes)?;
    file.finish_new()
}

/// Which file stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
    /// The number of a file that is gone is soon that of another.
    modified: (i64, i64),
    n_bytes: u64,
}

impl FileId {
    /// The file, link or folder that stands under this name; `None` if nothing does.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        match again(|| fs::symlink_metadata(path)) {
            Ok(found) => Ok(Some(FileId {
                device: found.dev(),
                inode: found.ino(),
                modified: (found.mtime(), found.mtime_nsec()),
                n_bytes: found.len(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When it was written or touched, by the clock of the machine that keeps it.
    pub fn modified(&self) -> SystemTime {
        let (seconds, nanos) = self.modified;
        let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        UNIX_EPOCH + seconds + Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

/// Takes away what stands under a name if it is what was seen there; a folder only if it is empty. Of several processes
/// that saw the same, one does. What somebody else put there meanwhile stays.
pub fn retire(path: &Path, seen: FileId) -> io::Result<()> {
    if again(|| fs::symlink_metadata(path)).is_ok_and(|found| found.is_dir()) {
        return fs::remove_dir(path);
    }
    let grave = NewFile::create(path)?;
    let grave = grave.temporary_path();
    match fs::rename(path, grave) {
        // Somebody else was quicker.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed?,
    }
    if FileId::of(grave)?.is_some_and(|found| found != seen) {
        match fs::hard_link(grave, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if has_no_links(&error) => {
                match renameat_with(CWD, grave, CWD, path, RenameFlags::NOREPLACE) {
                    Err(Errno::EXIST) | Ok(()) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            linked => linked?,
        }
    }
    Ok(())
}

/// Sets a file's time to that of the machine that keeps it.
pub fn touch(path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, utimensat};
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// What time it is for the machine that keeps a folder: the clocks of others may be wrong.
pub fn clock_of(dir: &Path) -> io::Result<SystemTime> {
    let probe = NewFile::create(&dir.join("clock"))?;
    probe.writer.get_ref().as_file().metadata()?.modified()
}

fn persist(temporary: NamedTempFile, target: &Path) -> io::Result<()> {
    let persisted = temporary.persist(target).or_else(|error| {
        match error.error.kind() == io::ErrorKind::IsADirectory && fs::remove_dir(target).is_ok() {
            true => error.file.persist(target),
            false => Err(error),
        }
    });
    persisted.map(drop).map_err(|error| error.error)
}

/// Makes a symbolic link, in place of what stands there.
pub fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    let made = tempfile::Builder::new()
        .prefix(".")
        .suffix(SUFFIX)
        .make_in(folder_of(link), |path| std::os::unix::fs::symlink(target, path))?;
    made.persist(link).map_err(|error| error.error)?;
    sync_folder_of(link)
}

/// Removes what writers of files in this folder left behind, so long ago that none of them can be at work any more.
pub fn remove_leftovers(dir: &Path, older_than: Duration) -> io::Result<()> {
    let mut now = None;
    for entry in again(|| fs::read_dir(dir))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let is_temporary = name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes());
        if !is_temporary || !entry.file_type()?.is_file() {
            continue;
        }
        let now = match now {
            Some(now) => now,
            None => *now.insert(clock_of(dir)?),
        };
        let removed = entry.metadata().and_then(|found| found.modified()).and_then(|modified| {
            match now.duration_since(modified) {
                Ok(age) if older_than <= age => fs::remove_file(entry.path()),
                _ => Ok(()),
            }
        });
        match removed {
            // Finished or removed by somebody else meanwhile, or somebody else's.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                ) => {}
            removed => removed?,
        }
    }
    Ok(())
}

fn has_no_links(error: &io::Error) -> bool {
    NO_LINKS.iter().any(|known| error.raw_os_error() == Some(known.raw_os_error()))
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
    fn a_link_takes_the_place_of_another_and_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        fs::write(&link, "a file").unwrap();
        for target in ["one", "two"] {
            replace_link(Path::new(target), &link).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
        }
        assert_eq!(names(dir.path()), ["link"]);
    }

    #[test]
    fn an_unsynced_file_has_its_name_and_leaves_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"one").unwrap();
        file.finish_unsynced().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(dir.path()), ["a"]);
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
        let old = std::time::SystemTime::now() - Duration::from_secs(7200);
        File::options().write(true).open(&leftover).unwrap().set_modified(old).unwrap();
        fs::write(dir.path().join("b.tmp"), "somebody's").unwrap();
        std::os::unix::fs::symlink("b.tmp", dir.path().join(".link.tmp")).unwrap();
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        remove_leftovers(dir.path(), Duration::from_secs(3600)).unwrap();
        assert!(!leftover.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(dir.path()), [".link.tmp", "a.json", "b.tmp"]);
    }

    #[test]
    fn of_many_writers_of_a_new_file_one_gets_the_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let won: Vec<u8> = std::thread::scope(|scope| {
            let write = |n: u8| publish(&path, &[n; 10_000]).unwrap().then_some(n);
            let started: Vec<_> = (0..16).map(|n| scope.spawn(move || write(n))).collect();
            started.into_iter().filter_map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(won.len(), 1, "{won:?}");
        assert_eq!(fs::read(&path).unwrap(), [won[0]; 10_000]);
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn what_was_seen_is_retired_and_what_came_after_it_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        replace(&path, b"one").unwrap();
        let seen = FileId::of(&path).unwrap().unwrap();
        let kept = dir.path().join("kept");
        fs::rename(&path, &kept).unwrap();
        retire(&path, seen).unwrap();
        replace(&path, b"two").unwrap();
        retire(&path, seen).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        retire(&path, FileId::of(&path).unwrap().unwrap()).unwrap();
        assert_eq!(names(dir.path()), ["kept"]);
        fs::create_dir_all(path.join("full")).unwrap();
        retire(&path, FileId::of(&path).unwrap().unwrap()).unwrap_err();
        assert!(path.join("full").is_dir());
    }

    #[test]
    fn a_touched_file_is_as_old_as_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        replace(&path, b"one").unwrap();
        let old = std::time::SystemTime::now() - Duration::from_secs(7200);
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        touch(&path).unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let apart = clock_of(dir.path()).unwrap().duration_since(modified).unwrap_or_default();
        assert!(apart < Duration::from_secs(3600), "{apart:?}");
    }

    #[test]
    fn a_copied_program_runs() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("program");
        copy_program(Path::new("/bin/true"), &program).unwrap();
        assert!(std::process::Command::new(program).status().unwrap().success());
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
