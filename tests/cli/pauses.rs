//! Runs that are asked to end where they can go on, and runs that are killed in the middle of a trial.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
};

use serde_json::Value;

use crate::program::{
    Ended, assert_same_results, call, end, expect_ok, finished, program, run_args, temporary, text,
};

const TRIAL: &str = "smoke/cls-rl.dtd.4shot.seed1";

/// Arguments that train one model by CLS-RL, in 16 steps.
fn cls_rl<'a>(out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let suite =
        ["run", "--suite", "smoke", "--methods", "cls-rl", "--datasets", "dtd", "--limit", "2"];
    [&suite[..], &["--out", text(out)], more].concat()
}

/// A run of it that nobody disturbed, made once.
fn undisturbed() -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("undisturbed-cls-rl");
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        expect_ok(&cls_rl(&dir, &[]));
        dir
    })
}

/// Whether an attempt at a trial has kept the state after some step.
fn is_kept(trial_dir: &Path) -> bool {
    let below = |dir: &Path| -> Vec<PathBuf> {
        fs::read_dir(dir)
            .map_or(Vec::new(), |entries| entries.flatten().map(|entry| entry.path()).collect())
    };
    let of_attempts = below(trial_dir).into_iter().map(|attempt| attempt.join("state"));
    let states = of_attempts.flat_map(|state| below(&state)).flat_map(|states| below(&states));
    states.into_iter().any(|path| path.extension().is_some_and(|end| end == "json"))
}

/// Starts a run, and sends it a signal as soon as there is a state of the trial.
pub fn signal_when_kept(command: &mut Command, trial_dir: &Path, name: &str) -> Ended {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !is_kept(trial_dir) {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it kept anything");
        thread::yield_now();
    }
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn resumed_at(out: &Path) -> Vec<u64> {
    let record = fs::read(out.join(TRIAL).join("training.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let steps = record["record"]["run"]["resumed_at"].as_array().cloned().unwrap_or_default();
    steps.iter().map(|step| step.as_u64().unwrap()).collect()
}

/// Expects that the same command ends the trial from its middle, and leaves nothing but results.
fn expect_going_on(args: &[&str], out: &Path) {
    let ended = call(args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let steps = resumed_at(out);
    assert_eq!(steps.len(), 1, "{}", ended.stderr);
    let said = format!("cls-rl.dtd.4shot.seed1 goes on after {} of 16 steps", steps[0]);
    assert!(ended.stderr.contains(&said), "{said}: {}", ended.stderr);
    assert_same_results(undisturbed(), out);
    for entry in fs::read_dir(out.join(TRIAL)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with('.') && name != "state", "{name} is left");
    }
}

#[test]
fn a_run_that_gets_sigusr1_keeps_the_middle_of_its_trial_and_goes_on_there() {
    for more in [&["--checkpoint-every", "0s"][..], &["--checkpoint-every", "0s", "--in-process"]] {
        let dir = temporary();
        let args = cls_rl(dir.path(), more);
        let ended = signal_when_kept(&mut program(&args), &dir.path().join(TRIAL), "-USR1");
        assert_eq!(ended.code, Some(75), "{}", ended.stderr);
        // 6.3 MB of weights, and two states of three times as much.
        assert!(ended.stderr.contains("43.83 MB of weights and states till"), "{}", ended.stderr);
        let said = "paused: 0 of 1 trial done in this run, 1 kept in the middle\n\
                    hint: run the same command again to go on";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert!(ended.stdout.is_empty() && !dir.path().join("smoke.md").exists());
        assert!(dir.path().join(TRIAL).join("state").is_dir());
        // Nobody needs to ask for it to go on from it.
        expect_going_on(&cls_rl(dir.path(), &[]), dir.path());
    }
}

#[test]
fn a_run_that_is_killed_goes_on_from_what_its_trial_last_kept() {
    let dir = temporary();
    let args = cls_rl(dir.path(), &["--checkpoint-every", "0s"]);
    let ended = signal_when_kept(&mut program(&args), &dir.path().join(TRIAL), "-KILL");
    assert_eq!(ended.code, None);
    expect_going_on(&args, dir.path());
}

#[test]
fn a_run_that_is_interrupted_goes_on_from_what_its_trial_last_kept() {
    let dir = temporary();
    let args = cls_rl(dir.path(), &["--checkpoint-every", "0s"]);
    let ended = signal_when_kept(&mut program(&args), &dir.path().join(TRIAL), "-INT");
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    expect_going_on(&args, dir.path());
}

#[test]
fn a_time_that_is_over_at_once_begins_nothing() {
    let dir = temporary();
    let ended = call(&run_args(text(dir.path()), &["--stop-after", "1ms"]));
    assert_eq!(ended.code, Some(75), "{}", ended.stderr);
    let said = "paused: 0 of 3 trials done in this run, 0 kept in the middle";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    expect_ok(&run_args(text(dir.path()), &["--stop-after", "1h"]));
    assert_same_results(finished(), dir.path());
}

#[test]
fn a_run_with_nothing_left_ends_well_whatever_it_is_asked() {
    let dir = crate::program::copy_of_finished();
    let ended = call(&run_args(text(dir.path()), &["--stop-after", "0s"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn nothing_is_kept_of_a_trial_where_nobody_asks_for_it() {
    let dir = temporary();
    let mut run = program(&cls_rl(dir.path(), &[]));
    let mut child = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        assert!(!is_kept(&dir.path().join(TRIAL)));
        thread::yield_now();
    }
    assert!(child.wait().unwrap().success());
    assert!(resumed_at(dir.path()).is_empty());
}

#[test]
fn a_time_without_a_unit_is_refused() {
    let mut run = program(&["run", "--suite", "smoke", "--checkpoint-every", "20"]);
    let ended = end(&mut run);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("as in 90s, 20m or 7h30m"), "{}", ended.stderr);
}
