//! Suites and plans: what is selected, and what is said about mistakes.

use std::{fs, path::Path};

use crate::program::{
    call, copy_of_finished, end, expect_ok, model, program, root, temporary, text,
};

/// The line of a plan that counts trials and cells.
fn counts_of(plan: &str) -> &str {
    plan.lines().find(|line| line.contains(" cells: ")).unwrap()
}

#[test]
fn the_papers_grid_has_496_trials_and_needs_neither_data_nor_weights() {
    let plan = expect_ok(&["plan", "--suite", "few-shot", "--list"]);
    assert_eq!(counts_of(&plan), "496 trials, 682 cells: 0 done, 0 stale, 682 missing");
    assert!(plan.ends_with(
        "773,679 optimizer steps, 773,679 of them left\n8,289,152 images to evaluate, 8,289,152 of them left\n"
    ));
    assert!(plan.contains("cls-rl.dtd.4shot.seed1"));
    assert!(plan.contains("(no model is given)"));
    let table = expect_ok(&["plan", "--suite", "few-shot"]);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let row = |start: [&str; 2]| {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        table.lines().map(words).find(|row| row.len() == 6 && row[..2] == start).unwrap()
    };
    let trials = plan.lines().filter(|line| line.starts_with("cls-rl.dtd.")).count();
    assert_eq!(row(["cls-rl", "dtd"])[2], trials.to_string());
    assert!(!table.contains("cls-rl.dtd.4shot.seed1"));
}

#[test]
fn before_anything_is_drawn_a_plan_has_the_drawn_sizes() {
    let cache = temporary();
    let ended = end(program(&["plan", "--suite", "smoke"]).env("XDG_CACHE_HOME", cache.path()));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("572 optimizer steps, 572 of them left\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("18,480 images to evaluate"), "{}", ended.stdout);
}

#[test]
fn a_selection_narrows_the_plan() {
    let plan = expect_ok(&[
        "plan",
        "--suite",
        "few-shot",
        "--methods",
        "cls-rl",
        "--datasets",
        "dtd,eurosat",
        "--shots",
        "4",
        "--seeds",
        "1,2",
        "--json",
    ]);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["counts"]["trials"], 4);
    assert_eq!(plan["trials"][0]["key"], "cls-rl.dtd.4shot.seed1");
    assert_eq!(plan["trials"][0]["steps"], 600, "the paper's steps on DTD at 4 shots");
    assert_eq!(plan["trials"][0]["cells"][0]["progress"]["state"], "missing");
}

#[test]
fn a_selection_that_the_suite_does_not_have_selects_nothing() {
    let ended = call(&["plan", "--suite", "smoke", "--shots", "3"]);
    assert_eq!(ended.code, Some(4));
    assert!(ended.stderr.contains("no shots `3`"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn an_unknown_dataset_is_wrong_usage_and_the_known_ones_are_listed() {
    let ended = call(&["plan", "--suite", "smoke", "--datasets", "mnist"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("unknown dataset `mnist`"), "{}", ended.stderr);
    assert!(ended.stderr.contains("eurosat"), "{}", ended.stderr);
}

#[test]
fn an_unknown_suite_is_wrong_usage_and_the_known_ones_are_listed() {
    let ended = call(&["plan", "--suite", "smok"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("few-shot, open-set, real-mini, smoke"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: did you mean `smoke`? "), "{}", ended.stderr);
}

#[test]
fn an_unknown_protocol_is_wrong_usage_and_the_known_ones_are_listed() {
    let ended = call(&["plan", "--suite", "smoke", "--protocol", "papr"]);
    assert_eq!(ended.code, Some(2));
    for message in
        ["--protocol names no protocol", "papr.toml", "are matched, mm-eureka, othink-mr1, paper"]
    {
        assert!(ended.stderr.contains(message), "no {message:?} in {}", ended.stderr);
    }
}

#[test]
fn every_mistake_of_a_suite_is_told_with_its_line() {
    let dir = temporary();
    let suite = fs::read_to_string(root().join("suites/smoke.toml")).unwrap();
    let wrong = suite.replacen("methods = [", "colour = \"red\"\nmethods = [\"lora\", ", 1);
    assert_ne!(wrong, suite);
    let line = |start: &str| wrong.lines().position(|line| line.starts_with(start)).unwrap() + 1;
    let path = dir.path().join("wrong.toml");
    fs::write(&path, &wrong).unwrap();
    let ended = call(&["run", "--suite", text(&path)]);
    assert_eq!(ended.code, Some(2));
    for start in ["colour", "methods"] {
        assert!(ended.stderr.contains(&format!("line {}:", line(start))), "{}", ended.stderr);
    }
}

#[test]
fn a_suite_without_model_asks_for_one() {
    let ended = call(&["run", "--suite", "few-shot"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--model DIR"), "{}", ended.stderr);
}

/// The counts of the plan of the small selection with a limit, and the plan.
fn counts(out: &Path, limit: &str) -> (String, String) {
    let plan = expect_ok(&[
        "plan",
        "--suite",
        "smoke",
        "--methods",
        "zero-shot,sft",
        "--datasets",
        "dtd,eurosat",
        "--limit",
        limit,
        "--model",
        text(&model()),
        "--out",
        text(out),
        "--list",
    ]);
    (counts_of(&plan).to_owned(), plan)
}

#[test]
fn a_plan_tells_done_stale_and_missing_with_reasons() {
    let dir = copy_of_finished();
    assert_eq!(counts(dir.path(), "2").0, "3 trials, 8 cells: 8 done, 0 stale, 0 missing");
    let (stale, plan) = counts(dir.path(), "3");
    assert_eq!(stale, "3 trials, 8 cells: 0 done, 8 stale, 0 missing");
    assert!(plan.contains("`limit` changed from 2 to 3"), "{plan}");
    fs::remove_file(dir.path().join("smoke/zero-shot/dtd.direct.json")).unwrap();
    let record = dir.path().join("smoke/zero-shot/dtd.thinking.json");
    fs::write(&record, &fs::read(&record).unwrap()[..40]).unwrap();
    let (missing, plan) = counts(dir.path(), "2");
    assert_eq!(missing, "3 trials, 8 cells: 6 done, 0 stale, 2 missing");
    assert!(plan.contains("dtd.direct  (not run yet)"), "{plan}");
    assert!(plan.contains("is damaged"), "{plan}");
}
