//! `doctor`: what passes, what fails, and what it says.

use std::{fs, path::Path};

use serde_json::Value;

use crate::program::{Ended, call, copy, expect_ok, golden_sets, temporary, text};

/// An image of 4 placeholders: the tests are about the program, not about the model.
const SMALL: [&str; 5] = ["doctor", "--image-size", "56", "--threads", "1"];

#[test]
fn the_tiny_model_passes_every_self_test() {
    let json: Value =
        serde_json::from_str(&expect_ok(&[&SMALL[..], &["--json"]].concat())).unwrap();
    assert_eq!(json["passed"], true);
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 5);
    for check in checks {
        assert!(check["found"].as_f64().unwrap() <= check["allowed"].as_f64().unwrap(), "{check}");
    }
}

#[test]
fn a_golden_set_is_met_and_one_with_another_answer_is_not() {
    for goldens in golden_sets() {
        check_golden_set(&goldens);
    }
}

fn check_golden_set(goldens: &Path) {
    let printed = expect_ok(&[&SMALL[..], &["--goldens", text(goldens)]].concat());
    assert!(printed.contains("generate/batch, tokens that differ"), "{printed}");
    assert!(printed.contains("grpo/p1.kl"), "{printed}");
    let in_bf16 = ["--goldens", text(goldens), "--dtype", "bf16"];
    expect_ok(&[&SMALL[..], &in_bf16].concat());

    let dir = temporary();
    let changed = dir.path().join("goldens");
    copy(goldens, &changed);
    let file = changed.join("generate.json");
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let first = json["singles"][0]["ids"][0].as_i64().unwrap();
    json["singles"][0]["ids"][0] = (first + 1).into();
    fs::remove_file(&file).unwrap(); // the copy may be read-only
    fs::write(&file, json.to_string()).unwrap();
    let ended = call(&[&SMALL[..], &["--goldens", text(&changed)]].concat());
    assert_eq!(ended.code, Some(8), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("FAILED"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("checks, 1 failed\n"), "{}", ended.stdout);
}

#[test]
fn a_golden_set_that_is_not_there_is_told() {
    let ended = call(&[&SMALL[..], &["--goldens", "no-such-folder"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("golden set `no-such-folder`"), "{}", ended.stderr);
}

/// `doctor` before a run of a part of the smoke suite.
fn preflight(more: &[&str]) -> Ended {
    let suite =
        ["--suite", "smoke", "--methods", "zero-shot,sft", "--datasets", "dtd", "--limit", "2"];
    call(&[&SMALL[..], &suite, more].concat())
}

#[test]
fn a_suite_that_can_be_run_is_ready_on_one_page() {
    let ended = preflight(&[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with("\nready: this suite can be run\n"), "{}", ended.stdout);
    for found in ["ok      weights", "ok      data", "images answered", "steps of sft", "at most "]
    {
        assert!(ended.stdout.contains(found), "{found}: {}", ended.stdout);
    }
    assert!(ended.stdout.lines().count() <= 40, "{}", ended.stdout);
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ended.stdout);
}

#[test]
fn what_a_suite_lacks_or_has_otherwise_is_told_with_its_code() {
    let dir = temporary();
    let lock = dir.path().join("empty.lock");
    fs::write(&lock, "").unwrap();
    let ended = preflight(&["--lock", text(&lock)]);
    assert_eq!(ended.code, Some(7), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("FAILED  data"), "{}", ended.stdout);
    assert!(ended.stdout.contains("steps of sft"), "it is timed all the same: {}", ended.stdout);
    assert!(ended.stdout.ends_with("\nnot ready: data\n"), "{}", ended.stdout);

    let ended = preflight(&["--model", text(dir.path()), "--json"]);
    assert_eq!(ended.code, Some(5), "{}{}", ended.stdout, ended.stderr);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["ready"], &json["checks"][0]["check"]), (&false.into(), &"weights".into()));
    assert_eq!(json["checks"][0]["passed"], false);
}

#[test]
fn a_part_of_no_suite_is_wrong_usage() {
    for given in [["--datasets", "dtd"], ["--limit", "2"], ["--data", "."]] {
        let ended = call(&[&SMALL[..], &given].concat());
        assert_eq!(ended.code, Some(2), "{given:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("--suite"), "{given:?}: {}", ended.stderr);
    }
}
