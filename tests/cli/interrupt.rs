//! Runs that are interrupted, and runs that meet.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    thread,
    time::Duration,
};

use crate::program::{
    assert_same_results, call, end, expect_ok, finished, program, run_args, temporary, text,
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
fn a_report_of_what_is_there_is_written_while_a_run_goes_on() {
    let dir = temporary();
    let (mut child, mut stderr) = run_one_by_one_until(dir.path(), "1/3 zero-shot done");
    // Held, so that it does not get further while somebody else looks at its results.
    signal(&child, "-STOP");
    let report = call(&["report", "--suite", "smoke", "--out", text(dir.path())]);
    signal(&child, "-CONT");
    assert_eq!(report.code, Some(5), "{}{}", report.stdout, report.stderr);
    assert!(report.stderr.contains("incomplete: 4 of 8 cells are missing"), "{}", report.stderr);
    assert!(report.stdout.contains("Zero-shot") && report.stdout.contains("smoke.md"));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert_same_results(finished(), dir.path());
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

/// Sends a signal as soon as a file or folder is there, to a program of which nothing else is known.
fn signal_when_there(command: &mut Command, there: &Path, name: &str) -> Option<i32> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !there.exists() && child.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
    signal(&child, name);
    child.wait().unwrap().code()
}

#[test]
fn a_signal_in_process_ends_with_its_code_and_leaves_memory_alone() {
    for (at, name, code) in [
        ("smoke/sft.dtd.4shot.seed1", "-TERM", 143),
        ("smoke/sft.dtd.4shot.seed1/training.json", "-INT", 130),
        ("smoke/zero-shot/dtd.direct.json", hang_up(), 143),
        ("smoke/.lock", "-TERM", 143),
    ] {
        let dir = temporary();
        let mut run = program(&run_args(text(dir.path()), &["--in-process"]));
        let ended = signal_when_there(&mut run, &dir.path().join(at), name);
        assert_eq!(ended, Some(code), "{name} at {at}");
    }
}

/// SIGHUP, or SIGTERM where whoever started the tests ignores it, as nohup does: the program then does as well.
fn hang_up() -> &'static str {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    if ignored & 1 == 0 { "-HUP" } else { "-TERM" }
}

#[test]
fn a_signal_to_the_whole_group_ends_the_run_and_writes_no_report() {
    let dir = temporary();
    let (mut child, mut stderr) = run_one_by_one_until(dir.path(), "1/3 zero-shot done");
    for process in [workers_of(&child), vec![child.id()]].concat() {
        let sent = Command::new("kill").args(["-TERM", &process.to_string()]).status().unwrap();
        assert!(sent.success());
    }
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{rest}");
    assert!(!rest.contains("failed"), "{rest}");
    assert!(!dir.path().join("smoke.md").exists());
}

/// The children of a run, as Linux tells them; at least one.
fn workers_of(child: &Child) -> Vec<u32> {
    let tasks = format!("/proc/{}/task", child.id());
    loop {
        let mut workers = Vec::new();
        for task in fs::read_dir(&tasks).unwrap() {
            let children = task.unwrap().path().join("children");
            let listed = fs::read_to_string(children).unwrap_or_default();
            workers.extend(listed.split_whitespace().map(|id| id.parse::<u32>().unwrap()));
        }
        if !workers.is_empty() {
            return workers;
        }
        thread::yield_now();
    }
}

#[test]
fn a_worker_of_a_run_obeys_its_standard_input_alone() {
    let mut worker = program(&["trial", "--of-run"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !disregards_signals(worker.id()) {
        thread::yield_now();
    }
    for name in ["-TERM", "-INT", "-HUP", "-USR1"] {
        signal(&worker, name);
    }
    assert!(worker.try_wait().unwrap().is_none());
    drop(worker.stdin.take());
    assert_eq!(worker.wait().unwrap().code(), Some(1), "it was given no job");
}

/// Whether a process has handlers for what would end it, and its first thread is not interrupted for them.
fn disregards_signals(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    ["SigCgt:", "SigBlk:"].iter().all(|name| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        [1, 2, 10, 15].iter().all(|signal| mask & (1 << (signal - 1)) != 0)
    })
}

fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let listed = |thread: fs::DirEntry| {
        fs::read_to_string(thread.path().join("children")).unwrap_or_default()
    };
    threads
        .flat_map(|thread| {
            let ids = listed(thread);
            ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

#[test]
fn signals_touch_nothing_that_a_worker_computes() {
    let dir = temporary();
    let mut run = program(&run_args(text(dir.path()), &["--jobs", "1"]))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut n_sent = 0;
    let exit = loop {
        if let Some(exit) = run.try_wait().unwrap() {
            break exit;
        }
        for worker in children(run.id()).into_iter().filter(|&worker| disregards_signals(worker)) {
            let worker = worker.to_string();
            for name in ["-TERM", "-USR1"] {
                // It may have ended meanwhile.
                let _ = Command::new("kill").args([name, &worker]).stderr(Stdio::null()).status();
                n_sent += 1;
            }
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(exit.code(), Some(0), "after {n_sent} signals");
    assert!(100 < n_sent, "{n_sent} signals");
    assert_same_results(finished(), dir.path());
}

#[test]
fn every_verb_ends_at_a_signal_with_its_code() {
    let dir = temporary();
    let to = dir.path().join("drawn");
    let parts = || {
        let entries = fs::read_dir(dir.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
    };
    let mut child =
        program(&["tiny", "draw", "--to", text(&to)]).stderr(Stdio::null()).spawn().unwrap();
    while parts().is_empty() && child.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(!to.exists(), "half of it has its name");
    let model = dir.path().join("model");
    let steps = ["tiny", "pretrain", "--to", text(&model), "--seed", "1", "--steps", "1000"];
    let mut pretrain = program(&[steps.as_slice(), &["--threads", "1", "--batch", "1"]].concat());
    let code = signal_when_said(&mut pretrain, "step ", "-INT");
    assert_eq!(code, Some(130));
    assert!(!model.join("model.safetensors").exists());
}

/// Sends a signal as soon as a program has said something.
fn signal_when_said(command: &mut Command, said: &str, name: &str) -> Option<i32> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(said) {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended before it said `{said}`");
    }
    signal(&child, name);
    child.wait().unwrap().code()
}

#[test]
fn a_file_that_may_not_grow_is_a_full_disk_and_no_signal() {
    let dir = temporary();
    let run = run_args(text(dir.path()), &["--jobs", "1"]);
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "ulimit -f 4; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_clsrl-bench")])
        .args(&run)
        .envs(program(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null());
    let ended = end(&mut limited);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cannot write `"), "{ended:?}");
    assert!(ended.stderr.contains("File too large"), "{ended:?}");
    expect_ok(&run);
    assert_same_results(finished(), dir.path());
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    for verb in ["plan --suite few-shot", "audit protocol tiny paper", "--help", "run --help"] {
        let script = format!("\"$0\" {verb} 2>&1 >&3 | cat; exit ${{PIPESTATUS[0]}}");
        let mut piped = Command::new("bash");
        piped
            .args(["-c", &format!("exec 3> >(exec true); wait $!; {script}")])
            .arg(env!("CARGO_BIN_EXE_clsrl-bench"))
            .envs(program(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null());
        let ended = end(&mut piped);
        assert_eq!(ended.code, Some(0), "{verb}: {ended:?}");
        assert!(!ended.stdout.contains("error"), "{verb}: {ended:?}");
    }
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
