//! The identity of the base weights: one hash over the files that decide what a model says.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::sha256::{TextHasher, hex};

/// The files besides the weights that change what a model says.
const SETTINGS: [&str; 5] = [
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

/// A model folder that cannot be hashed.
#[derive(Debug, thiserror::Error)]
pub enum ModelDirError {
    /// The folder holds no weights.
    #[error(
        "`{}` holds no `*.safetensors` file, expected a Hugging Face model folder",
        dir.display()
    )]
    NoWeights {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder or a file of it cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// What was being read.
        path: PathBuf,
        /// The system's word on it.
        #[source]
        source: io::Error,
    },
}

/// Hashes the settings, the tokenizer and the weights of a model folder to one SHA-256, in hexadecimal.
///
/// It covers the sorted pairs of file name and SHA-256 of the content, so the folder's own name, links and
/// other files in it do not matter.
pub fn digest_model_dir(dir: &Path) -> Result<String, ModelDirError> {
    let names = hashed_names(dir)?;
    let digests: Result<Vec<String>, ModelDirError> =
        names.par_iter().map(|name| digest_file(&dir.join(name))).collect();
    let mut hasher = TextHasher::default();
    for (name, digest) in names.iter().zip(digests?) {
        hasher.text(name);
        hasher.text(&digest);
    }
    Ok(hasher.finish())
}

fn hashed_names(dir: &Path) -> Result<Vec<String>, ModelDirError> {
    let read = |source| ModelDirError::Read { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(read)? {
        let Ok(name) = entry.map_err(read)?.file_name().into_string() else {
            continue; // none of the names looked for
        };
        let is_weights =
            name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
        if is_weights || SETTINGS.contains(&name.as_str()) {
            names.push(name);
        }
    }
    if !names.iter().any(|name| name.ends_with(".safetensors")) {
        return Err(ModelDirError::NoWeights { dir: dir.to_owned() });
    }
    names.sort_unstable();
    Ok(names)
}

/// Hashes a file piece by piece: a shard of a large model does not fit in memory.
fn digest_file(path: &Path) -> Result<String, ModelDirError> {
    let read = |source| ModelDirError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(read)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(read)? {
            0 => return Ok(hex(hasher)),
            n_read => hasher.update(&buffer[..n_read]),
        }
    }
}
