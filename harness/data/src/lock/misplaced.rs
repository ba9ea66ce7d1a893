//! Where the images lie that are not where they belong: in the folder's name of another edition, or one deeper.

use std::path::Path;

use super::listed::list_paths;
use crate::datasets::Dataset;

/// How many missing images are looked for, and in how many folders.
const MAX_TRIED: usize = 64;

/// Says where the missing images of a dataset lie, if that can be seen.
pub fn find_misplaced(dataset: &Dataset) -> Option<String> {
    let dir = &dataset.dir;
    let missing = list_paths(dataset).into_iter().find(|(path, _)| !dir.join(path).exists())?.0;
    let (expected, rest) = missing.split_once('/')?;
    let mut folders = folders_of(dir, "");
    for folder in folders.clone() {
        folders.extend(folders_of(dir, &folder));
    }
    let lies_in = |below: &str| dir.join(below).join(rest).is_file().then(|| below.to_owned());
    let found = folders
        .iter()
        .take(MAX_TRIED)
        .find_map(|folder| lies_in(&format!("{folder}/{expected}")).or_else(|| lies_in(folder)))?;
    Some(format!(
        "images lie in `{found}` that are expected in `{expected}`: give that folder this name and place"
    ))
}

/// The folders in a folder below `dir`, in byte order, with their paths below `dir`.
fn folders_of(dir: &Path, folder: &str) -> Vec<String> {
    let Ok(entries) = dir.join(folder).read_dir() else { return Vec::new() };
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().ok();
    let mut names: Vec<String> = entries
        .flatten()
        .take(10 * MAX_TRIED)
        .filter(|entry| entry.path().is_dir())
        .filter_map(name)
        .map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") })
        .collect();
    names.sort_unstable();
    names
}
