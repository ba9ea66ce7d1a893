//! The golden set's files, and comparisons with its tolerances.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clsrl_vlm::{Grid, Model, Precision, Prompt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tch::{Device, Kind, Tensor, no_grad};

/// Where |gradient| is at most this, or at most its own tolerance, Adam's first step may go either way
/// (the set's README): its size is the learning rate whatever the gradient's.
const TINY_GRADIENT: f64 = 1e-6;
const AFTER_TOLERANCE: f64 = 1e-6;
const AFTER_TINY_TOLERANCE: f64 = 2.1e-4;

pub struct GoldenSet {
    dir: PathBuf,
    tolerances: Value,
}

impl GoldenSet {
    /// The set that `CLSRL_GOLDENS` names, else all that are there; none (said in one line) where they are missing.
    pub fn all() -> impl Iterator<Item = GoldenSet> {
        golden_dirs().into_iter().map(|dir| {
            eprintln!("golden set {}", dir.display());
            let tolerances = read_json(&dir.join("tolerances.json"));
            GoldenSet { dir, tolerances }
        })
    }

    pub fn json<T: DeserializeOwned>(&self, file: &str) -> T {
        read_json(&self.dir.join(file))
    }

    pub fn tensors(&self, file: &str) -> BTreeMap<String, Tensor> {
        Tensor::read_safetensors(self.dir.join(file)).unwrap().into_iter().collect()
    }

    pub fn model_dir(&self) -> PathBuf {
        self.dir.join("model")
    }

    pub fn trainable_model(&self) -> Model {
        let mut model = Model::load(&self.model_dir(), Device::Cpu, Precision::Float32).unwrap();
        model.set_trainable(true);
        model
    }

    /// The model with the overlay's tensors in place of its own.
    pub fn reference_model(&self) -> Model {
        let model = Model::load(&self.model_dir(), Device::Cpu, Precision::Float32).unwrap();
        let overlay = self.tensors("ref_overlay.safetensors");
        for (name, mut parameter) in model.named_parameters() {
            if let Some(value) = overlay.get(&name) {
                no_grad(|| parameter.copy_(value));
            }
        }
        model
    }

    /// Ten times the measured difference, rounded up to 1, 2 or 5, as the set's README suggests.
    pub fn tolerance(&self, key: &str) -> f64 {
        let measured = ["max_abs_diff_f32_f64", "max_rel_diff_f32_f64"]
            .iter()
            .find_map(|kind| self.tolerances[key][kind].as_f64());
        let wanted = 10.0 * measured.unwrap_or_else(|| panic!("no tolerance for {key}"));
        let decade = 10f64.powf(wanted.log10().floor());
        [1.0, 2.0, 5.0, 10.0].map(|m| m * decade).into_iter().find(|t| wanted <= *t).unwrap()
    }
}

fn golden_dirs() -> Vec<PathBuf> {
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
    sets.retain(|dir| dir.join("tolerances.json").exists());
    sets.sort();
    if sets.is_empty() {
        eprintln!("skipped: no golden set at {}", place.display());
    }
    sets
}

/// What float32 arithmetic may be off by at a number of this size, whatever was measured: some roundings.
pub fn some_roundings(number: f64) -> f64 {
    4.0 * f64::from(f32::EPSILON) * number.abs()
}

fn read_json<T: DeserializeOwned>(file: &Path) -> T {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

pub fn ids(tensor: &Tensor) -> Vec<i64> {
    Vec::try_from(tensor.flatten(0, -1)).unwrap()
}

/// A prompt from a set's ids, image and grid.
pub fn prompt(ids: Vec<i64>, pixels: &Tensor, grid: &Tensor) -> Prompt {
    let sides = self::ids(grid);
    let grids = sides.chunks(3).map(|s| Grid { t: s[0], h: s[1], w: s[2] }).collect();
    Prompt { ids, pixels: pixels.shallow_clone(), grids }
}

#[track_caller]
pub fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let difference = (found - expected).abs();
    assert!(difference <= tolerance, "{what}: {found} against {expected}, off by {difference:e}");
}

#[track_caller]
pub fn assert_tensor_close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.size(), expected.size(), "{what}: shape");
    let difference = (found.to_kind(Kind::Double) - expected.to_kind(Kind::Double)).abs().max();
    assert_close(what, difference.double_value(&[]), 0.0, tolerance);
}

