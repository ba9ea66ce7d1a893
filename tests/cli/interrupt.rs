//! Runs that are interrupted, and runs that meet.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use crate::program::{
    assert_same_results, call, expect_ok, finished, program, run_args, temporary, text,
};

/// A run that has said a line which holds `said`.
pub fn run_until(args: &[&str], said: &str) -> (Child, BufReader<ChildStderr>) {
    let mut child = program(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(said) {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended before it said `{said}`");
    }
    (child, stderr)
}

fn run_one_by_one_until(out: &Path, said: &str) -> (Child, BufReader<ChildStderr>) {
    run_until(&run_args(text(out), &["--jobs", "1"]), said)
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn check_interrupted(name: &str, said: &str, code: i32) {
    let dir = temporary();
    let (mut child, mut stderr) = run_one_by_one_until(dir.path(), said);
    signal(&child, name);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(code), "{rest}");
    assert!(rest.contains("run the same command again to go on"), "{rest}");
    expect_ok(&run_args(text(dir.path()), &[]));
    assert_same_results(finished(), dir.path());
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bytes() {
    check_interrupted("-INT", "1/3 zero-shot done", 130);
}

#[test]
fn a_run_that_is_told_to_end_at_its_start_goes_on_to_the_same_bytes() {
    check_interrupted("-TERM", "cells, 8 of them to run", 143);
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let dir = temporary();
    let (mut child, _stderr) = run_one_by_one_until(dir.path(), "1/3 zero-shot done");
    child.kill().unwrap();
    child.wait().unwrap();
    expect_ok(&run_args(text(dir.path()), &[]));
    assert_same_results(finished(), dir.path());
}

#[test]
fn a_second_run_on_the_same_results_is_refused() {
    let dir = temporary();
    let (mut child, _stderr) = run_one_by_one_until(dir.path(), "cells, 8 of them to run");
    let ended = call(&run_args(text(dir.path()), &[]));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("another run is writing"), "{}", ended.stderr);
}
