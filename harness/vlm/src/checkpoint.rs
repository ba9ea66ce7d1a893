//! A directory's tensors, from one file or several shards, checked against the layout.
//!
//! `lm_head.weight` beside tied embeddings is accepted only if it equals
//! `embed_tokens.weight` of the decoder: transformers would use one of the two, and which one has changed
//! between its versions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clsrl_files::Folder;
use serde::Deserialize;
use tch::{Device, Tensor};

use crate::{
    error::{VlmError, WeightProblem},
    layout::Layout,
    names::{Names, WeightNames},
    shard::{Shard, ShardError, float_kind, shape_of},
    values::is_finite,
    weights::TensorSpec,
};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const LM_HEAD: &str = "lm_head.weight";

/// The most that an index may have; the published ones have some ten kilobytes.
const MAX_INDEX: u64 = 1 << 26;

/// Reads every tensor of the layout, in its order, as float32 on the device.
///
/// # Errors
///
/// Of a folder that is held to digests, a difference from them goes before everything else.
pub(crate) fn read_weights(
    model: &Folder,
    layout: &Layout,
    device: Device,
) -> Result<Vec<(String, Tensor)>, VlmError> {
    read_shards(model, layout, open_checked(model, layout)?, device)
}

/// As [`read_weights`], from one file whose name is known.
pub(crate) fn read_file(
    model: &Folder,
    file_name: &str,
    layout: &Layout,
    device: Device,
) -> Result<Vec<(String, Tensor)>, VlmError> {
    let index = Index::from([(file_name.to_owned(), BTreeSet::new())]);
    read_shards(model, layout, open_index(model, layout, &index, Vec::new())?, device)
}

fn read_shards(
    model: &Folder,
    layout: &Layout,
    shards: Vec<Shard>,
    device: Device,
) -> Result<Vec<(String, Tensor)>, VlmError> {
    let mut problems = Vec::new();
    let mut tensors = BTreeMap::new();
    for shard in shards {
        let (file_name, path) = (shard.file_name.clone(), model.path(&shard.file_name));
        let mut take = |name: &str, tensor: Tensor| {
            let tensor = tensor.to_device(device);
            // One NaN makes every answer nonsense, and the nonsense has an accuracy.
            if !is_finite(&tensor) {
                problems.push(WeightProblem {
                    file: file_name.clone(),
                    tensor: Some(name.to_owned()),
                    expected: "finite values".to_owned(),
                    found: "NaN or infinity".to_owned(),
                });
            }
            tensors.insert(name.to_owned(), (file_name.clone(), tensor));
        };
        shard.read_all(&mut take).map_err(|source| VlmError::io("read", path, source))?;
    }
    problems.extend(tied_head_problem(layout, &tensors));
    if !problems.is_empty() {
        return Err(VlmError::Weights { dir: model.dir().to_owned(), problems });
    }
    let mut take = |spec: &TensorSpec| {
        let (_, tensor) = tensors.remove(&spec.name).expect("the layout was checked");
        (spec.name.clone(), tensor)
    };
    Ok(layout.specs.iter().map(&mut take).collect())
}

/// Reads some tensors of the layout one by one, held to nothing, as float32 on the CPU.
pub(crate) struct TensorReader {
    model: Folder,
    shards: Vec<Shard>,
}

impl TensorReader {
    /// Opens the files of a model.
    pub(crate) fn open(dir: &Path, layout: &Layout) -> Result<Self, VlmError> {
        let model = Folder::unchecked(dir);
        let shards = open_checked(&model, layout)?;
        Ok(TensorReader { model, shards })
    }

    /// Reads a tensor of the layout; gives the file's path along. Panics if it is not in the layout.
    pub(crate) fn read(&self, name: &str) -> Result<(Tensor, PathBuf), VlmError> {
        let shard = self.shards.iter().find(|shard| shard.tensors.contains_key(name));
        let shard = shard.expect("the layout was checked");
        let path = self.model.path(&shard.file_name);
        match shard.read(name) {
            Ok(tensor) => Ok((tensor, path)),
            Err(source) => Err(VlmError::io("read", path, source)),
        }
    }
}

/// What the headers of a directory's files say of its tensors, none of which is read.
#[derive(Debug)]
pub(crate) struct Headers {
    pub(crate) names: WeightNames,
    /// Kinds of numbers, as safetensors calls them.
    pub(crate) kinds: BTreeSet<String>,
    pub(crate) n_files: usize,
    pub(crate) n_tensors: usize,
}

