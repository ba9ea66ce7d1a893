//! `models.lock`: what the weights of a model must be.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, anyhow};
use clsrl_data::ModelFiles;
use clsrl_hub::commit_of;
use clsrl_spec::{
    ModelLock,
    lock::{Digest, FileDigest},
};

use crate::{exit::Exit, progress::Detail, project::Project};

/// The project's lock of models.
pub const LOCK: &str = "models.lock";

/// The most bytes of a lock.
pub const MAX_LOCK: u64 = 16 << 20;

/// How many differences of a model are reported.
const MAX_NAMED: usize = 20;

/// Holds a model's folder to the lock, if it says of which commit its files are and that commit is locked; says
/// whether it is.
pub fn expect_locked(
    project: &Project,
    dir: &Path,
    weights: &ModelFiles,
    allow_unlocked: bool,
    detail: Detail,
) -> anyhow::Result<bool> {
    let Some(commit) = commit_of(dir) else { return Ok(false) };
    let lock = read_lock(&project.lock(LOCK).read)?;
    let Some((id, locked)) = lock.of_commit(&commit) else { return Ok(false) };
    let found = |(name, sha256): (&String, &String)| {
        let sha256: Digest = sha256.parse().context("a digest is no digest")?;
        let of_lock = locked.files.get(name).filter(|file| file.sha256 == sha256);
        let size = match of_lock {
            Some(file) => file.size,
            None => {
                let path = dir.join(name);
                let data = path.metadata();
                data.with_context(|| format!("cannot read `{}`", path.display()))?.len()
            }
        };
        Ok((name.clone(), FileDigest { size, sha256 }))
    };
    let found: anyhow::Result<BTreeMap<String, FileDigest>> =
        weights.digests.iter().map(found).collect();
    let found = found?;
    let mut differences = locked.differences(&found);
    if differences.is_empty() {
        return Ok(true);
    }
    if allow_unlocked {
        detail.say(&format!("{id} is not as locked; its results are those of other weights"));
        return Ok(false);
    }
    let n_more = differences.len().saturating_sub(MAX_NAMED);
    differences.truncate(MAX_NAMED);
    if 0 < n_more {
        differences.push(format!("({n_more} more)"));
    }
    Err(Exit::Differs.because(anyhow!(
        "the model in `{}` differs from `{LOCK}`\n{}\n\
         hint: `clsrl-bench model fetch {id}` restores it in the cache\n\
         hint: --allow-unlocked runs all the same",
        dir.display(),
        differences.join("\n")
    )))
}

/// Reads a lock of models; a file that is not there is an empty lock.
pub fn read_lock(path: &Path) -> anyhow::Result<ModelLock> {
    let text = match clsrl_files::read_to_string(path, MAX_LOCK) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text
            .with_context(|| format!("cannot read the lock `{}`", path.display()))
            .map_err(|error| Exit::Usage.because(error))?,
    };
    parse_lock(path, &text)
}

/// Reads the text of a lock; an empty one is an empty lock.
pub fn parse_lock(path: &Path, text: &str) -> anyhow::Result<ModelLock> {
    if text.trim().is_empty() {
        return Ok(ModelLock::default());
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    ModelLock::parse(text, &name).map_err(|errors| Exit::Usage.because(errors))
}
