//! Finds a dataset's cache files and reads them whole, up to a limit.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clsrl_spec::Seed;

use super::{
    json, pickle,
    picks::{CachedLists, check_picks},
};
use crate::datasets::{Dataset, DatasetError, Faults, FewShot};

/// ImageNet with 16 shots takes about 2 MB.
const MAX_BYTES: u64 = 16 << 20;

/// Reads the few-shot set that CoOp kept of `dataset` for these shots and this seed.
///
/// `coop_dir` is laid out as CoOp's data root: `<dataset's folder>/split_fewshot/shot_{k}-seed_{s}.pkl`, or
/// `.json` with `{"train": [[path, label, class name], …], "val": […]}`. If both are there, they must hold
/// the same pictures. A picture is known by the end of its path, since CoOp stores paths of the machine it
/// ran on. Every picture must be in the dataset's list of the same name, with the same label and class
/// name, none in the test list, and every class must have as many as CoOp would draw.
pub fn read_few_shot_cache(
    dataset: &Dataset,
    coop_dir: &Path,
    shots: usize,
    seed: Seed,
) -> Result<FewShot, DatasetError> {
    let dir = coop_dir.join(dataset.id.folder()).join("split_fewshot");
    let pickle_path = dir.join(format!("shot_{shots}-seed_{seed}.pkl"));
    let json_path = dir.join(format!("shot_{shots}-seed_{seed}.json"));
    let pickled = read_one(dataset, &pickle_path, shots, pickle::read)?;
    let exported = read_one(dataset, &json_path, shots, json::read)?;
    match (pickled, exported) {
        (Some(pickled), Some(exported)) if pickled != exported => {
            let mut faults = Faults::default();
            faults.push(format!(
                "found other pictures than in `{}`, expected the same or one file only",
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

fn read_one(
    dataset: &Dataset,
    path: &Path,
    shots: usize,
    read: fn(&[u8]) -> Result<CachedLists, String>,
) -> Result<Option<FewShot>, DatasetError> {
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let path = PathBuf::from(path);
            return Err(DatasetError::Read { dataset: dataset.id, path, source });
        }
    };
    let mut faults = Faults::default();
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

/// Reads a regular file of a bounded size; a pipe would be waited for for ever.
fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
    if !fs::metadata(path)?.is_file() {
        return Err(invalid("it is no regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if MAX_BYTES < bytes.len() as u64 {
        return Err(invalid(format!("it is larger than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}