/// Checks names and shapes of every tensor of the layout.
pub(crate) fn read_headers(dir: &Path, layout: &Layout) -> Result<Headers, VlmError> {
    let shards = open_checked(&Folder::unchecked(dir), layout)?;
    let mut names = WeightNames::default();
    shards.iter().for_each(|shard| names.extend(&shard.names));
    let infos = || shards.iter().flat_map(|shard| shard.tensors.values());
    Ok(Headers {
        names,
        kinds: infos().map(|info| info.dtype.to_string()).collect(),
        n_files: shards.len(),
        n_tensors: infos().count(),
    })
}

/// Opens the files and checks their headers against the layout.
fn open_checked(model: &Folder, layout: &Layout) -> Result<Vec<Shard>, VlmError> {
    let mut problems = Vec::new();
    let index = read_index(model, layout.names, &mut problems)?;
    open_index(model, layout, &index, problems)
}

fn open_index(
    model: &Folder,
    layout: &Layout,
    index: &Index,
    mut problems: Vec<WeightProblem>,
) -> Result<Vec<Shard>, VlmError> {
    let shards = open_shards(model, layout.names, index, &mut problems)?;
    if problems.is_empty() {
        check_index(index, &shards, &mut problems);
        check_layout(layout, &shards, &mut problems);
    }
    if problems.is_empty() {
        return Ok(shards);
    }
    for shard in shards {
        let path = model.path(&shard.file_name);
        shard.finish().map_err(|source| VlmError::io("read", path, source))?;
    }
    Err(VlmError::Weights { dir: model.dir().to_owned(), problems })
}

/// Which files there are, and which tensors an index promises in each.
type Index = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
struct IndexFile {
    weight_map: BTreeMap<String, String>,
}

fn read_index(
    model: &Folder,
    names: Names,
    problems: &mut Vec<WeightProblem>,
) -> Result<Index, VlmError> {
    let path = model.path(INDEX);
    if model.has(SINGLE) || !model.has(INDEX) {
        return Ok(BTreeMap::from([(SINGLE.to_owned(), BTreeSet::new())]));
    }
    let text =
        model.read(INDEX, MAX_INDEX).map_err(|source| VlmError::io("read", &path, source))?;
    let file: IndexFile =
        serde_json::from_slice(&text).map_err(|source| VlmError::Json { path, source })?;
    let mut index = Index::new();
    for (tensor, shard) in file.weight_map {
        let is_plain_name = Path::new(&shard).file_name().is_some_and(|name| *name == *shard);
        if is_plain_name && shard.ends_with(".safetensors") {
            index.entry(shard).or_default().insert(names.published(&tensor));
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
    model: &Folder,
    names: Names,
    index: &Index,
    problems: &mut Vec<WeightProblem>,
) -> Result<Vec<Shard>, VlmError> {
    let mut shards = Vec::new();
    for file_name in index.keys() {
        match Shard::open(model, Some(names), file_name) {
            Ok(shard) => shards.push(shard),
            Err(ShardError::Malformed(found)) => problems.extend(found),
            Err(ShardError::Io(source)) => {
                return Err(VlmError::io("read", model.path(file_name), source));
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

fn check_layout(layout: &Layout, shards: &[Shard], problems: &mut Vec<WeightProblem>) {
    let is_single = shards.len() == 1;
    let file = if is_single { shards[0].file_name.as_str() } else { INDEX };
    for spec in &layout.specs {
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

fn check_extra(layout: &Layout, shards: &[Shard], problems: &mut Vec<WeightProblem>) {
    let known: BTreeSet<&str> = layout.specs.iter().map(|spec| spec.name.as_str()).collect();
    let embeddings = embeddings(layout.names);
    let head = layout.specs.iter().find(|spec| spec.name == embeddings);
    let head_shape = head.map(|spec| &spec.shape);
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
fn tied_head_problem(
    layout: &Layout,
    tensors: &BTreeMap<String, (String, Tensor)>,
) -> Option<WeightProblem> {
    if layout.specs.iter().any(|spec| spec.name == LM_HEAD) {
        return None;
    }
    let (file, head) = tensors.get(LM_HEAD)?;
    let name = embeddings(layout.names);
    let (_, embeddings) = tensors.get(&name)?;
    (!head.equal(embeddings)).then(|| WeightProblem {
        file: file.clone(),
        tensor: Some(LM_HEAD.to_owned()),
        expected: format!("the values of {name}, because tie_word_embeddings is true"),
        found: "other values".to_owned(),
    })
}

fn embeddings(names: Names) -> String {
    format!("{}.embed_tokens.weight", names.decoder)
}

fn shard_problem(shard: &Shard, tensor: &str, expected: &str, found: &str) -> WeightProblem {
    WeightProblem {
        file: shard.file_name.clone(),
        tensor: Some(tensor.to_owned()),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
