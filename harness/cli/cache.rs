//! Where the program keeps what it could make again: one folder of the user's.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::exit::Exit;

/// The program's folder in the user's cache.
pub fn cache_dir() -> anyhow::Result<PathBuf> {
    let absolute =
        |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = match (absolute("XDG_CACHE_HOME"), absolute("HOME")) {
        (Some(cache), _) => cache,
        (None, Some(home)) => home.join(".cache"),
        (None, None) => bail!("neither XDG_CACHE_HOME nor HOME is set"),
    };
    Ok(cache.join("clsrl-bench"))
}

/// The folder of sidecars and their caches: the one that was given, else one in the user's cache.
pub fn sidecars_dir(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(dir) => Ok(dir.to_owned()),
        None => {
            let cache = cache_dir().context(
                "there is no folder for sidecars, which name every file\nhint: give one with --sidecars DIR",
            );
            Ok(cache.map_err(|error| Exit::Usage.because(error))?.join("sidecars"))
        }
    }
}
