//! An advisory lock that one process has at a time, where the file system has locks.
//!
//! Over a network it may refuse them, keep them to one machine, or say yes to everybody: a lock saves work and guards
//! nothing. What must be exclusive is published ([`crate::publish`]).

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

/// A lock that is had until it is dropped, or its process ends.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of this file, which is created if need be; `None` if another process has it.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FileLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(source),
        }
    }

    /// Takes the lock of this file, which is created if need be, and waits for whoever has it.
    pub fn take(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()?;
        Ok(FileLock { _file: file })
    }
}

/// Whether an error says that a file system has no locks, or that its server has none to give.
pub fn has_no_locks(error: &io::Error) -> bool {
    let known = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL];
    known.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn open(path: &Path) -> io::Result<File> {
    // A link is not followed, and a FIFO not waited for.
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mut options = File::options();
    options.write(true).create(true).truncate(false).custom_flags(flags.bits() as i32);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_lock_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock");
        let lock = FileLock::try_take(&path).unwrap().unwrap();
        assert!(FileLock::try_take(&path).unwrap().is_none());
        drop(lock);
        FileLock::take(&path).unwrap();
    }
}
