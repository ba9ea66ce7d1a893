//! The images that the lists name and the tree of images does not have.
//!
//! Reported for a tree that equals its lock, too, and of one that nobody has locked yet: an archive that was
//! half unpacked must not become what everybody is compared with.

use super::{
    Difference, LockError, difference::Differences, image_digests::path_of, leaks::is_test_again,
    tree::Scan,
};
use crate::datasets::Dataset;

/// How many are named of one dataset; the others are counted.
const MAX_NAMED: usize = 100;

/// The listed images that were not found, but for those that `is_reported` knows of already.
pub(super) fn missing_images(
    dataset: &Dataset,
    scan: &Scan,
    is_reported: impl Fn(&str) -> bool,
) -> Result<Differences, LockError> {
    let mut missing = Differences::default();
    if dataset.lists_are_folders() {
        return Ok(missing);
    }
    let mut found = scan.files()?.map(|file| file.path).peekable();
    for (path, split) in list_paths(dataset) {
        while found.next_if(|there| *there < path).is_some() {}
        if found.peek() == Some(&path) || is_reported(&path) {
            continue;
        }
        match missing.kept.len() < MAX_NAMED {
            true => missing.push(Difference::missing(&path, format!("an image of `{split}`"))),
            false => missing.n_more += 1,
        }
    }
    Ok(missing)
}

/// The listed paths below the dataset's folder, in byte order, each with the first list that has it.
pub(super) fn list_paths(dataset: &Dataset) -> Vec<(String, &'static str)> {
    let mut listed = Vec::new();
    for (split, examples) in dataset.splits() {
        if is_test_again(dataset, split) {
            continue;
        }
        listed.extend(examples.iter().map(|example| (path_of(dataset, example), split)));
    }
    listed.sort_by(|(a, _), (b, _)| a.cmp(b));
    listed.dedup_by(|(b, _), (a, _)| a == b);
    listed
}
