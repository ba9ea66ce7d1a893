//! The files of a golden set: a model, prompts, and what transformers computes of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clsrl_engine::EngineError;
use clsrl_files::limit;
use clsrl_vlm::{Grid, Prompt, VlmError};
use safetensors::{
    Dtype,
    tensor::{SafeTensors, TensorView},
};
use serde_json::Value;
use tch::{Kind, Tensor};

/// Why a golden set cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum GoldenError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}` is no JSON", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("`{}` holds no tensors", path.display())]
    Tensors { path: PathBuf, source: TensorsError },
    #[error("`{}` lacks `{key}`", path.display())]
    Lacks { path: PathBuf, key: String },
    #[error(transparent)]
    Model(#[from] VlmError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A JSON file of the set.
pub(super) struct GoldenJson {
    path: PathBuf,
    value: Value,
}

/// A safetensors file of the set.
pub(super) struct GoldenTensors {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

impl GoldenJson {
    pub(super) fn open(path: PathBuf) -> Result<Self, GoldenError> {
        let text = clsrl_files::read_to_string(&path, limit::RECORD)
            .map_err(|source| GoldenError::Read { path: path.clone(), source })?;
        let value = serde_json::from_str(&text)
            .map_err(|source| GoldenError::Json { path: path.clone(), source })?;
        Ok(GoldenJson { path, value })
    }

    /// A part of the file, by a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Result<&Value, GoldenError> {
        self.value.pointer(pointer).ok_or_else(|| self.lacks(pointer))
    }

    pub(super) fn number(&self, pointer: &str) -> Result<f64, GoldenError> {
        self.at(pointer)?.as_f64().ok_or_else(|| self.lacks(pointer))
    }

    pub(super) fn list<T: serde::de::DeserializeOwned>(
        &self,
        pointer: &str,
    ) -> Result<Vec<T>, GoldenError> {
        let value = self.at(pointer)?.clone();
        serde_json::from_value(value)
            .map_err(|source| GoldenError::Json { path: self.path.clone(), source })
    }

    fn lacks(&self, key: &str) -> GoldenError {
        GoldenError::Lacks { path: self.path.clone(), key: key.to_owned() }
    }
}

impl GoldenTensors {
    pub(super) fn open(path: PathBuf) -> Result<Self, GoldenError> {
        let bytes = clsrl_files::read(&path, limit::TENSORS)
            .map_err(|source| GoldenError::Read { path: path.clone(), source })?;
        let tensors = tensors_of(&bytes)
            .map_err(|source| GoldenError::Tensors { path: path.clone(), source })?;
        Ok(GoldenTensors { path, tensors })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(super) fn at(&self, name: &str) -> Result<&Tensor, GoldenError> {
        let lacks = || GoldenError::Lacks { path: self.path.clone(), key: name.to_owned() };
        self.tensors.get(name).ok_or_else(lacks)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.tensors.iter()
    }

    pub(super) fn ids(&self, name: &str) -> Result<Vec<i64>, GoldenError> {
        Ok(ids_of(self.at(name)?))
    }

    /// The prompt of a case.
    pub(super) fn prompt(&self, case: &str) -> Result<Prompt, GoldenError> {
        let sides = self.ids(&format!("{case}.image_grid_thw"))?;
        Ok(Prompt {
            ids: self.ids(&format!("{case}.input_ids"))?,
            pixels: self.at(&format!("{case}.pixel_values"))?.to_kind(Kind::Float),
            grids: sides.chunks_exact(3).map(|s| Grid { t: s[0], h: s[1], w: s[2] }).collect(),
        })
    }
}

/// The set's own measure of what float32 may be off by, ten times of it; nothing where there is none.
pub(super) struct Tolerances(Option<GoldenJson>);

impl Tolerances {
    pub(super) fn open(dir: &Path) -> Result<Self, GoldenError> {
        let path = dir.join("tolerances.json");
        if !path.exists() {
            return Ok(Tolerances(None));
        }
        Ok(Tolerances(Some(GoldenJson::open(path)?)))
    }

    pub(super) fn of(&self, key: &str) -> Option<f64> {
        let measured = &self.0.as_ref()?.value.get(key)?;
        let kinds = ["max_abs_diff_f32_f64", "max_rel_diff_f32_f64"];
        let measured = kinds.iter().find_map(|kind| measured.get(kind)?.as_f64())?;
        Some(10.0 * measured)
    }
}

type TensorsError = Box<dyn std::error::Error + Send + Sync>;

fn tensors_of(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, TensorsError> {
    let tensor = |(name, view): (String, TensorView<'_>)| {
        let kind = kind_of(view.dtype()).ok_or_else(|| {
            format!("tensor `{name}` is of kind {}, which no golden set has", view.dtype())
        })?;
        let shape: Vec<i64> =
            view.shape().iter().map(|&n| i64::try_from(n)).collect::<Result<_, _>>()?;
        Ok((name, Tensor::f_from_data_size(view.data(), &shape, kind)?))
    };
    SafeTensors::deserialize(bytes)?.tensors().into_iter().map(tensor).collect()
}

fn kind_of(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::BOOL => Some(Kind::Bool),
        Dtype::I32 => Some(Kind::Int),
        Dtype::I64 => Some(Kind::Int64),
        Dtype::BF16 => Some(Kind::BFloat16),
        Dtype::F16 => Some(Kind::Half),
        Dtype::F32 => Some(Kind::Float),
        Dtype::F64 => Some(Kind::Double),
        _ => None,
    }
}

pub(super) fn ids_of(tensor: &Tensor) -> Vec<i64> {
    let flat = tensor.to_kind(Kind::Int64).flatten(0, -1);
    (0..flat.numel() as i64).map(|at| flat.int64_value(&[at])).collect()
}
