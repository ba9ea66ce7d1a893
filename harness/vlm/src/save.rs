//! Writes a model directory in the published layout, for transformers and for ourselves.
//!
//! `config.json` and what the tokenizer needs are written first, the weights last and under a
//! temporary name until they are complete: a directory with `model.safetensors` is a whole one.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
};

use clsrl_files::{Folder, NewFile};
use serde_json::{Value, json};
use tch::Tensor;

use crate::{
    config::{Config, read_object},
    error::VlmError,
    merge::MergedWeights,
    values::float32_bytes,
};

/// Files that go along with the weights where the source has them.
const COMPANIONS: [&str; 12] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
    "chat_template.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
];

/// Where releases before 5 look for the image processor's settings, and where 5 writes them.
const OWN_PROCESSOR: &str = "preprocessor_config.json";
const SHARED_PROCESSOR: &str = "processor_config.json";

/// The longest of the companions, `tokenizer.json`, has some ten megabytes.
const MAX_COMPANION: u64 = 1 << 28;

/// Writes config, companions and weights.
pub(crate) fn save(
    dir: &Path,
    source: &Folder,
    config: &Config,
    weights: &MergedWeights,
) -> Result<(), VlmError> {
    fs::create_dir_all(dir).map_err(|source| VlmError::io("create", dir, source))?;
    write_whole(&dir.join("config.json"), config_text(config).as_bytes())?;
    for name in COMPANIONS {
        let (from, to) = (source.path(name), dir.join(name));
        if source.has(name) && !is_same_file(&from, &to) {
            let read = source.read(name, MAX_COMPANION);
            let bytes = read.map_err(|error| VlmError::io("read", &from, error))?;
            write_whole(&to, &bytes)?;
        }
    }
    if let Some(settings) = published_processor(source)? {
        write_whole(&dir.join(OWN_PROCESSOR), settings.as_bytes())?;
    }
    let header = (0..weights.n_weights()).map(|at| weights.name(at));
    let mut values = (0..weights.n_weights()).map(|at| weights.values(at));
    write_tensors(&dir.join("model.safetensors"), header, &mut values)
}

/// The image processor's settings in the published form, where the source has them in that of transformers 5 alone.
fn published_processor(source: &Folder) -> Result<Option<String>, VlmError> {
    if source.has(OWN_PROCESSOR) || !source.has(SHARED_PROCESSOR) {
        return Ok(None);
    }
    let mut shared = read_object(source, SHARED_PROCESSOR)?;
    let Some(Value::Object(mut settings)) = shared.remove("image_processor") else {
        return Ok(None);
    };
    let size = settings.remove("size").unwrap_or_default();
    for (key, edge) in [("min_pixels", "shortest_edge"), ("max_pixels", "longest_edge")] {
        if let Some(limit) = size.get(edge).filter(|_| !settings.contains_key(key)) {
            settings.insert(key.to_owned(), limit.clone());
        }
    }
    Ok(Some(format!("{:#}\n", Value::Object(settings))))
}

/// The config that was read, but for the kind of the weights.
fn config_text(config: &Config) -> String {
    let mut json = config.to_json();
    let map = json.as_object_mut().expect("a config is an object");
    map.insert("torch_dtype".to_owned(), Value::from("float32"));
    if map.contains_key("dtype") {
        map.insert("dtype".to_owned(), Value::from("float32"));
    }
    format!("{json:#}\n")
}

fn is_same_file(from: &Path, to: &Path) -> bool {
    matches!((from.canonicalize(), to.canonicalize()), (Ok(from), Ok(to)) if from == to)
}

/// Writes under a temporary name, syncs, renames.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), VlmError> {
    clsrl_files::replace(path, bytes).map_err(|source| VlmError::io("write", path, source))
}

/// Writes a safetensors file of float32: names and shapes in the order in which the tensors come, each of which is made
/// when its turn is there.
pub(crate) fn write_tensors<'a>(
    path: &Path,
    header: impl Iterator<Item = (&'a str, Vec<i64>)>,
    tensors: &mut dyn Iterator<Item = Result<Tensor, VlmError>>,
) -> Result<(), VlmError> {
    let write_error = |source: io::Error| VlmError::io("write", path, source);
    let mut file = NewFile::create(path).map_err(write_error)?;
    write_tensors_to(&mut file, path, header, tensors)?;
    file.finish().map_err(write_error)
}

/// The same to a file that is open already; errors name the path.
pub(crate) fn write_tensors_to<'a>(
    file: &mut dyn Write,
    path: &Path,
    header: impl Iterator<Item = (&'a str, Vec<i64>)>,
    tensors: &mut dyn Iterator<Item = Result<Tensor, VlmError>>,
) -> Result<(), VlmError> {
    let write_error = |source: io::Error| VlmError::io("write", path, source);
    file.write_all(&header_bytes(header)).map_err(write_error)?;
    for tensor in tensors {
        file.write_all(&float32_bytes(&tensor?)).map_err(write_error)?;
    }
    Ok(())
}

/// The header's length and JSON, padded with blanks so that the tensors lie on multiples of 8 bytes.
fn header_bytes<'a>(tensors: impl Iterator<Item = (&'a str, Vec<i64>)>) -> Vec<u8> {
    // transformers refuses a file that does not say where it comes from.
    let mut entries = BTreeMap::from([("__metadata__", json!({"format": "pt"}))]);
    let mut start = 0;
    for (name, shape) in tensors {
        let end = start + 4 * shape.iter().product::<i64>();
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]});
        entries.insert(name, entry);
        start = end;
    }
    let mut json = serde_json::to_vec(&entries).expect("names and numbers are JSON");
    json.resize(json.len().next_multiple_of(8), b' ');
    [(json.len() as u64).to_le_bytes().as_slice(), &json].concat()
}
