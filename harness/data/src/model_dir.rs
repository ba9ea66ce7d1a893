//! The identity of the base weights: one hash over the files that decide what a model says.
//!
//! And the digests of all files of a model that are ever read, for their readers to be held to.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use crate::sha256::TextHasher;

/// The files besides the weights that change what a model says.
const SETTINGS: [&str; 6] = [
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
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

/// Other files that are read where they are there: they go along with tuned weights.
const COMPANIONS: [&str; 7] = [
    "video_preprocessor_config.json",
    "chat_template.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
];

/// The files of a model folder as they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// The SHA-256 of each by name, in hexadecimal.
    pub digests: BTreeMap<String, String>,
}

impl ModelFiles {
    /// Hashes every file of a folder that a model may be read from.
    pub fn hash(dir: &Path) -> Result<Self, ModelDirError> {
        let digest = |name: String| match clsrl_files::sha256(&dir.join(&name)) {
            Ok(digest) => Ok((name, digest)),
            Err(source) => Err(ModelDirError::Read { path: dir.join(&name), source }),
        };
        let digests: Result<_, _> = read_names(dir)?.into_par_iter().map(digest).collect();
        Ok(ModelFiles { digests: digests? })
    }

    /// Hashes the settings, the tokenizer and the weights to one SHA-256, in hexadecimal.
    ///
    /// It covers the sorted pairs of file name and SHA-256 of the content, so the folder's own name, links and
    /// other files in it do not matter.
    pub fn digest(&self) -> String {
        let mut hasher = TextHasher::default();
        for (name, digest) in self.digests.iter().filter(|(name, _)| decides(name)) {
            hasher.text(name);
            hasher.text(digest);
        }
        hasher.finish()
    }
}

/// Whether a file changes what a model says.
fn decides(name: &str) -> bool {
    let is_weights = name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
    is_weights || SETTINGS.contains(&name)
}

fn read_names(dir: &Path) -> Result<Vec<String>, ModelDirError> {
    let read = |source| ModelDirError::Read { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(read)? {
        let Ok(name) = entry.map_err(read)?.file_name().into_string() else {
            continue; // none of the names looked for
        };
        if decides(&name) || COMPANIONS.contains(&&*name) {
            names.push(name);
        }
    }
    if !names.iter().any(|name| name.ends_with(".safetensors")) {
        return Err(ModelDirError::NoWeights { dir: dir.to_owned() });
    }
    Ok(names)
}
