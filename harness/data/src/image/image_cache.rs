//! Resized images on disk, so that a photograph is decoded once and not once for every fine-tune of a grid.
//!
//! Owns the cache's folder: 256 folders, named by the first byte of their entries' keys. An entry is an image as
//! it is right before it is cut into patches. Its key is a SHA-256 over the digest of the image's file and
//! everything else that decides its pixels, so no entry is ever out of date, and one that is not whole is not
//! there. The cache has no say in what an image is: where it fails, nobody hears of it, and the image is made as
//! if there were none.
//!
//! Entries are read, not mapped into memory. Both take the same time, and what was read stays as it was checked,
//! while a mapped file that another program cuts short ends the process.

mod entry;
mod folder;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use clsrl_spec::lock::Digest;
use serde::{Deserialize, Serialize};

use self::{entry::Entry, folder::Folder};
use super::rgb::RgbImage;
use crate::sha256::TextHasher;

const N_FOLDERS: usize = 256;

/// Where a cache lies, and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheSpace {
    /// Its folder.
    #[serde(with = "clsrl_files::path_text")]
    pub dir: PathBuf,
    /// The most bytes of disk that its entries take.
    pub n_bytes: u64,
}

/// A cache of resized images, which any number of threads and processes may share.
///
/// Every folder holds its share of the bytes. Where it is full, what nobody has read for a day makes room, the
/// oldest first; where nothing is that old, the new image is not kept. An evaluation reads the same images in
/// the same order every time: a cache that gave up its oldest entry for every new one would have lost each of them
/// by the time it is read again. A process that writes into a folder while another does so can overshoot the bound
/// by the one entry that it writes.
#[derive(Debug)]
pub struct ImageCache {
    dir: PathBuf,
    bytes_per_folder: u64,
    /// Held by who writes into a folder, from finding room to taking it.
    writing: [Mutex<()>; N_FOLDERS],
}

/// The name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(Digest);

impl CacheSpace {
    /// Makes the cache's folder, and brings what lies there within the bound: the oldest goes first.
    ///
    /// # Errors
    /// Where the folder cannot be made or written to; a cache that lies there can be read all the same.
    pub fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        folder::check_writable(&self.dir)?;
        let cache = ImageCache::new(self);
        (0..=u8::MAX).map(|first_byte| cache.folder(first_byte)).try_for_each(|folder| match folder
            .make_room(0, None)
        {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    }
}

impl ImageCache {
    /// The cache of a folder, which need not be there.
    pub fn new(space: &CacheSpace) -> Self {
        ImageCache {
            dir: space.dir.clone(),
            bytes_per_folder: space.n_bytes / N_FOLDERS as u64,
            writing: [const { Mutex::new(()) }; N_FOLDERS],
        }
    }

    /// An image that was kept.
    pub(super) fn get(&self, key: Key) -> Option<RgbImage> {
        // Whatever stands in the way of reading an entry, the image is made anew.
        self.folder(key.first_byte()).read(key).ok()?
    }

    /// Keeps an image, if there is room.
    pub(super) fn keep(&self, key: Key, image: &RgbImage) {
        let writing = &self.writing[usize::from(key.first_byte())];
        let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
        // An image that cannot be kept is made again when it is wanted again.
        let _ = self.folder(key.first_byte()).keep(&Entry { key, image });
    }

    fn folder(&self, first_byte: u8) -> Folder {
        Folder { dir: self.dir.join(format!("{first_byte:02x}")), limit: self.bytes_per_folder }
    }
}

impl Key {
    /// The key of what a transform, in words, makes of an image's file with this SHA-256.
    pub fn new(file: Digest, transform: &str) -> Self {
        let mut hasher = TextHasher::default();
        hasher.text(&file.to_string());
        hasher.text(transform);
        Key(hasher.digest())
    }

    fn bytes(self) -> [u8; 32] {
        self.0.0
    }

    fn first_byte(self) -> u8 {
        self.bytes()[0]
    }

    fn file_in(self, dir: &Path) -> PathBuf {
        dir.join(self.0.to_string())
    }
}

#[cfg(test)]
mod tests;
