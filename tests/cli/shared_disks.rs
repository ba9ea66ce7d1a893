//! Results on a disk that machines share: locks that say yes to everybody, or are not there, and names that are stale
//! for a moment. `tests/locks/network.c` stands between the program and the C library.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use crate::program::{
    Ended, assert_same_results, copy_of_finished, end, finished, program, root, run_args,
    temporary, text,
};

/// The library to preload, compiled once.
fn network() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("network.so");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let compiled = Command::new(compiler)
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([&library, &root().join("tests/locks/network.c")])
            .arg("-ldl")
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        library
    })
}

fn run_there(out: &Path, settings: &[(&str, &str)]) -> Ended {
    let mut run = program(&run_args(text(out), &["--jobs", "2"]));
    end(run.env("LD_PRELOAD", network()).envs(settings.iter().copied()))
}

/// No trial failed, and no attempt was left behind.
fn expect_whole(ended: &Ended, out: &Path) {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("failed"), "{}", ended.stderr);
    for trial in fs::read_dir(out.join("smoke")).unwrap().flatten() {
        let Ok(entries) = fs::read_dir(trial.path()) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(!name.starts_with('.') && name != "checkpoint", "{name} is left");
        }
    }
}

#[test]
fn two_runs_at_once_are_one_where_locks_say_yes_to_everybody() {
    let dir = temporary();
    let both: Vec<Ended> = thread::scope(|scope| {
        let started: Vec<_> = (0..2).map(|_| scope.spawn(|| run_there(dir.path(), &[]))).collect();
        started.into_iter().map(|run| run.join().unwrap()).collect()
    });
    both.iter().for_each(|ended| expect_whole(ended, dir.path()));
    assert_same_results(finished(), dir.path());
}

#[test]
fn a_run_without_locks_says_so_and_is_right() {
    let dir = temporary();
    let ended = run_there(dir.path(), &[("NETWORK_FLOCK", "none")]);
    expect_whole(&ended, dir.path());
    assert!(ended.stderr.contains("has no locks"), "{}", ended.stderr);
    assert_same_results(finished(), dir.path());
}

#[test]
fn names_that_are_stale_for_a_moment_are_read_again() {
    let dir = copy_of_finished();
    let ended = run_there(dir.path(), &[("NETWORK_STALE", "yes")]);
    expect_whole(&ended, dir.path());
    assert!(ended.stderr.contains("8 cells, 0 of them to run"), "{}", ended.stderr);
}
