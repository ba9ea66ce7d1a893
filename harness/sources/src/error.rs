//! What keeps an archive from being unpacked.

use std::{io, path::PathBuf};

/// A table of sources that cannot be read: the program's own, so a mistake of its makers.
#[derive(Debug, thiserror::Error)]
#[error("the table of sources is broken: {0}")]
pub struct TableError(pub(crate) String);

/// An archive that is not unpacked. Nothing of it has its name then.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It would do what no archive of a dataset does, or holds more than any of them.
    #[error("`{}` is not unpacked: {what}", archive.display())]
    Hostile {
        /// The archive.
        archive: PathBuf,
        /// What it holds.
        what: String,
    },
    /// It cannot be read to its end.
    #[error("`{}` is not unpacked: {what}", archive.display())]
    Broken {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It holds something else.
    #[error("`{}` has nothing below `{from}`, expected the files of `{to}`", archive.display())]
    Missing {
        /// The archive.
        archive: PathBuf,
        /// The folder or file that is not in it.
        from: String,
        /// What it was to become.
        to: String,
    },
    /// Something stands where the files were to go.
    #[error("`{}` is there already", path.display())]
    Occupied {
        /// What stands there.
        path: PathBuf,
    },
    /// It was told to stop.
    #[error("interrupted")]
    Stopped,
    /// A file here cannot be read or written.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was to be done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's word on it.
        #[source]
        source: io::Error,
    },
}

impl UnpackError {
    /// Makes an error of a file's.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| UnpackError::Io { doing, path: path.into(), source }
    }
}

/// What is wrong with an archive, before it is known which.
#[derive(Debug)]
pub(crate) enum Fault {
    Hostile(String),
    Broken(String),
    Stopped,
    /// The archive cannot be read, or what it holds cannot be written: with the words and the file of it.
    Io(&'static str, PathBuf, io::Error),
}

impl Fault {
    /// Says which archive it was.
    pub(crate) fn of(self, archive: PathBuf) -> UnpackError {
        match self {
            Fault::Hostile(what) => UnpackError::Hostile { archive, what },
            Fault::Broken(what) => UnpackError::Broken { archive, what },
            Fault::Stopped => UnpackError::Stopped,
            Fault::Io(doing, path, source) => UnpackError::Io { doing, path, source },
        }
    }

    /// What reading an archive's own bytes came to: the mark of a stop, or damage.
    pub(crate) fn reading(error: &io::Error) -> Self {
        match error.kind() {
            STOPPED => Fault::Stopped,
            io::ErrorKind::UnexpectedEof => Fault::Broken("it ends too soon".to_owned()),
            _ => Fault::Broken(format!("it cannot be read: {error}")),
        }
    }
}

/// The kind of error by which a reader is told to stop: never a disk's.
pub(crate) const STOPPED: io::ErrorKind = io::ErrorKind::ConnectionAborted;
