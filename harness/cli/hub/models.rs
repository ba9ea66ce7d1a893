//! Fetched models: where they lie here.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_hub::HubCache;
use clsrl_spec::{HubModel, ModelId, Revision};

use super::model_lock::{LOCK, read_lock};
use crate::{exit::Exit, project::Project};

/// What a model's name begins with where a folder could stand as well.
const PREFIX: &str = "hf:";

/// The folder that is meant by what was given as a model: a folder, or `hf:` and a model's name.
pub fn dir_of(given: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = given.to_str().and_then(|given| given.strip_prefix(PREFIX)) else {
        return Ok(given.to_owned());
    };
    let model: HubModel =
        name.parse().map_err(|error| Exit::Usage.because(anyhow::Error::new(error)))?;
    let lock = read_lock(&Project::find()?.lock(LOCK).read)?;
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

/// The id of the only locked model of this name, whoever publishes it.
pub fn locked_id(name: &str) -> anyhow::Result<Option<ModelId>> {
    Ok(read_lock(&Project::find()?.lock(LOCK).read)?.id_of_name(name).cloned())
}

/// The folder of the hub's cache, found as Hugging Face's tools find it.
pub fn cache_root() -> anyhow::Result<PathBuf> {
    match ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"].into_iter().find_map(path_in) {
        Some(root) => Ok(root),
        None => Ok(hf_home()?.join("hub")),
    }
}

/// The folder of everything that Hugging Face's tools keep.
pub fn hf_home() -> anyhow::Result<PathBuf> {
    if let Some(home) = path_in("HF_HOME") {
        return Ok(home);
    }
    let cache = path_in("XDG_CACHE_HOME").or_else(|| Some(path_in("HOME")?.join(".cache")));
    let cache = cache.context("none of HF_HOME, XDG_CACHE_HOME and HOME is set")?;
    Ok(cache.join("huggingface"))
}

/// A folder from the environment; a `~` in front is the user's own.
pub fn path_in(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(name).filter(|value| !value.is_empty())?);
    match path.strip_prefix("~") {
        Ok(rest) => Some(PathBuf::from(env::var_os("HOME")?).join(rest)),
        Err(_) => Some(path),
    }
}