/// The golden record of one optimizer step.
pub struct Step<'a> {
    /// Where its tensors' names begin, as in `all.grad/…`.
    pub prefix: &'a str,
    /// Its file's name in tolerance keys.
    pub file: &'a str,
    pub tensors: &'a BTreeMap<String, Tensor>,
    pub json: &'a Value,
    pub rows: &'a Value,
}

impl Step<'_> {
    /// Compares gradients (before the step), then runs `take_step`, then compares what it did.
    pub fn check(&self, set: &GoldenSet, model: &Model, take_step: impl FnOnce() -> f64) {
        let before: Vec<Tensor> =
            model.named_parameters().iter().map(|(_, p)| p.detach().copy()).collect();
        let gradients: Vec<Tensor> =
            model.named_parameters().iter().map(|(_, p)| p.grad().copy()).collect();
        let params = self.json["params"].as_object().unwrap();
        assert_eq!(params.len(), gradients.len(), "number of parameters");
        let relative = set.tolerance(&format!("{}/{}param_grad_norms", self.file, self.prefix));
        for ((name, _), gradient) in model.named_parameters().iter().zip(&gradients) {
            let norm = params[name]["norm"].as_f64().unwrap();
            let found = gradient.to_kind(Kind::Double).norm().double_value(&[]);
            assert_close(
                &format!("gradient norm of {name}"),
                found,
                norm,
                relative * norm.max(1e-3),
            );
            self.check_rows(set, name, gradient);
        }
        let norm_key = format!("{}/{}grad_norm", self.file, self.prefix);
        let norm = take_step();
        // torch's own norm differs from the float64 one by its rounding, kept beside it.
        let golden = self.json["grad_norm"].as_f64().unwrap();
        let rounding = (golden - self.json["grad_norm_torch"].as_f64().unwrap()).abs();
        assert_close("global norm", norm, golden, set.tolerance(&norm_key) + 2.0 * rounding);
        for (((name, after), before), gradient) in
            model.named_parameters().iter().zip(&before).zip(&gradients)
        {
            self.check_after(set, name, &after.detach(), gradient);
            let moved = (after.detach() - before).to_kind(Kind::Double).norm().double_value(&[]);
            let golden = params[name]["delta_norm"].as_f64().unwrap();
            assert_close(&format!("step of {name}"), moved, golden, 1e-3 * golden + 1e-6);
        }
    }

    fn check_rows(&self, set: &GoldenSet, name: &str, gradient: &Tensor) {
        let Some(golden) = self.tensors.get(&format!("{}grad/{name}", self.prefix)) else { return };
        let found = self.chosen_rows(name, gradient);
        let tolerance = self.gradient_tolerance(set, name);
        assert_tensor_close(&format!("gradient of {name}"), &found, golden, tolerance);
    }

    fn gradient_tolerance(&self, set: &GoldenSet, name: &str) -> f64 {
        set.tolerance(&format!("{}/{}grad/{name}", self.file, self.prefix))
    }

    fn check_after(&self, set: &GoldenSet, name: &str, after: &Tensor, gradient: &Tensor) {
        let Some(golden) = self.tensors.get(&format!("{}after/{name}", self.prefix)) else {
            return;
        };
        let found = self.chosen_rows(name, after);
        let tiny = TINY_GRADIENT.max(self.gradient_tolerance(set, name));
        let tiny = self.chosen_rows(name, gradient).abs().le(tiny);
        let difference = (found - golden).abs();
        let clear = difference.masked_fill(&tiny, 0.0).max().double_value(&[]);
        assert_close(&format!("{name} after the step"), clear, 0.0, AFTER_TOLERANCE);
        let any = difference.max().double_value(&[]);
        assert_close(&format!("{name} after the step"), any, 0.0, AFTER_TINY_TOLERANCE);
    }

    fn chosen_rows(&self, name: &str, tensor: &Tensor) -> Tensor {
        match self.rows[name].as_array() {
            None => tensor.shallow_clone(),
            Some(rows) => {
                let rows: Vec<i64> = rows.iter().map(|row| row.as_i64().unwrap()).collect();
                tensor.index_select(0, &Tensor::from_slice(&rows))
            }
        }
    }
}
