//! The record of where a dataset's links lead: made by whoever locks the dataset, read by every run.
//!
//! It belongs to one folder on one machine, as the cache of times does, and lies beside it. It names at most
//! [`MAX_FOLDERS`] folders; where a store has more, the folders above them. A record that is damaged names none.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clsrl_spec::{DatasetId, lock::Digest};
use sha2::{Digest as _, Sha256};

use super::{LockError, atomic::AtomicFile, stat_cache};
use crate::datasets::Links;

const FORMAT: &str = "clsrl-bench links 1";

/// The most folders that are recorded.
const MAX_FOLDERS: usize = 1024;

/// The shortest path that stands for the folders in it, in parts: `/` and two names.
const MIN_PARTS: usize = 3;

/// A record has at most as many paths as are kept, and a path at most 4096 bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The links of the dataset below `data_dir` that are followed: those that `datasets lock` recorded.
pub fn recorded_links(sidecars: &Path, id: DatasetId, data_dir: &Path) -> Links {
    read_recorded(sidecars, id, &data_dir.join(id.folder()))
}

/// The same for the dataset in `dir`.
pub(super) fn read_recorded(sidecars: &Path, id: DatasetId, dir: &Path) -> Links {
    Links::Into(read(sidecars, id, dir).unwrap_or_default())
}

fn read(sidecars: &Path, id: DatasetId, dir: &Path) -> Option<Vec<PathBuf>> {
    let real_dir = dir.canonicalize().ok()?;
    let text = clsrl_files::read_to_string(&path_of(sidecars, id, &real_dir), MAX_BYTES).ok()?;
    let body = text.strip_prefix(&header(id, &real_dir))?;
    let (folders, end) = body.rsplit_once("end ")?;
    let checksum = checksum(&text[..text.len() - end.len() - 4]);
    (end == format!("{checksum}\n")).then(|| folders.lines().map(PathBuf::from).collect())
}

/// Records the folders that a dataset's links led to, in place of what was recorded; gives what was recorded. The root
/// of the file system is none of them: to follow links into it would be to follow all.
pub(super) fn record(
    sidecars: &Path,
    id: DatasetId,
    real_dir: &Path,
    mut folders: BTreeSet<PathBuf>,
) -> Result<Vec<PathBuf>, LockError> {
    folders.retain(|folder| folder.parent().is_some());
    let path = path_of(sidecars, id, real_dir);
    let folders = few(folders);
    if folders.is_empty() && !path.exists() {
        return Ok(folders);
    }
    let mut text = header(id, real_dir);
    // A name that is no text, or would break the line, is not recorded, so what lies there is refused.
    for folder in folders.iter().filter_map(|folder| folder.to_str()) {
        if !folder.contains(char::is_control) {
            text += &format!("{folder}\n");
        }
    }
    text += &format!("end {}\n", checksum(&text));
    let mut file = AtomicFile::create(path)?;
    file.write(text.as_bytes())?;
    file.finish()?;
    Ok(folders)
}

fn path_of(sidecars: &Path, id: DatasetId, real_dir: &Path) -> PathBuf {
    stat_cache::path_of(sidecars, id, real_dir).with_extension("links")
}

fn header(id: DatasetId, real_dir: &Path) -> String {
    format!("{FORMAT}\ndataset {id}\nfolder {real_dir:?}\n")
}

fn checksum(text: &str) -> Digest {
    Digest(Sha256::digest(text).into())
}

/// Folders that hold all of these: none within another, and not too many.
fn few(mut folders: BTreeSet<PathBuf>) -> Vec<PathBuf> {
    loop {
        let mut outer: Vec<PathBuf> = Vec::new();
        // In their order a folder comes right before what it holds.
        for folder in folders {
            if outer.last().is_none_or(|last| !folder.starts_with(last)) {
                outer.push(folder);
            }
        }
        let n_parts = |folder: &PathBuf| folder.components().count();
        let deepest = outer.iter().map(n_parts).max().unwrap_or_default();
        if outer.len() <= MAX_FOLDERS || deepest <= MIN_PARTS {
            return outer;
        }
        let above = |folder: PathBuf| match folder.parent() {
            Some(parent) if n_parts(&folder) == deepest => parent.to_owned(),
            _ => folder,
        };
        folders = outer.into_iter().map(above).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(paths: impl IntoIterator<Item = String>) -> BTreeSet<PathBuf> {
        paths.into_iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_folder_stands_for_those_within_it() {
        let found = few(folders(["/a/b", "/a/b/c", "/a/bc", "/d"].map(str::to_owned)));
        assert_eq!(found, ["/a/b", "/a/bc", "/d"].map(PathBuf::from));
    }

    #[test]
    fn a_store_of_many_folders_is_named_by_those_above() {
        let keys = (0..5000).map(|key| format!("/repo/.git/annex/objects/{:02x}/{key}", key % 256));
        let found = few(folders(keys));
        assert_eq!(found.len(), 256);
        assert_eq!(found[0], Path::new("/repo/.git/annex/objects/00"));
        let scattered = few(folders((0..5000).map(|n| format!("/{n}/a/b/c"))));
        assert_eq!(scattered.len(), 5000, "never the root itself");
        assert!(scattered.iter().all(|folder| folder.components().count() == MIN_PARTS));
    }

    #[test]
    fn a_record_is_read_back_and_a_damaged_one_is_none() {
        let place = tempfile::tempdir().unwrap();
        let (sidecars, data) = (place.path().join("sidecars"), place.path().join("data"));
        let dir = data.join("dtd");
        std::fs::create_dir_all(&dir).unwrap();
        let real_dir = dir.canonicalize().unwrap();
        let id = DatasetId::Dtd;
        assert_eq!(recorded_links(&sidecars, id, &data), Links::NONE);
        let named = folders(["/store/a".to_owned(), "/store/b".to_owned()]);
        record(&sidecars, id, &real_dir, named.clone()).unwrap();
        let links = recorded_links(&sidecars, id, &data);
        assert_eq!(links, Links::Into(named.into_iter().collect()));
        let path = path_of(&sidecars, id, &real_dir);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("/store/b", "/store/c")).unwrap();
        assert_eq!(recorded_links(&sidecars, id, &data), Links::NONE);
        record(&sidecars, id, &real_dir, BTreeSet::new()).unwrap();
        assert_eq!(recorded_links(&sidecars, id, &data), Links::NONE);
    }
}
