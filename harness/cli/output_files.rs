//! Files that a verb writes beside its output: whole or not at all, and without those of earlier results.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Context;

/// Makes a folder with those above it.
pub fn create_dir(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))
}

/// Writes a file so that it is there whole or not at all.
pub fn write_file(path: &Path, contents: impl AsRef<[u8]>) -> anyhow::Result<()> {
    clsrl_files::replace(path, contents.as_ref())
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Whether a folder has a file of an extension.
pub fn has_file(dir: &Path, extension: &str) -> bool {
    let Ok(entries) = fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| entry.path().extension().is_some_and(|found| found == extension))
}

/// Removes files of earlier results that these do not have.
pub fn remove_others(
    dir: &Path,
    extensions: &[&str],
    kept: &BTreeSet<&Path>,
) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_ours = path
            .extension()
            .is_some_and(|found| extensions.iter().any(|extension| found == *extension));
        if is_ours && !kept.contains(path.as_path()) {
            fs::remove_file(&path)
                .with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    Ok(())
}
