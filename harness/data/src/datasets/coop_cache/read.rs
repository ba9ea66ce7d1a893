//! Finds a dataset's cache files and reads them whole, up to a limit.

use std::{
    io,
    path::{Path, PathBuf},
};

use clsrl_spec::{DatasetId, Seed};

use super::{
    json, pickle,
    picks::{CachedLists, check_picks},
};
use crate::{
    datasets::{Dataset, DatasetError, Faults, FewShot},
    image::stand_in,
};

/// ImageNet with 16 shots takes about 2 MB.
const MAX_BYTES: u64 = 16 << 20;

/// Reads the few-shot set that CoOp kept of `dataset` for these shots and this seed.
///
/// `coop_dir` is laid out as CoOp's data root: `<dataset's folder>/split_fewshot/shot_{k}-seed_{s}.pkl`, or
/// `.json` with `{"train": [[path, label, class name], …], "val": […]}`. If both are there, they must hold
/// the same images. An image is known by the end of its path, since CoOp stores paths of the machine it
/// ran on. Every image must be in the dataset's list of the same name, with the same label and class
/// name, none in the test list, and every class must have as many as CoOp would draw.
pub fn read_few_shot_cache(
    dataset: &Dataset,
    coop_dir: &Path,
    shots: usize,
    seed: Seed,
) -> Result<FewShot, DatasetError> {
    let [pickle_path, json_path] = few_shot_cache_paths(dataset.id, coop_dir, shots, seed);
    let pickled = read_one(dataset, &pickle_path, shots, pickle::read)?;
    let exported = read_one(dataset, &json_path, shots, json::read)?;
    match (pickled, exported) {
        (Some(pickled), Some(exported)) if pickled != exported => {
            let mut faults = Faults::default();
            faults.push(format!(
                "found other images than in `{}`, expected the same or one file only",
                pickle_path.display()
            ));
            Err(faults.of(dataset.id, &json_path))
        }
        (Some(few_shot), _) | (None, Some(few_shot)) => Ok(few_shot),
        (None, None) => Err(DatasetError::Missing {
            dataset: dataset.id,
            path: pickle_path,
            hint: "CoOp writes it when it trains with these shots and this seed; the same as JSON \
                   will do"
                .to_owned(),
        }),
    }
}

/// The two files that can hold CoOp's few-shot set of a dataset.
pub fn few_shot_cache_paths(
    id: DatasetId,
    coop_dir: &Path,
    shots: usize,
    seed: Seed,
) -> [PathBuf; 2] {
    let dir = coop_dir.join(id.folder()).join("split_fewshot");
    ["pkl", "json"].map(|ending| dir.join(format!("shot_{shots}-seed_{seed}.{ending}")))
}

fn read_one(
    dataset: &Dataset,
    path: &Path,
    shots: usize,
    read: fn(&[u8]) -> Result<CachedLists, String>,
) -> Result<Option<FewShot>, DatasetError> {
    let bytes = match clsrl_files::read(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let path = PathBuf::from(path);
            return Err(DatasetError::Read { dataset: dataset.id, path, source });
        }
    };
    let mut faults = Faults::default();
    if let Some(found) = stand_in(&bytes) {
        faults.push(format!("found {found}"));
        return Err(faults.of(dataset.id, path));
    }
    let lists = match read(&bytes) {
        Ok(lists) => lists,
        Err(fault) => {
            faults.push(fault);
            return Err(faults.of(dataset.id, path));
        }
    };
    let few_shot = check_picks(dataset, shots, &lists, &mut faults);
    faults.or_else(dataset.id, path, Some(few_shot))
}
