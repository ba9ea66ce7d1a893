//! A directory's tensors, from one file or several shards, checked against the layout.
//!
//! `lm_head.weight` beside tied embeddings is accepted only if it equals
//! `model.embed_tokens.weight`: transformers would use one of the two, and which one has changed
//! between its versions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use tch::{Device, Tensor};

use crate::{
    error::{VlmError, WeightProblem},
    layout::TensorSpec,
    shard::{Shard, ShardError, float_kind, shape_of},
};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const LM_HEAD: &str = "lm_head.weight";
const EMBEDDINGS: &str = "model.embed_tokens.weight";

/// Reads every tensor of the layout, in its order, as float32 on the device.
pub(crate) fn read_weights(
    dir: &Path,
    layout: &[TensorSpec],
    device: Device,
) -> Result<Vec<(String, Tensor)>, VlmError> {
    let mut problems = Vec::new();
    let index = read_index(dir, &mut problems)?;
    let mut shards = open_shards(dir, &index, &mut problems)?;
    if problems.is_empty() {
        check_index(&index, &shards, &mut problems);
        check_layout(layout, &shards, &mut problems);
    }
    if !problems.is_empty() {
        return Err(VlmError::Weights { dir: dir.to_owned(), problems });
    }
    let mut weights = Vec::with_capacity(layout.len());
    for spec in layout {
        let tensor = read_tensor(&mut shards, &spec.name)?.expect("the layout was checked");
        let tensor = tensor.to_device(device);
        // One NaN makes every answer nonsense, and the nonsense has an accuracy.
        if tensor.isfinite().all().int64_value(&[]) == 0 {
            let shard = shards.iter().find(|shard| shard.tensors.contains_key(&spec.name));
            let shard = shard.expect("the tensor was read from it");
            problems.push(shard_problem(shard, &spec.name, "finite values", "NaN or infinity"));
        }
        weights.push((spec.name.clone(), tensor));
    }
    if !problems.is_empty() {
        return Err(VlmError::Weights { dir: dir.to_owned(), problems });
    }
    check_tied_head(dir, layout, &mut shards)?;
    Ok(weights)
}

/// Which files there are, and which tensors an index promises in each.
type Index = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
struct IndexFile {
    weight_map: BTreeMap<String, String>,
}

fn read_index(dir: &Path, problems: &mut Vec<WeightProblem>) -> Result<Index, VlmError> {
    let path = dir.join(INDEX);
    if dir.join(SINGLE).exists() || !path.exists() {
        return Ok(BTreeMap::from([(SINGLE.to_owned(), BTreeSet::new())]));
    }
    let text = std::fs::read(&path).map_err(|source| VlmError::io("read", &path, source))?;
    let file: IndexFile =
        serde_json::from_slice(&text).map_err(|source| VlmError::Json { path, source })?;
    let mut index = Index::new();
    for (tensor, shard) in file.weight_map {
        let is_plain_name = Path::new(&shard).file_name().is_some_and(|name| *name == *shard);
        if is_plain_name && shard.ends_with(".safetensors") {
            index.entry(shard).or_default().insert(tensor);
        } else {
            problems.push(WeightProblem {
                file: INDEX.to_owned(),
                tensor: Some(tensor),
                expected: "the name of a safetensors file beside it".to_owned(),
                found: format!("`{shard}`"),
            });
        }
    }
    Ok(index)
}

fn open_shards(
    dir: &Path,
    index: &Index,
    problems: &mut Vec<WeightProblem>,
) -> Result<Vec<Shard>, VlmError> {
    let mut shards = Vec::new();
    for file_name in index.keys() {
        match Shard::open(dir, file_name) {
            Ok(shard) => shards.push(shard),
            Err(ShardError::Malformed(found)) => problems.extend(found),
            Err(ShardError::Io(source)) => {
                return Err(VlmError::io("read", dir.join(file_name), source));
            }
        }
    }
    Ok(shards)
}

