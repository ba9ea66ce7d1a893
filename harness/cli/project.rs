//! Where the project's own files are: suites, locks, the tiny model; and where results and reports go.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::embedded;

/// A checkout, or what the program brings of one and the current folder.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder that holds `suites/` and `harness/`.
    files: PathBuf,
    /// The folder of results, of reports and of locks that are written.
    work: PathBuf,
}

/// A lock of the project: which file is read, and which is written.
#[derive(Debug, Clone)]
pub struct LockFile {
    /// The file that says what is locked.
    pub read: PathBuf,
    /// The file that changes go into.
    pub written: PathBuf,
    /// What a file that is not there yet begins with.
    pub beginning: &'static [u8],
}

impl Project {
    /// Finds the project: `CLSRL_HOME`, else the nearest checkout upwards from the current folder, else what the
    /// program was built with, with the current folder for what is written.
    pub fn find() -> anyhow::Result<Self> {
        if let Some(root) = checkout()? {
            return Ok(Project { files: root.clone(), work: root });
        }
        Ok(Project { files: embedded::folder()?, work: current_dir()? })
    }

    /// Its folder, as `CLSRL_HOME` may name it: a checkout, or what the program was built with.
    pub fn root(&self) -> &Path {
        &self.files
    }

    /// The folder of the suites.
    pub fn suites_dir(&self) -> PathBuf {
        self.path("suites")
    }

    /// The folder of the protocols.
    pub fn protocols_dir(&self) -> PathBuf {
        self.suites_dir().join("protocols")
    }

    /// A file that comes with the project, such as a suite's model.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.files.join(relative)
    }

    /// A file or folder that is written, such as `results`.
    pub fn work_path(&self, relative: &str) -> PathBuf {
        self.work.join(relative)
    }

    /// A lock. Outside a checkout the one in the current folder counts, and where there is none the program's own, of
    /// which a copy goes there with the first change.
    pub fn lock(&self, name: &str) -> LockFile {
        let (own, written) = (self.path(name), self.work_path(name));
        if own == written || written.exists() {
            return LockFile { read: written.clone(), written, beginning: &[] };
        }
        LockFile { read: own, written, beginning: embedded::bytes(name).unwrap_or_default() }
    }
}

impl LockFile {
    /// A lock that was named: one file, empty if it is not there.
    pub fn named(path: &Path) -> Self {
        LockFile { read: path.to_owned(), written: path.to_owned(), beginning: &[] }
    }

    /// What stood in the written file, or what it begins with.
    pub fn before(&self, found: Option<Vec<u8>>) -> Vec<u8> {
        found.unwrap_or_else(|| self.beginning.to_vec())
    }
}

/// The commit of the checkout that is used, or else of the one that the program was built in, with `-dirty` if files
/// differ; none outside.
pub fn commit(n_digits: usize) -> Option<String> {
    let built_in = || Some(PathBuf::from(env!("CARGO_MANIFEST_DIR"))).filter(|dir| is_project(dir));
    let root = checkout().ok()?.or_else(built_in)?;
    let head = git(&root, &["rev-parse", &format!("--short={n_digits}"), "HEAD"])?;
    // Results are ignored by git; reports are generated as well and say nothing about the program.
    match git(&root, &["status", "--porcelain", "--", ".", ":(exclude)reports"]) {
        Some(changes) if changes.is_empty() => Some(head),
        _ => Some(format!("{head}-dirty")),
    }
}

fn git(root: &Path, args: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(args);
    if let Some(parent) = root.parent() {
        // Another checkout around the project is not the program's.
        git.env("GIT_CEILING_DIRECTORIES", parent);
    }
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The checkout that is named or that the current folder is in.
fn checkout() -> anyhow::Result<Option<PathBuf>> {
    if let Some(home) = env::var_os("CLSRL_HOME") {
        let root = PathBuf::from(home);
        if embedded::is_folder(&root) {
            return Ok(None); // a batch script of a program outside a checkout
        }
        if is_project(&root) {
            return Ok(Some(root));
        }
        bail!(
            "CLSRL_HOME is `{}`, expected a folder that holds `suites` and `harness`",
            root.display()
        );
    }
    Ok(current_dir()?.ancestors().find(|dir| is_project(dir)).map(Path::to_owned))
}

fn current_dir() -> anyhow::Result<PathBuf> {
    env::current_dir().context("the current folder cannot be found")
}

fn is_project(dir: &Path) -> bool {
    dir.join("suites").is_dir() && dir.join("harness").is_dir()
}
