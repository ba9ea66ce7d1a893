//! A plan in tasks, as any scheduler runs them: at once, frozen, out of time, killed.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
};

use crate::{
    interrupt::run_until,
    program::{SMALL, assert_same_results, call, expect_ok, finished, temporary, text},
};

/// Writes the plan of the small selection in so many tasks.
pub fn plan(out: &Path, n_tasks: &str, more: &[&str]) -> PathBuf {
    let to = out.join("plan");
    fs::create_dir_all(out).unwrap();
    let args = ["--out", text(out), "--to", text(&to), "--tasks", n_tasks];
    expect_ok(&[&["plan"], SMALL.as_slice(), &args, more].concat());
    to
}

fn task_args<'a>(plan: &'a Path, number: &'a str) -> [&'a str; 5] {
    ["run", "--plan", text(plan), "--task", number]
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The claims and notes that are there. A process that is killed while it writes one leaves a temporary file, which
/// claims nothing and is swept by its age.
fn claims(out: &Path) -> Vec<String> {
    let files = fs::read_dir(out.join("smoke/.claims")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

/// The results are those of an undisturbed run, and nobody claims anything.
fn expect_whole(out: &Path) {
    let report = [&["report"], SMALL.as_slice(), &["--out", text(out)]].concat();
    expect_ok(&report);
    assert_same_results(finished(), out);
    assert_eq!(claims(out), [""; 0], "claims are left");
}

#[test]
fn two_tasks_at_once_are_one_run() {
    let dir = temporary();
    let plan = plan(dir.path(), "2", &[]);
    thread::scope(|scope| {
        let started: Vec<_> = ["0", "1"]
            .map(|number| scope.spawn(|| expect_ok(&task_args(&plan, number))))
            .into_iter()
            .collect();
        started.into_iter().for_each(|task| drop(task.join().unwrap()));
    });
    expect_whole(dir.path());
}

#[test]
fn a_task_takes_what_others_have_left() {
    let dir = temporary();
    let plan = plan(dir.path(), "3", &[]);
    let ended = call(&task_args(&plan, "1"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("task 1 of 3, 1 trial of its own to run"), "{}", ended.stderr);
    assert!(ended.stderr.contains("3 trials done in "), "{}", ended.stderr);
    expect_whole(dir.path());
    let again = call(&task_args(&plan, "0"));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("0 trials of its own to run"), "{}", again.stderr);
}

#[test]
fn a_task_that_is_out_of_time_gives_its_trials_back() {
    for (name, code) in [("-USR1", 75), ("-TERM", 143)] {
        let dir = temporary();
        let plan = plan(dir.path(), "1", &[]);
        let (mut child, mut stderr) = run_until(&task_args(&plan, "0"), " done in ");
        signal(&child, name);
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{rest}");
        assert!(rest.contains("its trials are given back"), "{rest}");
        assert_eq!(claims(dir.path()), [""; 0], "{name}: claims are left");
        expect_ok(&task_args(&plan, "0"));
        expect_whole(dir.path());
    }
}

#[test]
fn a_killed_tasks_trial_waits_for_the_task_to_come_again_and_for_its_claim_to_expire() {
    let dir = temporary();
    let plan = plan(dir.path(), "1", &["--claim-lifetime", "0:02"]);
    let (mut child, _stderr) = run_until(&task_args(&plan, "0"), " done in ");
    child.kill().unwrap();
    child.wait().unwrap();
    let ended = call(&task_args(&plan, "0"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    expect_whole(dir.path());
}

#[test]
fn a_frozen_task_loses_its_trial_and_stops_when_it_wakes_up() {
    let dir = temporary();
    let plan = plan(dir.path(), "2", &["--claim-lifetime", "0:02"]);
    let (mut frozen, mut stderr) = run_until(&task_args(&plan, "0"), "trial of its own to run");
    // Until it has begun what it claimed.
    let has_begun = |trial: fs::DirEntry| {
        let files = fs::read_dir(trial.path()).into_iter().flatten().flatten();
        files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with(".attempt."))
    };
    let trials = || fs::read_dir(dir.path().join("smoke")).into_iter().flatten().flatten();
    while !trials().any(has_begun) {
        thread::yield_now();
    }
    signal(&frozen, "-STOP");
    let other = call(&task_args(&plan, "1"));
    signal(&frozen, "-CONT");
    assert_eq!(other.code, Some(0), "{}", other.stderr);
    assert!(other.stderr.contains("3 trials done in "), "{}", other.stderr);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(frozen.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains("another task took it after a long silence"), "{rest}");
    expect_whole(dir.path());
}

#[test]
fn what_is_no_task_of_a_plan_is_refused_with_its_code() {
    let dir = temporary();
    let plan = plan(dir.path(), "2", &[]);
    let beyond = call(&task_args(&plan, "2"));
    assert_eq!(beyond.code, Some(2), "{}", beyond.stderr);
    assert!(beyond.stderr.contains("has 2 tasks, from 0: there is no task 2"), "{}", beyond.stderr);
    for args in [
        &["run"][..],
        &["run", "--plan", text(&plan)],
        &["run", "--suite", "smoke", "--task", "0"],
        &["run", "--suite", "smoke", "--plan", text(&plan), "--task", "0"],
        &["run", "--plan", text(&plan), "--task", "0", "--devices", "cuda:0"],
        &["run", "--plan", "/no/such/plan", "--task", "0"],
    ] {
        let ended = call(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
    }
    let written = fs::read_to_string(&plan).unwrap();
    for changed in [written.replace("\"smoke\"", "\"smoky\""), written[..99].to_owned()] {
        fs::write(&plan, changed).unwrap();
        let ended = call(&task_args(&plan, "0"));
        assert_eq!(ended.code, Some(7), "{}", ended.stderr);
        assert!(ended.stderr.contains("plan` cannot be used"), "{}", ended.stderr);
    }
}

#[test]
fn a_failed_trial_is_tried_by_no_other_task() {
    let dir = temporary();
    let data = dir.path().join("data");
    expect_ok(&["tiny", "draw", "--to", text(&data)]);
    let plan = plan(dir.path(), "2", &["--data", text(&data)]);
    // A test image that was replaced after the plan was made.
    let images = data.join("dtd/images");
    let class = fs::read_dir(&images).unwrap().next().unwrap().unwrap().path();
    for image in fs::read_dir(class).unwrap().flatten() {
        let bytes = [fs::read(image.path()).unwrap(), vec![0]].concat();
        fs::write(image.path(), bytes).unwrap();
    }
    let first = call(&task_args(&plan, "0"));
    assert_eq!(first.code, Some(7), "{}", first.stderr);
    let second = call(&task_args(&plan, "1"));
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert!(second.stderr.contains("failed in other tasks"), "{}", second.stderr);
}
