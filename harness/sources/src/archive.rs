//! An archive becomes files below a folder, by what its first bytes say that it is.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use flate2::read::MultiGzDecoder;

use crate::{
    error::{Fault, STOPPED, UnpackError},
    limits::Limits,
    table::{Packing, Piece},
    tar_archive,
    tree::{Target, Tree},
    zip_archive,
};

/// Hears how many bytes of an archive were read, and says whether to go on.
pub type Progress<'p> = &'p mut dyn FnMut(u64) -> bool;

/// An archive to be unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Unpacking<'u> {
    /// The archive.
    pub archive: &'u Path,
    /// How it is packed.
    pub packing: &'u Packing,
    /// What of it is wanted.
    pub pieces: &'u [Piece],
    /// For ImageNet's validation images: the folder of each, in the order of their numbers.
    pub folders: &'u [String],
    /// How much it may hold.
    pub limits: &'u Limits,
}

/// Unpacks into a folder that is there, empty and nobody else's: the pieces, by the names that they will have. Where it
/// fails, what it has written stays for the caller to remove.
///
/// Nothing but regular files and folders is made, and nothing outside of `into`. A link or device within a piece, a
/// name that leads out, two names that differ in case alone, a local header with another name, more than the limits
/// allow: each refuses the whole archive.
///
/// # Errors
///
/// What the archive holds that it must not, what it lacks, damage, or a disk's error.
pub fn unpack(unpacking: &Unpacking, into: &Path, progress: Progress) -> Result<(), UnpackError> {
    let archive = unpacking.archive;
    let file = clsrl_files::open(archive).map_err(UnpackError::io("open", archive))?;
    let size = file.metadata().map_err(UnpackError::io("read", archive))?.len();
    let mut tree = Tree::new(into, unpacking.limits, size);
    let of_archive = |fault: Fault| fault.of(archive.to_owned());
    match unpacking.packing {
        Packing::File => {
            let piece = &unpacking.pieces[0];
            let mut reader = Watched { file, progress };
            tree.file(&piece.to, size, &mut reader).map_err(of_archive)?;
        }
        Packing::Archive => {
            let mut watched = Watched { file, progress };
            entries(&mut watched, &mut tree, &mut |path| Tree::target(unpacking.pieces, path))
                .map_err(of_archive)?;
        }
        Packing::Nested { inner } => nested(unpacking, inner, into, (file, progress))?,
        Packing::ClassTars => {
            let to = &unpacking.pieces[0].to;
            let mut watched = Watched { file, progress };
            tar_archive::unpack_tars(&mut watched, &mut tree, to).map_err(of_archive)?;
        }
        Packing::Validation { .. } => {
            let to = &unpacking.pieces[0].to;
            let mut watched = Watched { file, progress };
            let mut target = |path: &str| validation_target(path, to, unpacking.folders);
            entries(&mut watched, &mut tree, &mut target).map_err(of_archive)?;
        }
    }
    match unpacking.pieces.iter().find(|piece| !into.join(&piece.to).exists()) {
        None => Ok(()),
        Some(Piece { from, to }) => Err(UnpackError::Missing {
            archive: archive.to_owned(),
            from: if from.is_empty() { "its root".to_owned() } else { from.clone() },
            to: to.clone(),
        }),
    }
}

/// Unpacks the entries of a tar, a packed tar or a zip.
fn entries(watched: &mut Watched, tree: &mut Tree, target: Target) -> Result<(), Fault> {
    let mut magic = [0; 4];
    let n_read = read_up_to(watched, &mut magic).map_err(|error| Fault::reading(&error))?;
    watched.seek(SeekFrom::Start(0)).map_err(|error| Fault::reading(&error))?;
    match &magic[..n_read] {
        [0x1f, 0x8b, ..] => {
            // Its own errors are of a kind that says nothing; of a stop it keeps the kind.
            let reader = BufReader::with_capacity(1 << 17, watched);
            tar_archive::unpack_tar(MultiGzDecoder::new(reader), tree, target)
        }
        [b'P', b'K', ..] => zip_archive::unpack_zip(watched, tree, target),
        [b'<', ..] => Err(Fault::Broken("it is a page of the web, no archive".to_owned())),
        [] => Err(Fault::Broken("it is empty".to_owned())),
        _ => tar_archive::unpack_tar(BufReader::with_capacity(1 << 17, watched), tree, target),
    }
}

/// Unpacks the archive inside an archive, by way of a file.
fn nested(
    unpacking: &Unpacking,
    inner: &str,
    into: &Path,
    (file, progress): (File, Progress),
) -> Result<(), UnpackError> {
    let of_archive = |fault: Fault| fault.of(unpacking.archive.to_owned());
    let size = file.metadata().map_err(UnpackError::io("read", unpacking.archive))?.len();
    let holder = tempfile::Builder::new()
        .prefix(".nested.")
        .tempdir_in(into)
        .map_err(UnpackError::io("write into", into))?;
    let name = "archive";
    {
        let mut tree = Tree::new(holder.path(), unpacking.limits, size);
        let mut watched = Watched { file, progress: &mut *progress };
        let mut target = |path: &str| (path == inner).then(|| name.to_owned());
        entries(&mut watched, &mut tree, &mut target).map_err(of_archive)?;
    }
    let path = holder.path().join(name);
    if !path.exists() {
        let piece = &unpacking.pieces[0];
        return Err(UnpackError::Missing {
            archive: unpacking.archive.to_owned(),
            from: inner.to_owned(),
            to: piece.to.clone(),
        });
    }
    let file = clsrl_files::open(&path).map_err(UnpackError::io("open", &path))?;
    let size = file.metadata().map_err(UnpackError::io("read", &path))?.len();
    let mut tree = Tree::new(into, unpacking.limits, size);
    // Its bytes are those of the outer one, which were counted.
    let mut go_on = |_| progress(0);
    let mut watched = Watched { file, progress: &mut go_on };
    entries(&mut watched, &mut tree, &mut |path| Tree::target(unpacking.pieces, path))
        .map_err(of_archive)
}

/// Where a validation image goes: `ILSVRC2012_val_00000001.JPEG` into the folder of the first label.
fn validation_target(path: &str, to: &str, folders: &[String]) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let number: usize =
        name.strip_prefix("ILSVRC2012_val_")?.strip_suffix(".JPEG")?.parse().ok()?;
    let folder = folders.get(number.checked_sub(1)?)?;
    Some(format!("{to}/{folder}/{name}"))
}

/// An archive's file, whose reading is watched and may be stopped.
pub(crate) struct Watched<'w> {
    file: File,
    progress: Progress<'w>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.file.read(buffer)?;
        match (self.progress)(n_read as u64) {
            true => Ok(n_read),
            false => Err(STOPPED.into()),
        }
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Reads until the buffer is full or the file ends.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n_read = 0;
    while n_read < buffer.len() {
        match reader.read(&mut buffer[n_read..])? {
            0 => break,
            n => n_read += n,
        }
    }
    Ok(n_read)
}
