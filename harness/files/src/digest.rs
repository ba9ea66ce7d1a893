//! Files that are not what they were when they were looked at.

use std::{error::Error, io, path::PathBuf};

/// A file that is not what it was when it was looked at. It travels as the inner error of an [`io::Error`], through
/// whatever reads files, and is found again by [`difference_in`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not what it was when it was checked: expected {expected}, found {found}\n\
     hint: it was replaced meanwhile; put the checked file back, or run again to check and use the new one",
    path.display()
)]
pub struct Differs {
    /// The file.
    pub path: PathBuf,
    /// Its digest when it was checked, or that there was none.
    pub expected: String,
    /// What it has now.
    pub found: String,
}

impl From<Differs> for io::Error {
    fn from(differs: Differs) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, differs)
    }
}

/// The difference from what was checked that an error, or what caused it, tells of.
pub fn difference_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Differs> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An `io::Error` shows the cause of what it holds, and not that itself.
        let held = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        let held = held.and_then(|held| held.downcast_ref());
        if let Some(differs) = held.or_else(|| error.downcast_ref()) {
            return Some(differs);
        }
        cause = error.source();
    }
    None
}
