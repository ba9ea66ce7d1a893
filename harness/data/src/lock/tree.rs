//! One pass over a dataset's tree of images: walks, hashes, and writes a list of every file.
//!
//! Works in chunks, the next one being walked while one is hashed, so that memory does not grow with the
//! number of files.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clsrl_spec::{DatasetId, lock::Tree};

use super::{
    Checking, Difference, LockError, Mode,
    difference::Differences,
    hash::{Content, Pending, hash_chunk},
    merkle::Merkle,
    sidecar::Listed,
    stat_cache::{self, StatCache, StatCacheWriter},
    walk::{Walk, WalkedFile},
};
use crate::datasets::Places;

/// Files that are hashed between two looks at the walk.
const CHUNK: usize = 4096;

/// What one pass found.
pub(super) struct Scan {
    /// The tree of the files that could be read.
    pub(super) tree: Tree,
    /// What could not be read, or is no file.
    pub(super) faults: Differences,
    /// The folders that links led to and that nobody had named.
    pub(super) beyond: BTreeSet<PathBuf>,
    pub(super) id: DatasetId,
    pub(super) real_dir: PathBuf,
    cache: Option<PathBuf>,
}

impl Scan {
    /// The files, in order.
    pub(super) fn files(&self) -> Result<impl Iterator<Item = Listed> + use<>, LockError> {
        let cache = self.cache.as_deref();
        let files = cache.map(|cache| stat_cache::files(cache, self.id, &self.real_dir));
        Ok(files.transpose()?.into_iter().flatten())
    }
}

/// A step of the walk.
type Step = Result<WalkedFile, Difference>;

/// Walks and hashes the images of the dataset in `dir`.
pub(super) fn scan(
    (id, dir): (DatasetId, &Path),
    places: &Places,
    checking: &Checking,
) -> Result<Scan, LockError> {
    let mut faults = Differences::default();
    let walk = match Walk::new(id, dir, places) {
        Ok(walk) => walk,
        Err(fault) => {
            faults.push(fault);
            let tree = Merkle::default().finish();
            let (real_dir, beyond) = (PathBuf::new(), BTreeSet::new());
            return Ok(Scan { tree, faults, beyond, id, real_dir, cache: None });
        }
    };
    let real_dir = walk.real_dir().to_owned();
    let path = stat_cache::path_of(checking.sidecars, id, &real_dir);
    let known = match checking.mode {
        Mode::Fast => StatCache::open(&path, id, &real_dir),
        Mode::Deep => None,
    };
    let cache = StatCacheWriter::create(path, id, &real_dir)?;
    let mut source = Source { walk, known };
    let mut record = Record { merkle: Merkle::default(), cache, faults };
    let mut chunk = source.next_chunk();
    while !chunk.is_empty() {
        let (files, of_chunk) = split(chunk);
        let (contents, next) = rayon::join(
            || hash_chunk(&real_dir, &files, checking.progress),
            || source.next_chunk(),
        );
        of_chunk.into_iter().for_each(|fault| record.faults.push(fault));
        record.add(files, contents)?;
        chunk = next;
    }
    let Record { merkle, cache, faults } = record;
    let (tree, beyond) = (merkle.finish(), source.walk.into_beyond());
    Ok(Scan { tree, faults, beyond, id, real_dir, cache: Some(cache.finish()?) })
}

/// Where files come from, with what is known of them from an earlier pass.
struct Source {
    walk: Walk,
    known: Option<StatCache>,
}

impl Source {
    fn next_chunk(&mut self) -> Vec<Result<Pending, Difference>> {
        let Source { walk, known } = self;
        let mut pending = |file: WalkedFile| {
            let known = known.as_mut().and_then(|known| known.digest(&file.path, file.stat));
            Pending { file, known }
        };
        walk.by_ref().take(CHUNK).map(|step: Step| step.map(&mut pending)).collect()
    }
}

fn split(chunk: Vec<Result<Pending, Difference>>) -> (Vec<Pending>, Vec<Difference>) {
    let (mut files, mut faults) = (Vec::with_capacity(chunk.len()), Vec::new());
    for step in chunk {
        match step {
            Ok(file) => files.push(file),
            Err(fault) => faults.push(fault),
        }
    }
    (files, faults)
}

/// Where files go.
struct Record {
    merkle: Merkle,
    cache: StatCacheWriter,
    faults: Differences,
}

impl Record {
    fn add(
        &mut self,
        files: Vec<Pending>,
        contents: Vec<std::io::Result<Content>>,
    ) -> Result<(), LockError> {
        for (Pending { file: WalkedFile { path, stat }, .. }, content) in
            files.into_iter().zip(contents)
        {
            match content {
                Ok((sha256, size)) => {
                    self.merkle.push(&path, size, sha256);
                    self.cache.push(&Listed { sha256, size, path }, stat)?;
                }
                Err(error) => {
                    self.faults.push(Difference::unreadable(&path, "a readable file", error));
                }
            }
        }
        Ok(())
    }
}
