//! Models of Hugging Face's hub: where they lie here, and what the lock says of them.
//!
//! Nothing here uses the network but [`fetch`].

#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "fetch")]
mod coming;
#[cfg(not(feature = "fetch"))]
#[path = "hub/fetch_missing.rs"]
mod fetch;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_data::ModelFiles;
use clsrl_hub::{HubCache, commit_of};
use clsrl_spec::{
    HubModel, ModelLock, Revision,
    lock::{Digest, FileDigest},
};

pub use self::fetch::fetch;
use crate::{exit::Exit, progress::Detail, project::Project};

/// The project's lock of models.
const LOCK: &str = "models.lock";

/// What a model's name begins with where a folder could stand as well.
const PREFIX: &str = "hf:";

/// The most bytes of a lock.
const MAX_LOCK: u64 = 16 << 20;

/// How many differences of a model are told.
const MAX_NAMED: usize = 20;

/// The folder that is meant by what was given as a model: a folder, or `hf:` and a model's name.
pub fn dir_of(given: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = given.to_str().and_then(|given| given.strip_prefix(PREFIX)) else {
        return Ok(given.to_owned());
    };
    let model: HubModel =
        name.parse().map_err(|error| Exit::Usage.because(anyhow::Error::new(error)))?;
    let lock = read_lock(&Project::find()?.path(LOCK))?;
    let (cache, locked) = (HubCache::new(cache_root()?), lock.model(&model.id));
    let commit = match (&model.revision, locked) {
        (None, Some(locked)) => Some(locked.commit.clone()),
        (revision, _) => {
            cache.commit(&model.id, &revision.clone().unwrap_or_else(Revision::main))?
        }
    };
    if let (Some(commit), Some(locked)) = (&commit, locked)
        && *commit != locked.commit
    {
        return Err(Exit::Differs.because(anyhow!(
            "`{model}` is commit {commit}, expected {} by `{LOCK}`\n\
             hint: leave out the revision, or lock this one with `clsrl-bench model fetch {model} \
             --accept-changes`",
            locked.commit
        )));
    }
    commit.and_then(|commit| cache.snapshot(&model.id, &commit)).ok_or_else(|| {
        Exit::Usage.because(anyhow!(
            "there is no model `{model}` in `{}`\nhint: `clsrl-bench model fetch {model}` brings it there",
            cache.root().display()
        ))
    })
}

/// Holds a model's folder to the lock, if it says of which commit its files are and that commit is locked.
pub fn expect_locked(
    project: &Project,
    dir: &Path,
    weights: &ModelFiles,
    allow_unlocked: bool,
    detail: Detail,
) -> anyhow::Result<()> {
    let Some(commit) = commit_of(dir) else { return Ok(()) };
    let lock = read_lock(&project.path(LOCK))?;
    let Some((id, locked)) = lock.of_commit(&commit) else { return Ok(()) };
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
        return Ok(());
    }
    if allow_unlocked {
        detail.say(&format!("{id} is not as locked; its results are those of other weights"));
        return Ok(());
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
fn read_lock(path: &Path) -> anyhow::Result<ModelLock> {
    let text = match clsrl_files::read_to_string(path, MAX_LOCK) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text
            .with_context(|| format!("cannot read the lock `{}`", path.display()))
            .map_err(|error| Exit::Usage.because(error))?,
    };
    parse_lock(path, &text)
}

fn parse_lock(path: &Path, text: &str) -> anyhow::Result<ModelLock> {
    if text.trim().is_empty() {
        return Ok(ModelLock::default());
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    ModelLock::parse(text, &name).map_err(|errors| Exit::Usage.because(errors))
}

/// The folder of the hub's cache, found as Hugging Face's tools find it.
fn cache_root() -> anyhow::Result<PathBuf> {
    match ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"].into_iter().find_map(path_in) {
        Some(root) => Ok(root),
        None => Ok(hf_home()?.join("hub")),
    }
}

/// The folder of everything that Hugging Face's tools keep.
fn hf_home() -> anyhow::Result<PathBuf> {
    if let Some(home) = path_in("HF_HOME") {
        return Ok(home);
    }
    let cache = path_in("XDG_CACHE_HOME").or_else(|| Some(path_in("HOME")?.join(".cache")));
    let cache = cache.context("none of HF_HOME, XDG_CACHE_HOME and HOME is set")?;
    Ok(cache.join("huggingface"))
}

/// A folder from the environment; a `~` in front is the user's own.
fn path_in(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(name).filter(|value| !value.is_empty())?);
    match path.strip_prefix("~") {
        Ok(rest) => Some(PathBuf::from(env::var_os("HOME")?).join(rest)),
        Err(_) => Some(path),
    }
}
