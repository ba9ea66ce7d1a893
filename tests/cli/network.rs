//! Nothing but a `fetch` verb uses the network: everything else runs where a socket of the internet is death.

use std::{os::unix::process::ExitStatusExt, process::Command};

use crate::program::{program, root, run_args, temporary, text};

/// What a process is killed by that makes a forbidden call.
const SIGSYS: i32 = 31;

/// The program behind a filter of system calls; none where there is no such thing, which it says.
fn without_network(args: &[&str]) -> Command {
    let plain = program(args);
    let mut command = Command::new("python3");
    command.arg(root().join("tests/python/no_network.py")).arg(plain.get_program()).args(args);
    for (name, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}

/// Code, signal and standard error of the program behind the filter.
fn ended(args: &[&str]) -> (Option<i32>, Option<i32>, String) {
    let ended = without_network(args).env("HF_ENDPOINT", "http://127.0.0.1:9").output().unwrap();
    let message = String::from_utf8_lossy(&ended.stderr).into_owned();
    (ended.status.code(), ended.status.signal(), message)
}

fn has_filter() -> bool {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/python/no_network.py")).arg("true");
    let has_filter = command.output().is_ok_and(|output| output.status.success());
    if !has_filter {
        eprintln!("skipped: this machine has no filter of system calls (seccomp), or no python3");
    }
    has_filter
}

#[test]
fn nothing_but_fetch_uses_the_network() {
    if !has_filter() {
        return;
    }
    let dir = temporary();
    let out = text(dir.path());
    let image = dir.path().join("image.png");
    let suite = ["--suite", "smoke", "--out", out];
    // What ends well, so that no worker of theirs was killed either.
    let mut good: Vec<Vec<&str>> = vec![
        vec!["plan", "--suite", "smoke"],
        vec!["datasets", "list"],
        vec!["datasets", "verify"],
        vec!["inspect", "prompt", "--suite", "smoke", "--dataset", "dtd", "--index", "0"],
        vec!["inspect", "image", "--dataset", "dtd", "--index", "0", "--to", text(&image)],
        vec!["audit", "protocol", "paper", "matched"],
        vec!["--version"],
    ];
    if cfg!(feature = "libtorch") {
        good.push(run_args(out, &[]));
        good.push([&["report"], suite.as_slice()].concat());
        good.push(vec!["doctor", "--image-size", "56", "--threads", "1"]);
    }
    for args in &good {
        let (code, signal, message) = ended(args);
        assert_eq!((code, signal), (Some(0), None), "{args:?}: {message}");
    }
    let missing = ["plan", "--suite", "smoke", "--model", "hf:org/tiny"];
    let (code, signal, message) = ended(&missing);
    assert_eq!((code, signal), (Some(2), None), "{message}");
}

#[cfg(feature = "fetch")]
#[test]
fn the_filter_finds_whoever_uses_the_network() {
    if !has_filter() {
        return;
    }
    let dir = temporary();
    let mut fetch = without_network(&["model", "fetch", "org/tiny", "--dry-run"]);
    let ended =
        fetch.env("HF_ENDPOINT", "http://127.0.0.1:9").env("HF_HOME", dir.path()).output().unwrap();
    assert_eq!(ended.status.signal(), Some(SIGSYS), "{}", String::from_utf8_lossy(&ended.stderr));
}
