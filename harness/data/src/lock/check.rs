//! Compares a dataset as it lies on disk with its entry in the lock, and goes on after whatever it can report.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clsrl_spec::{
    DatasetId, Seed,
    lock::{Annotation, FileDigest, Known, LockEntry, LockKey, Tree},
};

use super::{
    Checking, Difference, DifferenceKind, LockError, annotations,
    compare::compare,
    difference::Differences,
    links::read_recorded,
    listed::missing_images,
    lists,
    misplaced::find_misplaced,
    sidecar,
    tree::{Scan, scan},
};
use crate::datasets::{Dataset, Places, read_marker};

/// What a comparison found.
#[derive(Debug)]
pub struct Checked {
    /// The tree of images as it lies there.
    pub images: Tree,
    /// The digest of that tree, in hexadecimal.
    pub images_root: String,
    /// What differs from the lock or cannot be read; the first ten thousand.
    pub differences: Vec<Difference>,
    /// How many more differences there are.
    pub n_more: usize,
    /// What the lock does not verify yet.
    pub unverified: Vec<&'static str>,
    /// What would help to name the files that differ.
    pub hint: Option<String>,
}

impl Checked {
    /// Whether everything that was verified is as it must be, and everything is verified.
    pub fn is_locked(&self) -> bool {
        self.differences.is_empty() && self.unverified.is_empty()
    }
}

/// The lock's key of a dataset that was opened.
pub fn lock_key(dataset: &Dataset) -> LockKey {
    let drawn_seed = dataset.drawn.as_deref().and_then(drawn_seed);
    LockKey { drawn_seed, dataset: dataset.id }
}

/// The lock's key of a dataset that may not be there or not readable.
pub fn lock_key_of(id: DatasetId, data_dir: &Path) -> LockKey {
    let marker = read_marker(data_dir).ok().flatten();
    LockKey { drawn_seed: marker.as_deref().and_then(drawn_seed), dataset: id }
}

fn drawn_seed(marker: &str) -> Option<Seed> {
    serde_json::from_str::<serde_json::Value>(marker).ok()?.get("seed")?.as_u64()
}

/// Compares lists, annotation files and images with their entry in the lock. Without an entry nothing
/// differs, nothing is verified, and what cannot be read is reported all the same.
pub fn check(
    dataset: &Dataset,
    entry: Option<&LockEntry>,
    checking: &Checking,
) -> Result<Checked, LockError> {
    let mut differences = Differences::default();
    if let Some(entry) = entry {
        compare_lists(dataset, entry, &mut differences);
    }
    check_files((dataset.id, &dataset.dir), Some(dataset), entry, differences, checking)
}

/// Compares lists and annotation files alone with their entry in the lock: no image is looked at.
pub fn check_lists(dataset: &Dataset, entry: &LockEntry) -> Vec<Difference> {
    let mut differences = Differences::default();
    compare_lists(dataset, entry, &mut differences);
    let place = (dataset.id, dataset.dir.as_path(), &dataset.places);
    for file in &entry.annotations {
        let found = compare_annotation(place, Some(dataset), file);
        found.into_iter().for_each(|found| differences.push(found));
    }
    differences.kept
}

/// Compares what can be compared of a dataset whose lists cannot be read, in its folder.
pub fn check_without_lists(
    (id, dir): (DatasetId, &Path),
    entry: Option<&LockEntry>,
    checking: &Checking,
) -> Result<Checked, LockError> {
    check_files((id, dir), None, entry, Differences::default(), checking)
}

fn check_files(
    (id, dir): (DatasetId, &Path),
    dataset: Option<&Dataset>,
    entry: Option<&LockEntry>,
    mut differences: Differences,
    checking: &Checking,
) -> Result<Checked, LockError> {
    let places = match dataset {
        Some(dataset) => dataset.places.clone(),
        None => Places::new(dir, read_recorded(checking.sidecars, id, dir)),
    };
    for file in entry.map(|entry| entry.annotations.as_slice()).unwrap_or_default() {
        let found = compare_annotation((id, dir, &places), dataset, file);
        found.into_iter().for_each(|found| differences.push(found));
    }
    let mut scan = scan((id, dir), &places, checking)?;
    let faults = std::mem::take(&mut scan.faults);
    let expected = entry.and_then(|entry| entry.images.verified());
    let mut hint = match expected {
        Some(expected) => compare_images(&scan, expected, &faults, &mut differences, checking)?,
        None => None,
    };
    differences.append(faults);
    if let Some(dataset) = dataset {
        let reported = differences.subjects(&[DifferenceKind::Missing, DifferenceKind::Unreadable]);
        let missing = missing_images(dataset, &scan, |path| reported.cover(path))?;
        differences.append(missing);
        if !differences.subjects(&[DifferenceKind::Missing]).is_empty() {
            hint = find_misplaced(dataset).or(hint);
        }
    }
    let unverified = match entry {
        Some(entry) => entry.unverified(),
        None => LockEntry::default().unverified(),
    };
    Ok(Checked {
        images_root: scan.tree.sha256.to_string(),
        images: scan.tree,
        differences: differences.kept,
        n_more: differences.n_more,
        unverified,
        hint,
    })
}

