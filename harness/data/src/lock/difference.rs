//! In what a dataset on disk differs from its lock, one thing at a time, and what keeps one from finding out.

use std::{collections::BTreeSet, fmt, io, path::PathBuf};

use strum::IntoStaticStr;

/// How many differences of one dataset are kept; the others are counted.
const MAX_KEPT: usize = 10_000;

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// In which way.
    pub kind: DifferenceKind,
    /// A path below the dataset's folder, or the name of a value of the lock.
    pub subject: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// In which way something is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum DifferenceKind {
    /// A file is not there.
    Missing,
    /// A file is there that should not be.
    Extra,
    /// A file has the expected size and another content.
    Changed,
    /// A file has another size.
    Size,
    /// A file or folder cannot be read as one, or must not be.
    Unreadable,
    /// A value of the lock is another.
    Value,
}

impl DifferenceKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.subject, self.expected, self.found)
    }
}

impl Difference {
    pub(super) fn missing(path: &str, expected: String) -> Self {
        Difference {
            kind: DifferenceKind::Missing,
            subject: path.to_owned(),
            expected,
            found: "nothing".to_owned(),
        }
    }

    pub(super) fn changed(path: &str, expected: String, found: String) -> Self {
        let subject = path.to_owned();
        Difference { kind: DifferenceKind::Changed, subject, expected, found }
    }

    pub(super) fn unreadable(path: &str, expected: &str, found: impl fmt::Display) -> Self {
        Difference {
            kind: DifferenceKind::Unreadable,
            subject: path.to_owned(),
            expected: expected.to_owned(),
            found: found.to_string(),
        }
    }

    pub(super) fn value(
        what: impl fmt::Display,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Difference {
            kind: DifferenceKind::Value,
            subject: what.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

/// Differences: the first ten thousand whole, the others as a number, so that memory stays flat.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) kept: Vec<Difference>,
    pub(super) n_more: usize,
}

impl Differences {
    pub(super) fn push(&mut self, difference: Difference) {
        if self.kept.len() < MAX_KEPT {
            self.kept.push(difference);
        } else {
            self.n_more += 1;
        }
    }

    pub(super) fn append(&mut self, others: Differences) {
        for difference in others.kept {
            self.push(difference);
        }
        self.n_more += others.n_more;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The paths with a difference of one of these kinds.
    pub(super) fn subjects(&self, kinds: &[DifferenceKind]) -> Subjects<'_> {
        let of_kind = self.kept.iter().filter(|difference| kinds.contains(&difference.kind));
        Subjects(of_kind.map(|difference| difference.subject.as_str()).collect())
    }
}

/// Paths with a difference.
pub(super) struct Subjects<'a>(BTreeSet<&'a str>);

impl Subjects<'_> {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a path or a folder that it is in has one.
    pub(super) fn cover(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.into_iter().any(|end| self.0.contains(&path[..end]))
    }
}

/// What keeps a dataset from being compared at all: our own files, never the dataset's.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A sidecar or cache cannot be written.
    #[error(
        "cannot write `{}`\nhint: give another folder for sidecars with --sidecars",
        path.display()
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's word on it.
        #[source]
        source: io::Error,
    },
    /// A sidecar or cache that was just written cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word on it.
        #[source]
        source: io::Error,
    },
}
