//! The files that a dataset's lists are made of: which there can be, and what they hold.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use clsrl_spec::{
    DatasetId,
    lock::{Annotation, FileDigest, Known},
};

use super::{checking::Hashed, hash::hash_file};
use crate::datasets::{Dataset, Places, layout_of};

/// Every file, below the dataset's folder, that lists can be read from; those that decide come first.
pub(super) fn known_paths(id: DatasetId) -> Vec<&'static str> {
    layout_of(id).list_files()
}

/// Whether the lists of the dataset in `dir` are read from the file: where the split file lies, no other
/// is looked at.
pub(super) fn is_read(id: DatasetId, dir: &Path, path: &str) -> bool {
    match layout_of(id).split_file() {
        Some(split_file) => path == split_file || !dir.join(split_file).is_file(),
        None => true,
    }
}

/// The annotation files of a dataset that lie there: their content as the lists were read from it, or hashed now.
/// The folders that links lead to and that nobody named are added to `beyond`.
pub(super) fn measure(
    dataset: &Dataset,
    beyond: &mut BTreeSet<PathBuf>,
) -> io::Result<Vec<Annotation>> {
    let mut files = Vec::new();
    for path in known_paths(dataset.id) {
        let content = match dataset.read_from.get(path) {
            Some(content) => Some(content.clone()),
            None => content((&dataset.dir, &dataset.places), path, beyond)?,
        };
        if let Some(content) = content {
            files.push(Annotation { path: path.to_owned(), content: Known::Verified(content) });
        }
    }
    Ok(files)
}

/// The content of a file below `dir`; `None` where there is none.
pub(super) fn content(
    (dir, places): (&Path, &Places),
    path: &str,
    beyond: &mut BTreeSet<PathBuf>,
) -> io::Result<Option<FileDigest>> {
    let target = match dir.join(path).canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        target => target?,
    };
    if places.admit(&target, beyond).is_err() {
        return Err(io::Error::other(format!("a link to `{}`", target.display())));
    }
    let mut buffer = vec![0; 1 << 16];
    let (sha256, size) = hash_file(&target, &mut buffer, &|_: Hashed| ())?;
    Ok(Some(FileDigest { size, sha256 }))
}
