//! The shape of the project: its crates' edges, its source files, its documents and scripts.
//!
//! Looks at files and at `cargo metadata` alone; what the program does is tested elsewhere.

mod crates;
mod documents;
mod sources;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder of the project, in order, as paths relative to the project.
fn files_below(dir: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![root().join(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            } else {
                files.push(entry.path().strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// The files that git tracks, or nothing outside a checkout.
fn tracked_files() -> Option<Vec<PathBuf>> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().ok()?;
    let names = String::from_utf8(listed.stdout).unwrap();
    listed.status.success().then(|| {
        let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
        files.filter(|file| root().join(file).is_file()).collect()
    })
}

/// Fails with all findings at once.
fn assert_none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n  {}", findings.join("\n  "));
}
