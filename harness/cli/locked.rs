//! The lock, and how what a run is about to use is held to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_data::{
    BoundDataset,
    datasets::Dataset,
    lock::{Checked, Checking, Hashed, ImageDigests, Mode, check, lock_key, split_digest},
    prompts::UsedImages,
};
use clsrl_files::limit;
use clsrl_spec::{
    DatasetId,
    lock::{Lock, LockEntry, Tree},
};

use crate::{
    cache::sidecars_dir,
    exit::Exit,
    meter::Meter,
    options::{Check, DataOptions},
    progress::Detail,
    project::Project,
};

/// The project's lock.
pub const LOCK: &str = "datasets.lock";

/// How many files of a dataset are named where it differs.
const MAX_NAMED: usize = 20;

/// What comparing with the lock gave.
pub struct Locked {
    /// The digest of each dataset's tree of images, as far as it was looked at or is locked; of an
    /// unlocked one with a word that says so.
    pub images: BTreeMap<DatasetId, String>,
    /// The datasets that differ from the lock, or that nobody has locked.
    pub unlocked: BTreeSet<DatasetId>,
    /// What was found of each dataset and of the images that are used; where images were not looked at, of
    /// those that are trained on.
    pub bound: BTreeMap<DatasetId, BoundDataset>,
}

/// Compares datasets with the lock; without `--allow-unlocked` a dataset that differs is an error.
pub fn compare(
    project: &Project,
    (datasets, used): (&BTreeMap<DatasetId, Dataset>, &BTreeMap<DatasetId, UsedImages>),
    options: &DataOptions,
    depth: Check,
    detail: Detail,
) -> anyhow::Result<Locked> {
    let path = find_lock(project, options.lock.as_deref())?;
    let (_, lock) = read_lock(&path)?;
    let mut locked =
        Locked { images: BTreeMap::new(), unlocked: BTreeSet::new(), bound: BTreeMap::new() };
    let mut faults = Vec::new();
    for (&id, dataset) in datasets {
        let entry = lock.entry(lock_key(dataset));
        let used = used.get(&id).cloned().unwrap_or_default();
        let expected = expected_tree(dataset, entry);
        if depth == Check::Lists && (expected.is_some() || !options.allow_unlocked) {
            match expected {
                Some(tree) => drop(locked.images.insert(id, tree.sha256.to_string())),
                None => drop(locked.unlocked.insert(id)),
            }
            // Without a folder of sidecars there is none to be found.
            let sidecars = sidecars_dir(options.sidecars.as_deref()).unwrap_or_default();
            let images = ImageDigests::as_locked(dataset, &sidecars, expected, used.trained);
            locked.bound.insert(id, BoundDataset::new(dataset, images));
            continue;
        }
        let mode = if depth == Check::Deep { Mode::Deep } else { Mode::Fast };
        let sidecars = sidecars_dir(options.sidecars.as_deref())?;
        let checked =
            with_meter(detail, id, (mode, &sidecars), |checking| check(dataset, entry, checking))?;
        let images = ImageDigests::as_checked(dataset, &sidecars, &checked.images, used.all())?;
        locked.bound.insert(id, BoundDataset::new(dataset, images));
        match describe_differences(dataset, &checked) {
            Ok(()) => drop(locked.images.insert(id, checked.images_root)),
            Err(fault) => {
                // Its images are still those that were looked at: other ones make its cells stale.
                locked.images.insert(id, format!("unlocked {}", checked.images_root));
                locked.unlocked.insert(id);
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() || options.allow_unlocked {
        for id in &locked.unlocked {
            detail.say(&format!("{id} is not as locked; its rows are marked"));
        }
        return Ok(locked);
    }
    let shown = path.display();
    Err(Exit::Differs.because(anyhow!(
        "the data differs from `{shown}`\n{}\n\
         hint: restore the files, or accept what lies there with `clsrl-bench datasets lock` \
         (`--accept-changes` where something else was verified before)\n\
         hint: --allow-unlocked runs all the same and marks every row",
        faults.join("\n")
    )))
}

/// The tree of images that the lock expects, if its lists are those that are there.
fn expected_tree<'e>(dataset: &Dataset, entry: Option<&'e LockEntry>) -> Option<&'e Tree> {
    let entry = entry?;
    let split = entry.split.verified()?;
    let tree = entry.images.verified()?;
    (*split == split_digest(dataset)).then_some(tree)
}

/// Says what is wrong with a dataset, a line for each thing.
fn describe_differences(dataset: &Dataset, checked: &Checked) -> Result<(), String> {
    let id = dataset.id;
    if checked.differences.is_empty() {
        return match checked.unverified.as_slice() {
            [] => Ok(()),
            what => Err(describe_unverified(id, &what.join(", "))),
        };
    }
    let mut text = format!("{id}:");
    for difference in checked.differences.iter().take(MAX_NAMED) {
        text.push_str(&format!("\n  {difference}"));
    }
    let n_more = checked.differences.len().saturating_sub(MAX_NAMED) + checked.n_more;
    if 0 < n_more {
        text.push_str(&format!("\n  ({n_more} more; `clsrl-bench datasets verify` tells all)"));
    }
    for more in checked.hint.iter().chain(&dataset.not_standard()) {
        text.push_str(&format!("\n  {more}"));
    }
    Err(text)
}

fn describe_unverified(id: DatasetId, what: &str) -> String {
    format!("{id}:\n  nobody has verified {what} yet")
}

/// The lock that was given, which must be there, or else the project's.
pub fn find_lock(project: &Project, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) if !path.exists() => Err(Exit::Usage.because(anyhow!(
            "there is no lock `{}`\nhint: `clsrl-bench datasets lock --lock FILE` writes one",
            path.display()
        ))),
        Some(path) => Ok(path.to_owned()),
        None => Ok(project.lock(LOCK).read),
    }
}

/// Reads a lock, and its text; a file that is not there is an empty lock.
pub fn read_lock(path: &Path) -> anyhow::Result<(String, Lock)> {
    let text = match clsrl_files::read_to_string(path, limit::SETTINGS) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text
            .with_context(|| format!("cannot read the lock `{}`", path.display()))
            .map_err(|error| Exit::Usage.because(error))?,
    };
    let lock = parse_lock(path, &text)?;
    Ok((text, lock))
}

/// Reads the text of a lock; an empty one is an empty lock.
pub fn parse_lock(path: &Path, text: &str) -> anyhow::Result<Lock> {
    if text.is_empty() {
        return Ok(Lock::default());
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Lock::parse(text, &name).map_err(|errors| Exit::Usage.because(errors))
}

/// Hashes with a meter on the terminal.
pub fn with_meter<T>(
    detail: Detail,
    what: DatasetId,
    (mode, sidecars): (Mode, &Path),
    work: impl FnOnce(&Checking) -> T,
) -> T {
    let meter = Meter::new(detail, what.as_str());
    let progress = |hashed: Hashed| meter.add(hashed);
    let done = work(&Checking { mode, sidecars, progress: &progress });
    meter.close();
    done
}
