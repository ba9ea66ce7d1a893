//! Hashing files: several at a time, each piece by piece.

use std::{
    io::{self, Read},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use clsrl_files::limit;
use clsrl_spec::lock::Digest;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{Hashed, walk::WalkedFile};

/// A piece of a file. Larger ones fall out of the cache between reading and hashing.
const PIECE: usize = 1 << 17;

/// Files of this size are begun first, so that no thread is left with one at the end of a chunk.
const LARGE: u64 = 8 << 20;

/// A file of the tree, with its digest where that is known already.
pub(super) struct Pending {
    pub(super) file: WalkedFile,
    pub(super) known: Option<Digest>,
}

/// The digest and the size of a file that was read.
pub(super) type Content = (Digest, u64);

/// The contents of a chunk of files below `dir`, in its order.
pub(super) fn hash_chunk(
    dir: &Path,
    chunk: &[Pending],
    progress: &(dyn Fn(Hashed) + Sync),
) -> Vec<io::Result<Content>> {
    let mut order: Vec<usize> =
        (0..chunk.len()).filter(|&idx| chunk[idx].known.is_none()).collect();
    order.sort_by_key(|&idx| chunk[idx].file.stat.size < LARGE);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut buffer = vec![0; PIECE];
        let mut done = Vec::new();
        while let Some(&idx) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let path = dir.join(&chunk[idx].file.path);
            done.push((idx, hash_file(&path, &mut buffer, progress)));
        }
        done
    };
    let n_workers = rayon::current_num_threads().min(order.len());
    let done: Vec<Vec<_>> =
        (0..n_workers).into_par_iter().with_max_len(1).map(|_| work()).collect();

    let known = |pending: &Pending| pending.known.map(|digest| (digest, pending.file.stat.size));
    let mut contents: Vec<Option<io::Result<Content>>> =
        chunk.iter().map(|pending| known(pending).map(Ok)).collect();
    for (idx, content) in done.into_iter().flatten() {
        contents[idx] = Some(content);
    }
    let n_known = chunk.len() - order.len();
    progress(Hashed { n_files: n_known, n_bytes: 0 });
    contents.into_iter().map(|content| content.expect("each was known or hashed")).collect()
}

/// Hashes a regular file and counts its bytes.
pub(super) fn hash_file(
    path: &Path,
    buffer: &mut [u8],
    progress: &(dyn Fn(Hashed) + Sync),
) -> io::Result<Content> {
    let mut file = clsrl_files::open_up_to(path, limit::STREAMED)?;
    let mut hasher = Sha256::new();
    let mut size = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(n_read) => {
                hasher.update(&buffer[..n_read]);
                size += n_read as u64;
                progress(Hashed { n_files: 0, n_bytes: n_read as u64 });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    progress(Hashed { n_files: 1, n_bytes: 0 });
    Ok((Digest(hasher.finalize().into()), size))
}
