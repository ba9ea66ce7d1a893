//! One folder of the cache: entries are read, written, and make room.
//!
//! An entry gets its name when it is whole, and is never changed afterwards, only replaced or removed. A
//! file's time of change says when it was last read, give or take an hour. What lies in the folder is looked at
//! whenever something is to be written, because other processes write there too.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clsrl_files::NewFile;
use clsrl_spec::lock::Digest;

use super::{
    Key,
    entry::{self, Entry},
};
use crate::image::RgbImage;

/// How long an entry is kept after it was last read.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How old the time of an entry may be, so that readers seldom write.
const READ_STEP: Duration = Duration::from_secs(3600);

/// After that long, nobody is still writing a temporary file.
const LEFT: Duration = Duration::from_secs(3600);

/// File systems hand out space in blocks of mostly this many bytes.
const BLOCK: u64 = 4096;

/// A folder of entries.
#[derive(Debug)]
pub(super) struct Folder {
    pub dir: PathBuf,
    /// The most bytes of disk that its files take.
    pub limit: u64,
}

/// A file of the folder.
struct Lying {
    path: PathBuf,
    n_bytes: u64,
    age: Duration,
    is_entry: bool,
}

impl Folder {
    /// Reads an entry's image; nothing if what lies under its name is not that entry.
    pub fn read(&self, key: Key) -> io::Result<Option<RgbImage>> {
        let path = key.file_in(&self.dir);
        if !fs::symlink_metadata(&path)?.is_file() {
            return Ok(None); // nor is a link
        }
        let file = clsrl_files::open(&path)?;
        let metadata = file.metadata()?;
        if self.limit < metadata.len() {
            return Ok(None); // nothing of that length was ever kept, and it would take as much memory
        }
        let image = entry::read(key, metadata.len(), &file)?;
        if image.is_some() && READ_STEP <= age(metadata.modified()?) {
            // Where that is not allowed, the entry only goes sooner.
            let _ = file.set_modified(SystemTime::now());
        }
        Ok(image)
    }

    /// Writes an entry, if there is room or room can be made.
    pub fn keep(&self, entry: &Entry) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let path = entry.key.file_in(&self.dir);
        if !self.make_room(on_disk(entry.n_bytes()), Some(&path))? {
            return Ok(());
        }
        let mut file = NewFile::create(&path)?;
        entry.write(&mut file)?;
        // An entry that a crash leaves damaged is found out by its checksum, and made again.
        file.finish_unsynced()
    }

    /// Whether `n_bytes` have room once the file at `replaced` is gone, and makes room where that is
    /// allowed: of old entries, and of any where there is more than the limit already.
    pub fn make_room(&self, n_bytes: u64, replaced: Option<&Path>) -> io::Result<bool> {
        if self.limit < n_bytes {
            return Ok(false);
        }
        let mut lying = self.lying()?;
        lying.retain(|file| Some(&*file.path) != replaced);
        let mut total: u64 = lying.iter().map(|file| file.n_bytes).sum();
        lying.retain(|file| file.is_entry);
        lying.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| a.path.cmp(&b.path)));
        for file in lying {
            let has_room = total.saturating_add(n_bytes) <= self.limit;
            let may_go = self.limit < total || KEPT <= file.age;
            if has_room || !may_go {
                break;
            }
            remove(&file.path)?;
            total -= file.n_bytes;
        }
        Ok(total.saturating_add(n_bytes) <= self.limit)
    }

    /// The files of the folder, without what a killed process left: that is removed.
    fn lying(&self) -> io::Result<Vec<Lying>> {
        clsrl_files::remove_leftovers(&self.dir, LEFT)?;
        let mut lying = Vec::new();
        for found in fs::read_dir(&self.dir)? {
            let found = found?;
            let metadata = match found.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            if !metadata.is_file() {
                continue;
            }
            let is_entry =
                found.file_name().to_str().is_some_and(|name| name.parse::<Digest>().is_ok());
            lying.push(Lying {
                path: found.path(),
                n_bytes: on_disk(metadata.len()),
                age: age(metadata.modified()?),
                is_entry,
            });
        }
        Ok(lying)
    }
}

/// Fails where no file can be written.
pub(super) fn check_writable(dir: &Path) -> io::Result<()> {
    NewFile::create(&dir.join("probe")).map(drop)
}

/// Another process may have been faster.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn on_disk(n_bytes: u64) -> u64 {
    n_bytes.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

/// How far a time lies from now: clocks are set back, and an entry of the future must not stay for ever.
fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_else(|ahead| ahead.duration())
}