fn compare_lists(dataset: &Dataset, entry: &LockEntry, differences: &mut Differences) {
    let mut compare = |what: &str, expected: Option<String>, found: String| {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            differences.push(Difference::value(what, expected, found));
        }
    };
    let found = lists::counts(dataset);
    for ((split, expected), (_, found)) in entry.counts.by_split().into_iter().zip(found.by_split())
    {
        if let (Some(expected), Some(found)) = (expected.verified(), found.verified()) {
            let words = |n: &usize| format!("{n} images");
            compare(&format!("counts.{split}"), Some(words(expected)), words(found));
        }
    }
    let words = |classes: &clsrl_spec::lock::Classes| {
        format!("{} class names with sha256 {}", classes.n, classes.sha256)
    };
    let expected = entry.classes.verified().map(words);
    compare("classes", expected, words(&lists::classes(dataset)));
    let words = |digest: &clsrl_spec::lock::Digest| format!("lists with sha256 {digest}");
    let expected = entry.split.verified().map(words);
    compare("split", expected, words(&lists::split_digest(dataset)));
}

/// What was read of an annotation file is what is compared; a file that was not read yet is read now.
fn compare_annotation(
    (id, dir, places): (DatasetId, &Path, &Places),
    dataset: Option<&Dataset>,
    file: &Annotation,
) -> Option<Difference> {
    let Annotation { path, content } = file;
    let Known::Verified(expected) = content else { return None };
    let words = |file: &FileDigest| format!("{} bytes with sha256 {}", file.size, file.sha256);
    let content = match dataset.and_then(|dataset| dataset.read_from.get(path)) {
        Some(content) => Ok(Some(content.clone())),
        None => annotations::content((dir, places), path, &mut BTreeSet::new()),
    };
    match content {
        Ok(Some(found)) if found == *expected => None,
        Ok(Some(found)) => Some(Difference {
            kind: DifferenceKind::Changed,
            ..Difference::value(path, words(expected), words(&found))
        }),
        Ok(None) if !annotations::is_read(id, dir, path) => None,
        Ok(None) => Some(Difference::missing(path, words(expected))),
        Err(error) => Some(Difference::unreadable(path, "a readable file", error)),
    }
}

/// Compares trees and, if they differ, the files by name. Gives a hint where they cannot be named.
fn compare_images(
    scan: &Scan,
    expected: &Tree,
    faults: &Differences,
    differences: &mut Differences,
    checking: &Checking,
) -> Result<Option<String>, LockError> {
    let sidecar = sidecar::path_of(checking.sidecars, scan.id, expected.sha256);
    if scan.tree == *expected {
        if faults.is_empty() {
            keep_sidecar(scan, sidecar)?;
        }
        return Ok(None);
    }
    let words = |tree: &Tree| {
        format!("{} files of {} bytes with tree {}", tree.n_files, tree.n_bytes, tree.sha256)
    };
    differences.push(Difference::value("images", words(expected), words(&scan.tree)));
    let listed = match sidecar::open(&sidecar, expected) {
        Ok(listed) => listed,
        Err(fault) => {
            let name = sidecar.file_name().unwrap_or_default().to_string_lossy();
            return Ok(Some(format!(
                "to have the files named, copy `{name}` into `{}` from where the data is as locked \
                 (here {fault}); `datasets verify` and `datasets lock` write it there",
                checking.sidecars.display()
            )));
        }
    };
    let reported = faults.subjects(&[DifferenceKind::Unreadable]);
    // It was read to its end a moment ago; should it be cut since, files only go without a name.
    let by_name = compare(listed.map_while(Result::ok), scan.files()?, |path| reported.cover(path));
    differences.append(by_name);
    Ok(None)
}

fn keep_sidecar(scan: &Scan, path: PathBuf) -> Result<(), LockError> {
    if path.is_file() {
        return Ok(());
    }
    sidecar::write(path, scan.files()?.map(Ok))
}
