//! Writes a model directory in the published layout, for transformers and for ourselves.
//!
//! `config.json` and what the tokenizer needs are written first, the weights last and under a
//! temporary name until they are complete: a directory with `model.safetensors` is a whole one.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensorError, View};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::{config::Config, error::VlmError};

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

/// Writes config, companions and weights.
pub(crate) fn save(
    dir: &Path,
    source_dir: &Path,
    config: &Config,
    parameters: &[(String, Tensor)],
) -> Result<(), VlmError> {
    fs::create_dir_all(dir).map_err(|source| VlmError::io("create", dir, source))?;
    write_whole(&dir.join("config.json"), config_text(config).as_bytes())?;
    for name in COMPANIONS {
        let (from, to) = (source_dir.join(name), dir.join(name));
        if from.exists() && !is_same_file(&from, &to) {
            let bytes = fs::read(&from).map_err(|source| VlmError::io("read", &from, source))?;
            write_whole(&to, &bytes)?;
        }
    }
    write_weights(&dir.join("model.safetensors"), parameters, &dir.join("config.json"))
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

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Writes under a temporary name, syncs, renames.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), VlmError> {
    let part = part_of(path);
    let write = || -> io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|source| VlmError::io("write", path, source))
}

pub(crate) fn write_weights(
    path: &Path,
    parameters: &[(String, Tensor)],
    config: &Path,
) -> Result<(), VlmError> {
    let part = part_of(path);
    let tensors = parameters.iter().map(|(name, tensor)| (name, Stored::new(tensor)));
    // transformers refuses a file that does not say where it comes from.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let write = || -> io::Result<()> {
        safetensors::serialize_to_file(tensors, Some(metadata), &part).map_err(into_io)?;
        // The file is made for its owner alone; let it be read by whoever may read the config.
        fs::set_permissions(&part, fs::metadata(config)?.permissions())?;
        File::open(&part)?.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|source| VlmError::io("write", path, source))
}

fn into_io(error: SafeTensorError) -> io::Error {
    match error {
        SafeTensorError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// A tensor on its way to the disk; it becomes bytes only when its turn comes.
struct Stored<'a> {
    tensor: &'a Tensor,
    shape: Vec<usize>,
}

impl<'a> Stored<'a> {
    fn new(tensor: &'a Tensor) -> Self {
        let shape = tensor.size().iter().map(|&n| n as usize).collect();
        Stored { tensor, shape }
    }
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let tensor = self.tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float);
        let mut bytes = vec![0; self.data_len()];
        tensor.contiguous().copy_data_u8(&mut bytes, tensor.numel());
        bytes.into()
    }

    fn data_len(&self) -> usize {
        4 * self.shape.iter().product::<usize>()
    }
}