fn check_index(index: &Index, shards: &[Shard], problems: &mut Vec<WeightProblem>) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for shard in shards {
        for tensor in index[&shard.file_name].iter() {
            if !shard.tensors.contains_key(tensor) {
                let expected = format!("this tensor, as {INDEX} says");
                problems.push(shard_problem(shard, tensor, &expected, "no such tensor"));
            }
        }
        for tensor in shard.tensors.keys() {
            if let Some(other) = seen.insert(tensor, &shard.file_name) {
                let found = format!("another one in {other}");
                problems.push(shard_problem(shard, tensor, "one tensor of this name", &found));
            }
        }
    }
}

fn check_layout(layout: &[TensorSpec], shards: &[Shard], problems: &mut Vec<WeightProblem>) {
    let is_single = shards.len() == 1;
    let file = if is_single { shards[0].file_name.as_str() } else { INDEX };
    for spec in layout {
        let Some((shard, info)) =
            shards.iter().find_map(|shard| Some((shard, shard.tensors.get(&spec.name)?)))
        else {
            problems.push(WeightProblem {
                file: file.to_owned(),
                tensor: Some(spec.name.clone()),
                expected: format!("shape {:?}", spec.shape),
                found: "no such tensor".to_owned(),
            });
            continue;
        };
        let shape = shape_of(info);
        if shape != spec.shape {
            let expected = format!("shape {:?}", spec.shape);
            problems.push(shard_problem(shard, &spec.name, &expected, &format!("shape {shape:?}")));
        }
        if float_kind(info.dtype).is_none() {
            let found = info.dtype.to_string();
            problems.push(shard_problem(shard, &spec.name, "F32, BF16 or F16", &found));
        }
    }
    check_extra(layout, shards, problems);
}

fn check_extra(layout: &[TensorSpec], shards: &[Shard], problems: &mut Vec<WeightProblem>) {
    let known: BTreeSet<&str> = layout.iter().map(|spec| spec.name.as_str()).collect();
    let head_shape = layout.iter().find(|spec| spec.name == EMBEDDINGS).map(|spec| &spec.shape);
    for shard in shards {
        for (name, info) in &shard.tensors {
            let is_tied_head = name == LM_HEAD
                && Some(&shape_of(info)) == head_shape
                && float_kind(info.dtype).is_some();
            if !known.contains(name.as_str()) && !is_tied_head {
                let found = format!("{} {:?}", info.dtype, info.shape);
                problems.push(shard_problem(shard, name, "no tensor of this name", &found));
            }
        }
    }
}

/// A head that is stored beside tied embeddings must be the embeddings.
fn check_tied_head(
    dir: &Path,
    layout: &[TensorSpec],
    shards: &mut [Shard],
) -> Result<(), VlmError> {
    if layout.iter().any(|spec| spec.name == LM_HEAD) {
        return Ok(());
    }
    let Some(head) = read_tensor(shards, LM_HEAD)? else { return Ok(()) };
    let embeddings = read_tensor(shards, EMBEDDINGS)?.expect("the layout was checked");
    if head.equal(&embeddings) {
        return Ok(());
    }
    let shard = shards.iter().find(|shard| shard.tensors.contains_key(LM_HEAD));
    let problems = vec![WeightProblem {
        file: shard.map_or(SINGLE, |shard| &shard.file_name).to_owned(),
        tensor: Some(LM_HEAD.to_owned()),
        expected: format!("the values of {EMBEDDINGS}, because tie_word_embeddings is true"),
        found: "other values".to_owned(),
    }];
    Err(VlmError::Weights { dir: dir.to_owned(), problems })
}

fn read_tensor(shards: &mut [Shard], name: &str) -> Result<Option<Tensor>, VlmError> {
    let Some(shard) = shards.iter_mut().find(|shard| shard.tensors.contains_key(name)) else {
        return Ok(None);
    };
    let path: PathBuf = shard.path.clone();
    shard.read(name).map(Some).map_err(|source| VlmError::io("read", path, source))
}

fn shard_problem(shard: &Shard, tensor: &str, expected: &str, found: &str) -> WeightProblem {
    WeightProblem {
        file: shard.file_name.clone(),
        tensor: Some(tensor.to_owned()),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
