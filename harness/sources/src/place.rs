//! From an archive to a dataset's folder: unpacked beside, then renamed into place.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clsrl_files::NewFile;

use crate::{
    archive::{Progress, Unpacking, unpack},
    error::UnpackError,
    table::Piece,
};

/// What the names of folders begin with that are unpacked into.
const PREFIX: &str = ".unpack.";

/// Unpacks an archive beside a dataset's files and renames its pieces into place; `check` sees each piece under its
/// temporary name first and may refuse it. Whoever calls it holds the dataset's lock: what an earlier call left
/// behind when it was killed is removed.
///
/// # Errors
///
/// Those of [`unpack`], what `check` refuses, and something that stands where a piece would go. Nothing of the archive
/// has its name then, but for pieces that were renamed before a disk failed.
pub fn place<E: From<UnpackError>>(
    unpacking: &Unpacking,
    dataset_dir: &Path,
    progress: Progress,
    mut check: impl FnMut(&Piece, &Path) -> Result<(), E>,
) -> Result<(), E> {
    fs::create_dir_all(dataset_dir).map_err(UnpackError::io("create", dataset_dir))?;
    remove_leftovers(dataset_dir)?;
    let beside = tempfile::Builder::new()
        .prefix(PREFIX)
        // As other folders are created; the umask takes its part away.
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .tempdir_in(dataset_dir)
        .map_err(UnpackError::io("write into", dataset_dir))?;
    unpack(unpacking, beside.path(), progress)?;
    for piece in unpacking.pieces {
        check(piece, &beside.path().join(&piece.to))?;
    }
    for piece in unpacking.pieces {
        rename(&beside.path().join(&piece.to), &dataset_dir.join(&piece.to))?;
    }
    beside.close().map_err(UnpackError::io("remove a folder in", dataset_dir))?;
    Ok(())
}

/// Unpacks an archive into a temporary folder below `dir`, reads what is needed there, and removes it.
///
/// # Errors
///
/// Those of [`unpack`] and of `read`.
pub fn read_unpacked<T, E: From<UnpackError>>(
    unpacking: &Unpacking,
    dir: &Path,
    read: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let beside = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(dir)
        .map_err(UnpackError::io("write into", dir))?;
    unpack(unpacking, beside.path(), &mut |_| true)?;
    read(beside.path())
}

/// Gives a file or folder its name where nothing stands, or an empty folder.
fn rename(from: &Path, to: &Path) -> Result<(), UnpackError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(UnpackError::io("create", parent))?;
    }
    let renamed = match from.is_dir() {
        // An empty folder is replaced; one with something in it is an error.
        true => fs::rename(from, to),
        false => copy_new(from, to),
    };
    renamed.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::DirectoryNotEmpty
        | io::ErrorKind::NotADirectory => UnpackError::Occupied { path: to.to_owned() },
        _ => UnpackError::Io { doing: "write", path: to.to_owned(), source: error },
    })
}

/// Copies a small file to a name that nobody has.
fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut reader = clsrl_files::open(from)?;
    let mut file = NewFile::create(to)?;
    io::copy(&mut reader, &mut file)?;
    file.flush()?;
    match file.finish_new()? {
        true => Ok(()),
        false => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

fn remove_leftovers(dir: &Path) -> Result<(), UnpackError> {
    let left: Vec<PathBuf> = fs::read_dir(dir)
        .map_err(UnpackError::io("read", dir))?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()))
        // A link of that name is nobody's folder.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    left.iter()
        .try_for_each(|path| fs::remove_dir_all(path).map_err(UnpackError::io("remove", path)))
}
