//! Calls the program, and makes the runs that several tests look at.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

/// A selection of the smoke suite that takes seconds: 3 trials, 8 cells.
pub const SMALL: [&str; 8] =
    ["--suite", "smoke", "--methods", "zero-shot,sft", "--datasets", "dtd,eurosat", "--limit", "2"];

/// What the program left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file or folder of the shared test data, which may be missing.
pub fn shared(path: &str) -> PathBuf {
    let shared =
        std::env::var_os("CLSRL_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    shared.join(path)
}

/// The golden sets of all families; none with a line that says what is skipped.
pub fn golden_sets() -> Vec<PathBuf> {
    let folder = shared("goldens");
    let entries = fs::read_dir(&folder).into_iter().flatten();
    let mut sets: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    sets.retain(|dir| dir.join("forward.json").exists());
    sets.sort();
    if sets.is_empty() {
        eprintln!("skipped: no golden set at {}", folder.display());
    }
    sets
}

/// The program, with its caches in the build folder instead of the user's.
pub fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clsrl-bench"));
    command
        .args(args)
        .env("CLSRL_HOME", root())
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .stdin(Stdio::null());
    command
}

pub fn call(args: &[&str]) -> Ended {
    end(&mut program(args))
}

/// Runs a command to its end.
pub fn end(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Calls the program and expects it to end well; returns its standard output.
pub fn expect_ok(args: &[&str]) -> String {
    let ended = call(args);
    assert_eq!(ended.code, Some(0), "{args:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// Arguments of `run` on the small selection.
pub fn run_args<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run"], SMALL.as_slice(), &["--out", out], more].concat()
}

/// The suite's tiny model.
pub fn model() -> PathBuf {
    root().join("harness/tiny/model")
}

/// An uninterrupted run of the small selection, made once; not to be changed.
pub fn finished() -> &'static Path {
    static FINISHED: OnceLock<PathBuf> = OnceLock::new();
    FINISHED.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("finished");
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        expect_ok(&run_args(text(&dir), &[]));
        dir
    })
}

/// A copy of [`finished`] to be changed.
pub fn copy_of_finished() -> TempDir {
    let dir = temporary();
    copy(finished(), dir.path());
    dir
}

/// Fails unless two results folders are the same apart from how the runs went.
pub fn assert_same_results(a: &Path, b: &Path) {
    let compare = root().join("harness/scripts/same-results");
    let output = Command::new(compare).args([a, b]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

pub fn temporary() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
