//! Images against Pillow and the Hugging Face processor: the golden set and the odd files.
//!
//! Reads the shared facts and takes every size and name from their files; where they are missing a
//! test says so and returns.

mod cached;
mod config;
mod damaged;
mod goldens;
mod hostile;
mod jpeg_kinds;
mod odd_files;
mod pillow;
mod thumbnails;

use std::env;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The folder with the shared facts, or `None` with a line that says what is skipped.
fn shared(part: &str) -> Option<PathBuf> {
    let root = env::var_os("CLSRL_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
    existing(root.join(part))
}

/// The golden set that `CLSRL_GOLDENS` names, else all that are there; none with a line that says what is skipped.
fn goldens() -> Vec<PathBuf> {
    let mut sets: Vec<PathBuf> = match env::var_os("CLSRL_GOLDENS") {
        Some(dir) => existing(PathBuf::from(dir)).into_iter().collect(),
        None => {
            let entries =
                shared("goldens").into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
            let sets = entries.map(|entry| entry.unwrap().path());
            sets.filter(|dir| dir.join("preprocess.json").exists()).collect()
        }
    };
    sets.sort();
    sets.iter().for_each(|set| eprintln!("golden set {}", set.display()));
    sets
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

fn read_json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
