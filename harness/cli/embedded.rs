//! The project's own files, as the program was built with them: what a program has that is far from any checkout.
//!
//! They are in the program, not beside it, because `cargo install` carries nothing else, and what is one file cannot
//! lose half of itself. What computes reads files, so they are unpacked into the user's cache.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::cache::cache_dir;

/// Each file's place in the project, and what is in it.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The folder's name: programs with other files have another one.
const FOLDER: &str = concat!("program-", env!("CLSRL_EMBEDDED"));

/// The text of a file of the project; nothing if there is none of that name.
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(file, _)| *file == name).map(|(_, bytes)| *bytes)
}

/// The folder of these files, unpacked; each is held to the program's own bytes every time, and written where it
/// differs.
pub fn folder() -> anyhow::Result<PathBuf> {
    let unpacked = cache_dir().and_then(|cache| {
        let dir = cache.join(FOLDER);
        unpack(&dir).with_context(|| format!("cannot write into `{}`", dir.display()))?;
        Ok(dir)
    });
    unpacked.context(
        "the program cannot unpack its suites, locks and tiny model\n\
         hint: XDG_CACHE_HOME names another folder for it, CLSRL_HOME a checkout that has them",
    )
}

/// Whether a folder is that of these files, on whichever machine it was unpacked.
pub fn is_folder(dir: &Path) -> bool {
    dir.file_name().is_some_and(|name| name == FOLDER)
}

fn unpack(dir: &Path) -> io::Result<()> {
    for (name, bytes) in FILES {
        let path = dir.join(name);
        let most = bytes.len() as u64 + 1;
        if clsrl_files::read(&path, most).is_ok_and(|there| there == *bytes) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        clsrl_files::replace(&path, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unpacked_is_what_the_project_has_and_is_mended() {
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        unpack(dir.path()).unwrap();
        let damaged = dir.path().join("suites/smoke.toml");
        fs::write(&damaged, "name = \"other\"").unwrap();
        unpack(dir.path()).unwrap();
        for (name, _) in FILES {
            let (there, own) = (fs::read(dir.path().join(name)), fs::read(root.join(name)));
            assert_eq!(there.unwrap(), own.unwrap(), "{name}");
        }
        for name in ["suites/few-shot.toml", "suites/protocols/paper.toml", "datasets.lock"] {
            assert!(bytes(name).is_some(), "{name}");
        }
    }
}
