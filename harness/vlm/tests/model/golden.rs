//! A golden set: transformers' inputs and outputs, with the tolerances that it measured.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clsrl_vlm::{Grid, Model, Precision, Prompt};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// The set's forward cases, and how far off a float32 implementation may be.
pub struct Goldens {
    pub dir: PathBuf,
    pub tensors: BTreeMap<String, Tensor>,
    pub cases: Vec<String>,
    pub batch_rows: Vec<String>,
    tolerances: Value,
}

impl Goldens {
    /// Opens the set that `CLSRL_GOLDENS` names, else all that are there, one by one; says that they are skipped where
    /// there are none.
    pub fn all() -> impl Iterator<Item = Goldens> {
        golden_dirs().into_iter().map(Goldens::open)
    }

    fn open(dir: PathBuf) -> Goldens {
        eprintln!("golden set {}", dir.display());
        let forward = read_json(&dir.join("forward.json"));
        let tensors = Tensor::read_safetensors(dir.join("forward.safetensors")).unwrap();
        Goldens {
            tensors: tensors.into_iter().collect(),
            cases: forward["cases"].as_object().unwrap().keys().cloned().collect(),
            batch_rows: strings(&forward["batch"]["rows"]),
            tolerances: read_json(&dir.join("tolerances.json")),
            dir,
        }
    }

    pub fn model_dir(&self) -> PathBuf {
        self.dir.join("model")
    }

    pub fn model(&self) -> Model {
        Model::load(&self.model_dir(), Device::Cpu, Precision::Float32).unwrap()
    }

    pub fn json(&self, name: &str) -> Value {
        read_json(&self.dir.join(name))
    }

    pub fn prompt(&self, case: &str) -> Prompt {
        let tensor = |name: &str| &self.tensors[&format!("{case}.{name}")];
        let grids = Vec::<Vec<i64>>::try_from(tensor("image_grid_thw")).unwrap();
        Prompt {
            ids: Vec::try_from(tensor("input_ids").view([-1])).unwrap(),
            pixels: tensor("pixel_values").to_kind(Kind::Float),
            grids: grids.iter().map(|g| Grid { t: g[0], h: g[1], w: g[2] }).collect(),
        }
    }

    /// Ten times what was measured, rounded up to 1, 2 or 5: the README's `suggested`.
    pub fn tolerance(&self, key: &str) -> f64 {
        let measured = self.tolerances[key]["max_abs_diff_f32_f64"]
            .as_f64()
            .unwrap_or_else(|| panic!("no tolerance for {key}"));
        let wanted = 10.0 * measured;
        let decade = 10f64.powf(wanted.log10().floor());
        [1.0, 2.0, 5.0, 10.0].map(|step| step * decade).into_iter().find(|t| wanted <= *t).unwrap()
    }
}

fn golden_dirs() -> Vec<PathBuf> {
    let is_set = |dir: &PathBuf| dir.join("forward.json").exists();
    let (place, mut sets) = match std::env::var_os("CLSRL_GOLDENS") {
        Some(dir) => (PathBuf::from(&dir), vec![PathBuf::from(dir)]),
        None => {
            let shared = std::env::var_os("CLSRL_SHARED").map_or_else(
                || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
                PathBuf::from,
            );
            let folder = shared.join("goldens");
            let entries = std::fs::read_dir(&folder).into_iter().flatten();
            let sets = entries.map(|entry| entry.unwrap().path()).collect();
            (folder, sets)
        }
    };
    sets.retain(is_set);
    sets.sort();
    if sets.is_empty() {
        eprintln!("skipped: no golden set at {}", place.display());
    }
    sets
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect()
}

/// Largest difference of two tensors with the same number of values.
pub fn max_difference(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.numel(), expected.numel(), "{:?} vs {:?}", found.size(), expected.size());
    let wide = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double).reshape([-1]);
    f64::try_from((wide(found) - wide(expected)).abs().max()).unwrap()
}

/// Asserts that no value is further off than the tolerance.
pub fn assert_close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    let difference = max_difference(found, expected);
    assert!(difference <= tolerance, "{what}: off by {difference:e}, tolerance {tolerance:e}");
}
