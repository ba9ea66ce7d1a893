//! Sidecars: the files of a tree by name, one line `sha256  size  path` each, sorted by path.
//!
//! A sidecar is named by its tree's digest and checked against it before it is believed, so it can be
//! copied from any machine.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use clsrl_files::limit;
use clsrl_spec::{
    DatasetId,
    lock::{Digest, Tree},
};

use super::{LockError, atomic::AtomicFile, merkle::Merkle};

/// The longest line that is read: a path has at most 4096 bytes.
const MAX_LINE: u64 = 8192;

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) sha256: Digest,
    pub(super) size: u64,
    pub(super) path: String,
}

/// Where the sidecar of a tree belongs.
pub(super) fn path_of(sidecars: &Path, id: DatasetId, root: Digest) -> PathBuf {
    sidecars.join(format!("{id}-{}.sha256", root.short(16)))
}

/// Writes a sidecar.
pub(super) fn write(
    path: PathBuf,
    files: impl Iterator<Item = Result<Listed, LockError>>,
) -> Result<(), LockError> {
    let mut sidecar = AtomicFile::create(path)?;
    for file in files {
        let Listed { sha256, size, path } = file?;
        sidecar.write(format!("{sha256}  {size}  {path}\n").as_bytes())?;
    }
    sidecar.finish().map(drop)
}

/// Opens the sidecar of `tree` once it is known to be whole; otherwise says what is wrong with it.
pub(super) fn open(path: &Path, tree: &Tree) -> Result<Reader, String> {
    let mut merkle = Merkle::default();
    let mut before: Option<String> = None;
    for (number, file) in (1..).zip(Reader::open(path)?) {
        let Listed { sha256, size, path } =
            file.map_err(|fault| format!("line {number}: {fault}"))?;
        if before.is_some_and(|before| path <= before) {
            return Err(format!("line {number}: `{path}` is not in the order of paths"));
        }
        merkle.push(&path, size, sha256);
        before = Some(path);
    }
    let found = merkle.finish();
    if found != *tree {
        return Err(format!("its tree is {}, expected {}", found.sha256, tree.sha256));
    }
    Reader::open(path)
}

/// The lines of a sidecar.
pub(super) struct Reader(BufReader<File>);

impl Reader {
    fn open(path: &Path) -> Result<Self, String> {
        let file =
            clsrl_files::open_up_to(path, limit::TREE).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => "it is not there".to_owned(),
                _ => error.to_string(),
            })?;
        Ok(Reader(BufReader::with_capacity(1 << 16, file)))
    }
}

impl Iterator for Reader {
    type Item = Result<Listed, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match bounded_line(&mut self.0) {
            Ok(None) => return None,
            Ok(Some(line)) => line,
            Err(fault) => return Some(Err(fault)),
        };
        let listed = parse(&line);
        Some(listed.ok_or_else(|| "found no `sha256  size  path`".to_owned()))
    }
}

fn parse(line: &str) -> Option<Listed> {
    let mut parts = line.splitn(3, "  ");
    let sha256 = parts.next()?.parse().ok()?;
    let size = parts.next()?.parse().ok()?;
    let path = parts.next().filter(|path| !path.is_empty())?.to_owned();
    Some(Listed { sha256, size, path })
}

/// A line without its end, `None` after the last one. One that is too long or not ended is refused.
pub(super) fn bounded_line(reader: &mut impl BufRead) -> Result<Option<String>, String> {
    use std::io::Read;

    let mut line = String::new();
    let n_read =
        reader.by_ref().take(MAX_LINE).read_line(&mut line).map_err(|error| error.to_string())?;
    match line.strip_suffix('\n') {
        _ if n_read == 0 => Ok(None),
        Some(line) => Ok(Some(line.to_owned())),
        None => Err("found a line without its end".to_owned()),
    }
}
