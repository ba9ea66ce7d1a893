//! The gate as its user has it: a run against a baseline of itself, and against what was changed in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::program::{call, copy_of_finished, finished, program, temporary, text};

/// A baseline of the finished run.
fn saved() -> (TempDir, PathBuf) {
    let dir = temporary();
    let path = dir.path().join("small.json");
    let out = text(finished());
    let ended = call(&["baseline", "save", text(&path), "--suite", "smoke", "--out", out]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{}\n", path.display()));
    (dir, path)
}

fn args<'a>(out: &'a Path, baseline: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let gate = ["gate", "--suite", "smoke", "--out", text(out), "--baseline", text(baseline)];
    [gate.as_slice(), more].concat()
}

/// Two pictures a cell hold nothing but a total collapse.
const WIDE: [&str; 2] = ["--max-drop", "80"];

fn check(out: &Path, baseline: &Path, more: &[&str], code: i32, line: &str) {
    let ended = call(&args(out, baseline, more));
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains(line), "{line}: {told}");
}

#[test]
fn a_run_passes_against_itself_or_is_open_where_pictures_are_few() {
    let (_dir, baseline) = saved();
    check(finished(), &baseline, &WIDE, 0, "accuracy: pass");
    check(finished(), &baseline, &[], 6, "more pictures would settle it");
    check(
        finished(),
        &baseline,
        &["--max-drop", "80", "--wall-clock"],
        6,
        "wall-clock: inconclusive",
    );
}

#[test]
fn what_is_missing_stale_or_of_other_data_is_never_a_pass() {
    let (dir, baseline) = saved();
    let changed = copy_of_finished();
    let cell = changed.path().join("smoke/sft.dtd.4shot.seed1/dtd.direct.json");
    let record = fs::read_to_string(&cell).unwrap();
    fs::remove_file(&cell).unwrap();
    check(changed.path(), &baseline, &WIDE, 5, "missing: sft.dtd.4shot → dtd.direct");
    fs::write(&cell, record.replace("\"scorer\": 1", "\"scorer\": 0")).unwrap();
    check(changed.path(), &baseline, &WIDE, 5, "stale: sft.dtd.4shot → dtd.direct");
    fs::write(&cell, record.replace("\"locked\": true", "\"locked\": false")).unwrap();
    check(changed.path(), &baseline, &WIDE, 7, "its data is not as locked");
    fs::write(&cell, &record).unwrap();
    fs::remove_file(cell.with_extension("predictions.jsonl")).unwrap();
    check(changed.path(), &baseline, &WIDE, 5, "are missing");
    let other = dir.path().join("other.json");
    let saved = fs::read_to_string(&baseline).unwrap();
    fs::write(&other, saved.replacen("\"dtd\": \"", "\"dtd\": \"0", 1)).unwrap();
    check(finished(), &other, &WIDE, 7, "the data of dtd");
    check(temporary().path(), &baseline, &WIDE, 5, "not run yet");
}

#[test]
fn a_baseline_is_kept_of_what_is_done_and_as_locked() {
    let changed = copy_of_finished();
    let cell = changed.path().join("smoke/sft.dtd.4shot.seed1/dtd.direct.json");
    let record = fs::read_to_string(&cell).unwrap();
    let path = changed.path().join("b.json");
    let save = |more: &[&str]| {
        let args = ["baseline", "save", text(&path), "--suite", "smoke", "--out"];
        let ended = call(&[args.as_slice(), &[text(changed.path())], more].concat());
        (ended.code, path.exists())
    };
    fs::write(&cell, record.replace("\"locked\": true", "\"locked\": false")).unwrap();
    assert_eq!(save(&["--allow-incomplete"]), (Some(7), false));
    fs::remove_file(&cell).unwrap();
    assert_eq!(save(&[]), (Some(5), false));
    assert_eq!(save(&["--allow-incomplete"]), (Some(0), true));
}

#[test]
fn junit_is_xml_and_github_gets_annotations_and_a_summary() {
    let (dir, baseline) = saved();
    let ended = call(&args(finished(), &baseline, &["--format", "junit"]));
    let xml = dir.path().join("gate.xml");
    fs::write(&xml, ended.stdout).unwrap();
    let count = "import sys, xml.etree.ElementTree as t; r = t.parse(sys.argv[1]).getroot(); \
                 print(r.tag, len(r.findall('testsuite')), len(r.findall('*/testcase/skipped')))";
    let counted = Command::new("python3").args(["-c", count]).arg(&xml).output().unwrap();
    let counted = String::from_utf8(counted.stdout).unwrap();
    assert!(counted.starts_with("testsuites 2 ") && !counted.ends_with(" 0\n"), "{counted}");
    let summary = dir.path().join("summary.md");
    fs::write(&summary, "before\n").unwrap();
    let output = program(&args(finished(), &baseline, &["--format", "github"]))
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6));
    let annotations = String::from_utf8(output.stdout).unwrap();
    assert!(annotations.lines().all(|line| line.starts_with("::")), "{annotations}");
    let summary = fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("before\n## Gate: inconclusive\n"), "{summary}");
}
