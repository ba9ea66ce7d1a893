//! `--set`: fields of a suite or of its protocol from the command line.

use std::fs;

use serde_json::Value;

use crate::program::{call, expect_ok, temporary, text};

const SET: [&str; 2] = ["--set", "cls-rl.generations=8"];

#[test]
fn a_plan_lists_what_was_set() {
    let plan =
        [&["plan", "--suite", "smoke", "--methods", "cls-rl", "--datasets", "dtd"], &SET[..]];
    let told = expect_ok(&plan.concat());
    assert!(told.lines().any(|line| line == "set: cls-rl.generations=8"), "{told}");
    let json = expect_ok(&[&plan.concat()[..], &["--json"]].concat());
    let plan: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["suite"], "smoke.set-cls-rl-generations-8");
    assert_eq!(plan["set"], serde_json::json!(["cls-rl.generations=8"]));
}

#[test]
fn a_mistake_in_what_is_set_is_that_of_a_file() {
    for (setting, expected) in [
        ("cls-rl.generations=1", "`generations` must be 2 or more, found 1\n"),
        ("name=mine", "`name` says which file it is, and cannot be set"),
        ("cls-rl.generations", "expected FIELD=VALUE as in `cls-rl.generations=8`"),
    ] {
        let ended = call(&["plan", "--suite", "smoke", "--set", setting]);
        assert_eq!(ended.code, Some(2), "{setting}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{setting}: {}", ended.stderr);
    }
}

#[cfg(feature = "libtorch")]
#[test]
fn results_of_what_was_set_have_a_name_of_their_own_and_say_it() {
    let dir = temporary();
    let out = ["--out", text(dir.path()), "--suite", "smoke"];
    let some = ["--methods", "zero-shot", "--datasets", "dtd", "--limit", "2"];
    let set = ["--set", "evaluation.max_new_tokens=5", "--set", "cls-rl.beta=0.5"];
    expect_ok(&[&["run"], &out[..], &some].concat());
    expect_ok(&[&["run"], &out[..], &some, &set].concat());
    let name = "smoke.set-evaluation-max_new_tokens-5.set-cls-rl-beta-0-5";
    let report = fs::read_to_string(dir.path().join(format!("{name}.md"))).unwrap();
    assert!(report.contains("Set: evaluation.max\\_new\\_tokens=5, cls-rl.beta=0.5"), "{report}");
    assert!(report.contains("--set evaluation.max_new_tokens=5 --set cls-rl.beta=0.5"), "{report}");
    assert!(report.contains("Protocol tiny with cls-rl.beta=0.5"), "{report}");
    assert!(!fs::read_to_string(dir.path().join("smoke.md")).unwrap().contains("Set:"));
    // The same answers as long as they fit, which tells that both runs are found by name.
    let two = ["compare", "smoke", name, "--out", text(dir.path()), "--format", "json"];
    let some = ["--methods", "zero-shot", "--datasets", "dtd", "--limit", "2"];
    let ended = call(&[&two[..], &some, &set].concat());
    assert!(matches!(ended.code, Some(0 | 7)), "{:?}: {}", ended.code, ended.stderr);
    let ended = call(&[&two[..], &some].concat());
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("names a field that was set, and not its value"),
        "{}",
        ended.stderr
    );
}
