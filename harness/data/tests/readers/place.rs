//! A data root to put a dataset's files into, and the facts that the tests compare with.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clsrl_data::datasets::{Dataset, DatasetError, Example};
use clsrl_spec::DatasetId;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

/// A row of a split file: path, label, class name.
pub type Row = (String, usize, String);

pub struct Place {
    pub id: DatasetId,
    root: TempDir,
}

impl Place {
    pub fn new(id: DatasetId) -> Place {
        let place = Place { id, root: tempfile::tempdir().unwrap() };
        fs::create_dir(place.dir()).unwrap();
        place
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn dir(&self) -> PathBuf {
        self.root().join(self.id.folder())
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub fn open(&self) -> Result<Dataset, DatasetError> {
        Dataset::open(self.id, self.root())
    }

    /// The errors of the dataset as text, with `DIR` for its folder.
    pub fn errors(&self) -> String {
        let message = self.open().unwrap_err().to_string();
        message.replace(self.dir().to_str().unwrap(), "DIR")
    }
}

pub fn shared() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let dir = std::env::var_os("CLSRL_SHARED").map_or(default.into(), PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: `{}` is not there", dir.display());
    None
}

pub fn read_json<T: DeserializeOwned>(path: &Path) -> T {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The real class names of a dataset, in label order.
pub fn real_names(shared: &Path, id: DatasetId) -> Vec<String> {
    let text = fs::read_to_string(shared.join(format!("data/classnames/{id}.txt"))).unwrap();
    text.lines().map(str::to_owned).collect()
}

pub fn rows(examples: &[Example]) -> Vec<Row> {
    let row = |e: &Example| (e.path.clone(), e.label, e.class_name.clone());
    examples.iter().map(row).collect()
}
