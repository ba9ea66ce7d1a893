//! Slots and shards: the same grid on several devices, and in parts that are merged.

use std::{fs, path::Path};

use crate::program::{assert_same_results, call, expect_ok, finished, run_args, temporary, text};

/// Arguments of `results merge` for the small selection.
fn merge_args<'a>(from: &[&'a str], into: &'a str) -> Vec<&'a str> {
    let selection = ["--suite", "smoke", "--methods", "zero-shot,sft", "--datasets", "dtd,eurosat"];
    [&["results", "merge"], from, &selection, &["--limit", "2", "--into", into]].concat()
}

#[test]
fn a_run_on_two_slots_gives_the_results_of_one() {
    let dir = temporary();
    expect_ok(&run_args(text(dir.path()), &["--devices", "cpu,cpu"]));
    assert_same_results(finished(), dir.path());
}

#[test]
fn what_is_no_list_of_devices_of_one_kind_is_wrong_usage() {
    let dir = temporary();
    for more in [
        &["--devices", "cpu,cuda:0"][..],
        &["--devices", "gpu"],
        &["--devices", "cpu", "--jobs", "2"],
        &["--devices", "cpu", "--device", "cpu"],
    ] {
        let ended = call(&run_args(text(dir.path()), more));
        assert_eq!(ended.code, Some(2), "{more:?}: {}", ended.stderr);
    }
    assert!(!dir.path().join("smoke").exists());
}

#[test]
fn shards_merged_are_one_run() {
    let dir = temporary();
    let shard = |name: &str| dir.path().join(name);
    let (one, two, into) = (shard("1"), shard("2"), shard("into"));
    for (number, out) in [("1/2", &one), ("2/2", &two)] {
        expect_ok(&run_args(text(out), &["--shard", number]));
    }
    let n_trials = |out: &Path| fs::read_dir(out.join("smoke")).unwrap().flatten().count();
    assert!(n_trials(&one) < n_trials(finished()) && n_trials(&two) < n_trials(finished()));
    let half = call(&merge_args(&[text(&one)], text(&into)));
    assert_eq!(half.code, Some(5), "half of it is missing: {}{}", half.stdout, half.stderr);
    expect_ok(&merge_args(&[text(&one), text(&two)], text(&into)));
    let again = expect_ok(&merge_args(&[text(&two), text(&one)], text(&into)));
    assert!(again.starts_with("merged 0 fine-tunes and 0 cells into "), "{again}");
    // The report of it is that of a run.
    expect_ok(&["report", "--suite", "smoke", "--out", text(&into)]);
    assert_same_results(finished(), &into);
}

#[test]
fn a_shard_that_has_no_trial_selects_nothing() {
    let dir = temporary();
    let ended = call(&run_args(text(dir.path()), &["--shard", "4/4"]));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("shard 4/4 has no trial: the plan has 3"), "{}", ended.stderr);
    assert_eq!(call(&run_args(text(dir.path()), &["--shard", "5/4"])).code, Some(2));
}

#[test]
fn folders_of_other_inputs_are_a_conflict_with_its_code() {
    let dir = temporary();
    let (other, into) = (dir.path().join("other"), dir.path().join("into"));
    let run = ["run", "--suite", "smoke", "--methods", "zero-shot", "--datasets", "dtd,eurosat"];
    let other_limit = ["--limit", "1", "--out", text(&other)];
    expect_ok(&[&run[..], &other_limit].concat());
    let from = [text(finished()), text(&other)];
    let ended = call(&merge_args(&from, text(&into)));
    assert_eq!(ended.code, Some(7), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("conflict: trial `zero-shot`: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("limit"), "{}", ended.stderr);
    assert!(!into.join("smoke/zero-shot/training.json").exists());
    let settled = [&merge_args(&from, text(&into))[..], &["--prefer", "first"]].concat();
    expect_ok(&settled);
    let nothing = call(&merge_args(&[text(dir.path())], text(&into)));
    assert_eq!(nothing.code, Some(2), "{}", nothing.stderr);
}
