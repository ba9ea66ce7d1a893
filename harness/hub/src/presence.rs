//! What is there of a file: everything that is, is read.

use std::{
    io,
    path::{Path, PathBuf},
};

use clsrl_files::PartFile;
use clsrl_spec::{Commit, ModelId, lock::Digest};

use crate::{
    content::{ContentDigest, Hashed},
    destination::Destination,
    download::hash,
    error::FetchError,
    listing::ListedFile,
    session::Session,
};

/// What is there of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// All of it, checked just now.
    There(Digest),
    /// This many bytes of it, which are checked when the rest has come.
    Begun(u64),
    /// Something else that may be replaced.
    Damaged,
    /// Nothing.
    Missing,
}

/// A file where one is expected.
pub(crate) struct Found {
    /// Its digests; none if it is of another size.
    pub(crate) hashed: Option<Hashed>,
    path: PathBuf,
}

impl Found {
    /// Whether it is the file.
    pub(crate) fn is_right(&self, file: &ListedFile) -> bool {
        self.hashed.is_some_and(|hashed| file.digest.is_of(&hashed))
    }
}

/// Looks what is there of a file, and reads all of it.
pub(crate) fn presence(
    session: &mut Session,
    destination: &Destination,
    (id, commit): (&ModelId, &Commit),
    file: &ListedFile,
) -> Result<Presence, FetchError> {
    let spot = destination.spot(id, file);
    let found = match hash_file(session, &spot.target, file)? {
        None => match destination.other_place(id, commit, &file.name) {
            Some(path) => hash_file(session, &path, file)?.filter(|found| found.is_right(file)),
            None => None,
        },
        found => found,
    };
    match found {
        Some(Found { hashed: Some(hashed), .. }) if file.digest.is_of(&hashed) => {
            Ok(Presence::There(hashed.sha256))
        }
        Some(Found { path, .. }) => {
            let is_of = |etag: &str| {
                let digest = ContentDigest::sha256(etag).or_else(|| ContentDigest::git(etag));
                digest.is_some_and(|digest| is_file(&digest, &path).unwrap_or(false))
            };
            match destination.may_replace(&file.name, is_of) {
                true => Ok(Presence::Damaged),
                false => Err(FetchError::Foreign { path }),
            }
        }
        None => {
            let left = PartFile::n_bytes_left(&spot.parts_dir, &spot.prefix)
                .map_err(FetchError::io("read", &spot.parts_dir))?;
            Ok(if left == 0 { Presence::Missing } else { Presence::Begun(left) })
        }
    }
}

/// Hashes what stands at a path; none if nothing does. Of another size than expected it is not read.
pub(crate) fn hash_file(
    session: &mut Session,
    path: &Path,
    file: &ListedFile,
) -> Result<Option<Found>, FetchError> {
    let opened = match clsrl_files::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(FetchError::io("read", path))?,
    };
    let size = opened.metadata().map_err(FetchError::io("read", path))?.len();
    let hashed = match size == file.size {
        true => Some(hash(session, file, opened, path.to_owned())?),
        false => None,
    };
    Ok(Some(Found { hashed, path: path.to_owned() }))
}

/// Whether a file has a digest.
fn is_file(digest: &ContentDigest, path: &Path) -> io::Result<bool> {
    let file = clsrl_files::open(path)?;
    let size = file.metadata()?.len();
    Ok(digest.is_of(&digest.hash(size, file, |_| Ok(()))?))
}
