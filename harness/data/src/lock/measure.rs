//! What the lock would have to say about a dataset as it lies there.

use std::path::{Path, PathBuf};

use clsrl_spec::{
    DatasetId,
    lock::{Known, LockEntry},
};

use super::{
    Checking, Difference, DifferenceKind, LockError, annotations, links, listed::missing_images,
    lists, sidecar, tree::scan,
};
use crate::datasets::{Dataset, layout_of};

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// The entry; what is not there is unverified in it.
    pub entry: LockEntry,
    /// What keeps the images, or an annotation file, from being locked.
    pub faults: Vec<Difference>,
    /// Folders of images that are not there, which is no fault.
    pub missing_folders: Vec<&'static str>,
    /// Why the lists are not locked, if they are not the standard ones.
    pub not_standard: Option<String>,
    /// The folders beyond the data that links lead into, and that are followed from now on.
    pub links: Vec<PathBuf>,
}

/// Measures lists, annotation files and images, writes the sidecar of the images, and records where links lead
/// if the dataset was opened with [`crate::datasets::Links::Everywhere`] and nothing of it is faulty.
///
/// Lists can be locked without images; images of which some cannot be read, or of which the lists name
/// some that are not there, are not locked.
pub fn measure(dataset: &Dataset, checking: &Checking) -> Result<Measured, LockError> {
    let (id, dir) = (dataset.id, dataset.dir.as_path());
    let mut entry = LockEntry::default();
    let not_standard = dataset.not_standard();
    if not_standard.is_none() {
        entry.counts = lists::counts(dataset);
        entry.classes = Known::Verified(lists::classes(dataset));
        entry.split = Known::Verified(lists::split_digest(dataset));
    }
    let mut faults = Vec::new();
    let mut beyond = dataset.beyond.clone();
    match annotations::measure(dataset, &mut beyond) {
        Ok(found) => entry.annotations = found,
        Err(error) => faults.push(Difference::unreadable("annotations", "readable files", error)),
    }
    let missing_folders = missing_folders(id, dir);
    if missing_folders.is_empty() {
        let mut scan = scan((id, dir), &dataset.places, checking)?;
        beyond.append(&mut scan.beyond);
        let reported = scan.faults.subjects(&[DifferenceKind::Missing, DifferenceKind::Unreadable]);
        let missing = missing_images(dataset, &scan, |path| reported.cover(path))?;
        scan.faults.append(missing);
        if scan.faults.is_empty() {
            let path = sidecar::path_of(checking.sidecars, id, scan.tree.sha256);
            sidecar::write(path, scan.files()?.map(Ok))?;
            entry.images = Known::Verified(scan.tree);
        } else {
            let n_more = scan.faults.n_more;
            faults.extend(scan.faults.kept);
            if 0 < n_more {
                faults.push(Difference {
                    kind: DifferenceKind::Unreadable,
                    subject: "images".to_owned(),
                    expected: "no fault".to_owned(),
                    found: format!("{n_more} more"),
                });
            }
        }
    }
    // What is not locked opens no place to later runs.
    let is_sound = faults.is_empty();
    let links = match (dataset.places.follow_everywhere() && is_sound, dir.canonicalize()) {
        (true, Ok(real_dir)) => links::record(checking.sidecars, id, &real_dir, beyond)?,
        _ => Vec::new(),
    };
    Ok(Measured { entry, faults, missing_folders, not_standard, links })
}

fn missing_folders(id: DatasetId, dir: &Path) -> Vec<&'static str> {
    let mut folders = layout_of(id).image_folders.to_vec();
    folders.retain(|folder| dir.join(folder).symlink_metadata().is_err());
    folders
}
