//! Opening a file for reading: nothing but a regular file, and never more of it than a bound.
//!
//! A FIFO without a writer would wait for ever, `/dev/zero` would fill the memory, and some devices do
//! something when they are opened. So the kind is looked at before opening, without waiting while
//! opening, and again at the open file. Symbolic links are followed. What a file server refuses for a moment is
//! tried [`again`].

use std::{
    fs::{self, File, FileType},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

use crate::again;

/// Opens a regular file for reading.
///
/// # Errors
///
/// Those of the system, and [`io::ErrorKind::InvalidInput`] for what is no regular file, with the kind in words.
pub fn open(path: &Path) -> io::Result<File> {
    again(|| open_once(path))
}

fn open_once(path: &Path) -> io::Result<File> {
    check_kind(fs::metadata(path)?.file_type())?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path)?;
    check_kind(file.metadata()?.file_type())?;
    Ok(file)
}

/// Opens a regular file of at most `max_bytes` bytes, to be read piece by piece.
///
/// # Errors
///
/// Those of [`open`], and [`io::ErrorKind::FileTooLarge`] for a longer file.
pub fn open_up_to(path: &Path, max_bytes: u64) -> io::Result<File> {
    let file = open(path)?;
    if max_bytes < file.metadata()?.len() { Err(too_large(max_bytes)) } else { Ok(file) }
}

/// Reads a regular file of at most `max_bytes` bytes.
///
/// # Errors
///
/// Those of [`open`], and [`io::ErrorKind::FileTooLarge`] for a longer file, of which no more than the bound was read.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    again(|| read_once(path, max_bytes))
}

fn read_once(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = open_once(path)?;
    let n_bytes = file.metadata()?.len();
    if max_bytes < n_bytes {
        return Err(too_large(max_bytes));
    }
    let mut bytes = Vec::with_capacity(n_bytes as usize);
    // The file may grow while it is read.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if max_bytes < bytes.len() as u64 { Err(too_large(max_bytes)) } else { Ok(bytes) }
}

/// Reads a regular UTF-8 file of at most `max_bytes` bytes.
///
/// # Errors
///
/// Those of [`read`], and [`io::ErrorKind::InvalidData`] for what is not UTF-8.
pub fn read_to_string(path: &Path, max_bytes: u64) -> io::Result<String> {
    String::from_utf8(read(path, max_bytes)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8 (byte {at})"))
    })
}

/// Whether an error says that nothing can be read under a path although something stands there, or in the place of a
/// folder above it: no regular file, or links in a circle. It is the same when it is tried again.
pub fn is_irregular(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput
        || error.kind() == io::ErrorKind::NotADirectory
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn check_kind(kind: FileType) -> io::Result<()> {
    let word = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    let text = format!("it is no regular file but {word}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

pub(crate) fn too_large(max_bytes: u64) -> io::Error {
    let text = format!("it is larger than {max_bytes} bytes, the most that is read of such a file");
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn refusal(path: &Path) -> String {
        open(path).expect_err("it is no regular file").to_string()
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert_eq!(refusal(&fifo), "it is no regular file but a FIFO");
        assert_eq!(refusal(&socket), "it is no regular file but a socket");
        assert_eq!(refusal(&link), "it is no regular file but a device");
        assert_eq!(refusal(dir.path()), "it is no regular file but a folder");
    }

    #[test]
    fn what_stands_in_the_place_of_a_file_is_irregular() {
        let dir = tempfile::tempdir().unwrap();
        let circle = dir.path().join("circle");
        std::os::unix::fs::symlink(&circle, &circle).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        for irregular in [dir.path(), &circle, &dir.path().join("file/below")] {
            assert!(is_irregular(&open(irregular).unwrap_err()), "{}", irregular.display());
        }
        assert!(!is_irregular(&open(&dir.path().join("missing")).unwrap_err()));
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("five");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let error = read(&path, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(open_up_to(&path, 4).unwrap_err().kind(), error.kind());
        open_up_to(&path, 5).unwrap();
        // Their size is given as 0.
        assert_eq!(read(Path::new("/proc/self/mounts"), 1).unwrap_err().kind(), error.kind());
    }

    #[test]
    fn text_that_is_not_utf_8_is_told_by_its_byte() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latin-1");
        fs::write(&path, b"mod\xe8le").unwrap();
        let error = read_to_string(&path, 100).unwrap_err();
        assert_eq!(error.to_string(), "it is not UTF-8 (byte 3)");
    }
}
