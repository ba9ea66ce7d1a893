//! The program far from any checkout, as `cargo install` and a wheel leave it: it brings suites, locks and tiny model.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::program::{Ended, end, program, text};

/// A folder that no checkout is above, with a cache of its own.
struct Outside(TempDir);

impl Outside {
    fn new() -> Self {
        // The build folder may lie in the checkout.
        Outside(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        let dir = self.0.path().join("work");
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn call(&self, args: &[&str]) -> Ended {
        let mut command = program(args);
        command.env_remove("CLSRL_HOME").env("XDG_CACHE_HOME", self.0.path().join("cache"));
        end(command.current_dir(self.dir()))
    }

    #[track_caller]
    fn expect_ok(&self, args: &[&str]) -> String {
        let ended = self.call(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
#[cfg(feature = "libtorch")]
fn outside_a_checkout_a_run_takes_the_programs_files_and_writes_into_the_current_folder() {
    let outside = Outside::new();
    let part = ["--suite", "smoke", "--methods", "zero-shot", "--datasets", "dtd", "--limit", "2"];
    outside.expect_ok(&[&["run", "--in-process"], &part[..]].concat());
    assert_eq!(names(&outside.dir()), ["reports", "results"]);
    assert!(outside.dir().join("results/smoke/zero-shot/dtd.direct.json").is_file());
    assert!(outside.dir().join("reports/smoke.md").is_file());
    outside.expect_ok(&["doctor", "--image-size", "56", "--threads", "1"]);
    // As a batch script calls it.
    let unpacked = fs::read_dir(outside.0.path().join("cache/clsrl-bench")).unwrap();
    let unpacked = unpacked.map(|entry| entry.unwrap().path());
    let home = unpacked.into_iter().find(|path| text(path).contains("/program-")).unwrap();
    let mut report = program(&["report", "--suite", "smoke"]);
    report.env("CLSRL_HOME", &home).env("XDG_CACHE_HOME", outside.0.path().join("cache"));
    let ended = end(report.current_dir(outside.dir()));
    assert!(ended.stdout.contains(text(&outside.dir())), "{}{}", ended.stdout, ended.stderr);
    outside.expect_ok(&[&["baseline", "save", "mine", "--allow-incomplete"], &part[..]].concat());
    assert_eq!(names(&outside.dir().join("results/baselines")), ["mine.json"]);
}

#[test]
fn outside_a_checkout_what_is_locked_goes_into_a_copy_of_the_programs_lock() {
    let outside = Outside::new();
    outside.expect_ok(&["plan", "--suite", "smoke"]);
    let drawn = outside.0.path().join("cache/clsrl-bench/drawn-v1-seed1");
    outside.expect_ok(&["datasets", "verify", "--datasets", "dtd"]);
    assert_eq!(names(&outside.dir()), Vec::<String>::new(), "what only reads writes nothing");
    let data = outside.0.path().join("data");
    crate::program::copy(&drawn.join("dtd"), &data.join("dtd"));
    let lock = ["datasets", "lock", "--datasets", "dtd", "--data", text(&data), "--accept-changes"];
    outside.expect_ok(&lock);
    assert_eq!(names(&outside.dir()), ["datasets.lock"]);
    let own = fs::read_to_string(outside.dir().join("datasets.lock")).unwrap();
    let ours = fs::read_to_string(crate::program::root().join("datasets.lock")).unwrap();
    assert_ne!(own, ours);
    assert!(own.contains("[eurosat]\n"), "what was locked before is there still");
    outside.expect_ok(&["datasets", "verify", "--datasets", "dtd", "--data", text(&data)]);
}

#[test]
fn a_cache_that_cannot_be_written_is_told_with_what_to_do() {
    let outside = Outside::new();
    fs::write(outside.0.path().join("cache"), "a file").unwrap();
    let ended = outside.call(&["plan", "--suite", "smoke"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot unpack its suites"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: XDG_CACHE_HOME"), "{}", ended.stderr);
}

#[test]
#[cfg(feature = "libtorch")]
fn a_program_finds_its_libtorch_without_the_checkout_too() {
    // The first place is a link in the checkout, where it was built so.
    let lib = Path::new(env!("CLSRL_LIBTORCH_LIB"));
    let itself = lib.canonicalize().unwrap();
    let places = [":", text(&itself), "\0"].concat();
    let bytes = fs::read(env!("CARGO_BIN_EXE_clsrl-bench")).unwrap();
    let is_there = bytes.windows(places.len()).any(|found| found == places.as_bytes());
    assert!(is_there || itself == lib, "the run path does not end with `{}`", itself.display());
}
