//! A small dataset on disk with its lock entry.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clsrl_data::{
    datasets::Dataset,
    lock::{Checked, Checking, Hashed, Measured, Mode, check, measure},
};
use clsrl_spec::{DatasetId, lock::LockEntry};
use tempfile::TempDir;

pub const SPLIT: &str = "split_zhou_DescribableTextures.json";

/// DTD with two classes of three images, and a folder for sidecars.
pub struct Place {
    root: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Place { root: tempfile::tempdir().unwrap() };
        let mut lists: [Vec<String>; 3] = Default::default();
        for (label, class) in ["banded", "dotted"].into_iter().enumerate() {
            fs::create_dir_all(place.image(class)).unwrap();
            for (number, list) in lists.iter_mut().enumerate() {
                let path = format!("{class}/{class}_{number}.jpg");
                place.write(&path, format!("image {class} {number}").as_bytes());
                list.push(format!("[\"{path}\", {label}, \"{class}\"]"));
            }
        }
        let [train, val, test] = lists.map(|rows| rows.join(","));
        let split = format!("{{\"train\":[{train}],\"val\":[{val}],\"test\":[{test}]}}");
        fs::write(place.dir().join(SPLIT), split).unwrap();
        place
    }

    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub fn dir(&self) -> PathBuf {
        self.data().join("dtd")
    }

    pub fn image(&self, path: &str) -> PathBuf {
        self.dir().join("images").join(path)
    }

    pub fn sidecars(&self) -> PathBuf {
        self.root.path().join("sidecars")
    }

    pub fn elsewhere(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.image(path), bytes).unwrap();
    }

    pub fn dataset(&self) -> Dataset {
        Dataset::open(DatasetId::Dtd, &self.data()).unwrap()
    }

    pub fn measured(&self) -> Measured {
        measure(&self.dataset(), &checking(&self.sidecars(), Mode::Deep)).unwrap()
    }

    /// The entry of what lies there now.
    pub fn locked(&self) -> LockEntry {
        let measured = self.measured();
        assert_eq!(measured.faults, []);
        measured.entry
    }

    pub fn check(&self, entry: &LockEntry, mode: Mode) -> Checked {
        check(&self.dataset(), Some(entry), &checking(&self.sidecars(), mode)).unwrap()
    }

    /// Every difference in words.
    pub fn differences(&self, entry: &LockEntry, mode: Mode) -> Vec<String> {
        self.check(entry, mode).differences.iter().map(ToString::to_string).collect()
    }
}

pub fn checking(sidecars: &Path, mode: Mode) -> Checking<'_> {
    Checking { mode, sidecars, progress: &|_: Hashed| () }
}
