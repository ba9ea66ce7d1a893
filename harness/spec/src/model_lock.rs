//! The lock of the weights: which commit of each model, and every file of it by size and SHA-256.
//!
//! Owns what `models.lock` may say, reading it strictly and writing a model into it without touching the
//! rest. A model is in it with everything that is used of it, or not at all.

mod read;
mod write;

use std::collections::BTreeMap;

pub use self::write::with_model;
use crate::{Commit, ModelId, lock::FileDigest};

/// The version of the lock format that this program reads and writes.
pub const MODEL_LOCK_VERSION: usize = 1;

/// A lock file: what each model must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelLock {
    models: BTreeMap<ModelId, LockedModel>,
}

/// What one model must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedModel {
    /// The commit that its files are of.
    pub commit: Commit,
    /// Its files by name, as far as they are used.
    pub files: BTreeMap<String, FileDigest>,
}

impl ModelLock {
    /// What a model must be, if it is locked.
    pub fn model(&self, id: &ModelId) -> Option<&LockedModel> {
        self.models.get(id)
    }

    /// The only locked model whose name is this, whoever publishes it.
    pub fn id_of_name(&self, name: &str) -> Option<&ModelId> {
        let of_id = |id: &&ModelId| id.as_str().rsplit('/').next() == Some(name);
        let mut found = self.models.keys().filter(of_id);
        found.next().filter(|_| found.next().is_none())
    }

    /// The model that has this commit, if one is locked.
    pub fn of_commit(&self, commit: &Commit) -> Option<(&ModelId, &LockedModel)> {
        self.models.iter().find(|(_, model)| model.commit == *commit)
    }
}

impl LockedModel {
    /// Every difference from what was found, a sentence each, in the order of names. A file that is in one
    /// of the two alone differs.
    pub fn differences(&self, found: &BTreeMap<String, FileDigest>) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, locked) in &self.files {
            match found.get(name) {
                None => differences
                    .push(format!("{name}: expected {}, found no file", describe(locked))),
                Some(found) if found != locked => {
                    differences.push(format!(
                        "{name}: expected {}, found {}",
                        describe(locked),
                        describe(found)
                    ));
                }
                Some(_) => {}
            }
        }
        let extra = found.keys().filter(|name| !self.files.contains_key(*name));
        differences.extend(extra.map(|name| format!("{name}: expected no such file, found one")));
        differences.sort();
        differences
    }
}

fn describe(file: &FileDigest) -> String {
    format!("{} bytes, sha256 {}", file.size, file.sha256)
}

#[cfg(test)]
mod tests;
