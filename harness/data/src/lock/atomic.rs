//! A file that is written under another name and stands under its own only when it is whole.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::LockError;

/// A file in the making; dropped before its end it leaves nothing behind.
pub(super) struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    writer: Option<BufWriter<File>>,
}

impl AtomicFile {
    pub(super) fn create(target: PathBuf) -> Result<Self, LockError> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut temporary = target.clone().into_os_string();
        temporary.push(format!(".partial-{}-{number}", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let created = target.parent().map_or(Ok(()), fs::create_dir_all);
        let file = created
            .and_then(|()| File::create(&temporary))
            .map_err(|source| LockError::Write { path: temporary.clone(), source })?;
        Ok(AtomicFile { target, temporary, writer: Some(BufWriter::with_capacity(1 << 16, file)) })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), LockError> {
        let writer = self.writer.as_mut().expect("it is taken only when the file is finished");
        writer.write_all(bytes).map_err(|source| self.error(source))
    }

    /// Gives the file its name.
    pub(super) fn finish(mut self) -> Result<PathBuf, LockError> {
        let written = self.close().and_then(|()| fs::rename(&self.temporary, &self.target));
        written.map_err(|source| self.error(source))?;
        Ok(self.target.clone())
    }

    fn close(&mut self) -> io::Result<()> {
        let writer = self.writer.take().expect("it is taken only when the file is finished");
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    fn error(&self, source: io::Error) -> LockError {
        LockError::Write { path: self.target.clone(), source }
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // After the end there is nothing to remove, and before it nobody wants to know.
        let _ = fs::remove_file(&self.temporary);
    }
}
