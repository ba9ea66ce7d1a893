//! The cache that spares hashing a file which has not changed: of one dataset's folder on one machine.
//!
//! It holds size, inode, times and digest of every file, and ends with a checksum over itself. A cache that is
//! damaged, of another folder or of another format is not used. A file whose times are not older than the
//! cache may have changed after it was read without its times telling (the "racy git" problem), so it is
//! read again.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
    iter::Peekable,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clsrl_files::limit;
use clsrl_spec::{DatasetId, lock::Digest};
use sha2::{Digest as _, Sha256};

use super::{
    LockError,
    atomic::AtomicFile,
    sidecar::{Listed, bounded_line},
    stat::Stat,
};
use crate::sha256::TextHasher;

const FORMAT: &str = "clsrl-bench stat cache 2";

/// The length of the last line: `end `, 64 digits and the line's end.
const END: u64 = 69;

/// How much older than the cache a file's times must be: the times of file systems come in steps of up to
/// two seconds.
const MARGIN_NS: i128 = 2_000_000_000;

/// Where the cache of a dataset's folder belongs. `real_dir` has no links in it.
pub(super) fn path_of(sidecars: &Path, id: DatasetId, real_dir: &Path) -> PathBuf {
    let mut hasher = TextHasher::default();
    hasher.text(&quote(real_dir));
    sidecars.join(format!("{id}-{}.stat", hasher.digest().short(16)))
}

fn quote(real_dir: &Path) -> String {
    format!("{real_dir:?}") // escapes what is not UTF-8, so that folders do not fall together
}

fn header(id: DatasetId, real_dir: &Path) -> String {
    format!("{FORMAT}\ndataset {id}\nfolder {}\n", quote(real_dir))
}

/// A line of the cache.
struct Line {
    listed: Listed,
    stat: Stat,
}

/// A cache that is being written; it counts as written when it was begun.
pub(super) struct StatCacheWriter {
    file: AtomicFile,
    checksum: Sha256,
}

impl StatCacheWriter {
    pub(super) fn create(path: PathBuf, id: DatasetId, real_dir: &Path) -> Result<Self, LockError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let mut writer =
            StatCacheWriter { file: AtomicFile::create(path)?, checksum: Sha256::new() };
        writer.line(&format!("{}written {now}\n", header(id, real_dir)))?;
        Ok(writer)
    }

    pub(super) fn push(&mut self, file: &Listed, stat: Stat) -> Result<(), LockError> {
        let Listed { sha256, size, path } = file;
        let Stat { inode, mtime_ns, ctime_ns, .. } = stat;
        self.line(&format!("{sha256} {size} {inode} {mtime_ns} {ctime_ns} {path}\n"))
    }

    pub(super) fn finish(mut self) -> Result<PathBuf, LockError> {
        let checksum = Digest(self.checksum.finalize().into());
        self.file.write(format!("end {checksum}\n").as_bytes())?;
        self.file.finish()
    }

    fn line(&mut self, line: &str) -> Result<(), LockError> {
        self.checksum.update(line);
        self.file.write(line.as_bytes())
    }
}

/// A cache that was found whole, read along with a walk.
pub(super) struct StatCache {
    lines: Peekable<Lines>,
    written_ns: i128,
}

impl StatCache {
    /// Opens a cache, if it is there, whole, and of this folder.
    pub(super) fn open(path: &Path, id: DatasetId, real_dir: &Path) -> Option<Self> {
        let (lines, written_ns) = open_lines(path, &header(id, real_dir))?;
        Some(StatCache { lines: lines.peekable(), written_ns })
    }

    /// The digest of a file that has not changed since the cache was written. Paths are asked for in order.
    pub(super) fn digest(&mut self, path: &str, stat: Stat) -> Option<Digest> {
        while self.lines.next_if(|line| line.listed.path.as_str() < path).is_some() {}
        let line = self.lines.next_if(|line| line.listed.path == path)?;
        let newest = stat.mtime_ns.max(stat.ctime_ns);
        let is_older = newest < self.written_ns - MARGIN_NS;
        (line.stat == stat && is_older).then_some(line.listed.sha256)
    }
}

/// The files of the cache at `path`, which was written by this process.
pub(super) fn files(
    path: &Path,
    id: DatasetId,
    real_dir: &Path,
) -> Result<impl Iterator<Item = Listed> + use<>, LockError> {
    let lines = open_lines(path, &header(id, real_dir));
    let (lines, _) = lines.ok_or_else(|| changed(path))?;
    Ok(lines.map(|line| line.listed))
}

/// The cache at `path` is not what this process wrote.
pub(super) fn changed(path: &Path) -> LockError {
    let source = io::Error::other("it was changed by somebody else");
    LockError::Read { path: path.to_owned(), source }
}

/// The lines after the header, and when the cache was written.
fn open_lines(path: &Path, header: &str) -> Option<(Lines, i128)> {
    let mut file = clsrl_files::open_up_to(path, limit::TREE).ok()?;
    if !is_whole(&mut file)? {
        return None;
    }
    file.rewind().ok()?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut found = vec![0; header.len()];
    reader.read_exact(&mut found).ok()?;
    if found != header.as_bytes() {
        return None;
    }
    let written = bounded_line(&mut reader).ok()??;
    let written_ns = written.strip_prefix("written ")?.parse().ok()?;
    Some((Lines(reader), written_ns))
}

/// Whether the last line is the checksum of everything before it.
fn is_whole(file: &mut File) -> Option<bool> {
    let n_bytes = file.metadata().ok()?.len().checked_sub(END)?;
    let mut body = BufReader::with_capacity(1 << 16, file.by_ref()).take(n_bytes);
    let mut checksum = Sha256::new();
    loop {
        let piece = body.fill_buf().ok()?;
        if piece.is_empty() {
            break;
        }
        checksum.update(piece);
        let n_read = piece.len();
        body.consume(n_read);
    }
    file.seek(io::SeekFrom::Start(n_bytes)).ok()?;
    let mut end = String::new();
    file.take(END).read_to_string(&mut end).ok()?;
    Some(end == format!("end {}\n", Digest(checksum.finalize().into())))
}

/// The lines of a cache that was found whole.
struct Lines(BufReader<File>);

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let line = bounded_line(&mut self.0).ok()??;
        let mut parts = line.splitn(6, ' ');
        let sha256 = parts.next()?.parse().ok()?; // not so after the last file
        let size = parts.next()?.parse().ok()?;
        let inode = parts.next()?.parse().ok()?;
        let mtime_ns = parts.next()?.parse().ok()?;
        let ctime_ns = parts.next()?.parse().ok()?;
        let path = parts.next()?.to_owned();
        let stat = Stat { size, inode, mtime_ns, ctime_ns };
        Some(Line { listed: Listed { sha256, size, path }, stat })
    }
}
