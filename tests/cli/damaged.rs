//! Results that something has happened to: the report, the gate and rescoring say so, and never guess.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{call, copy_of_finished, finished, temporary, text};

const RECORD: &str = "smoke/sft.dtd.4shot.seed1/dtd.direct.json";
const TRAINING: &str = "smoke/sft.dtd.4shot.seed1/training.json";
const ANSWERS: &str = "smoke/sft.dtd.4shot.seed1/dtd.direct.predictions.jsonl";

/// What a verb ends with: its code, and what it tells.
type Told<'a> = (i32, &'a str);

/// Happens to a copy of a finished run, then holds all three verbs to what they are to say. The gate has the run
/// as it was for its baseline.
fn check(happen: &dyn Fn(&Path), report: Told<'_>, gate: Told<'_>, rescore: Told<'_>) -> TempDir {
    let kept = temporary();
    let baseline = kept.path().join("b.json");
    let out = text(finished());
    let saved = call(&["baseline", "save", text(&baseline), "--suite", "smoke", "--out", out]);
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);

    let dir = copy_of_finished();
    happen(dir.path());
    let at = ["--suite", "smoke", "--out", text(dir.path())];
    let hold = |args: &[&str], (code, line): Told<'_>| {
        let ended = call(&[args, &at].concat());
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(code), "{args:?}: {told}");
        assert!(told.contains(line), "{args:?}, {line}: {told}");
    };
    hold(&["rescore"], rescore);
    hold(&["report", "--frames", "ndjson"], report);
    hold(&["gate", "--baseline", text(&baseline), "--max-drop", "80"], gate);
    dir
}

fn cells(dir: &TempDir) -> Vec<Value> {
    let text = fs::read_to_string(dir.path().join("smoke.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn edit(path: PathBuf, change: impl Fn(&mut Value)) {
    let mut file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut file);
    fs::write(path, serde_json::to_vec(&file).unwrap()).unwrap();
}

const ONE_MISSING: Told<'_> = (5, "incomplete: 1 of 8 cells are missing");

#[test]
fn half_a_record_is_a_missing_cell() {
    let halve = |out: &Path| {
        let bytes = fs::read(out.join(RECORD)).unwrap();
        fs::write(out.join(RECORD), &bytes[..bytes.len() / 2]).unwrap();
    };
    let dir = check(&halve, ONE_MISSING, (5, "is damaged"), (5, "1 of 8 cells are missing"));
    assert_eq!(cells(&dir).len(), 7);
}

#[test]
fn a_missing_fine_tune_takes_its_cells_with_it() {
    let remove = |out: &Path| fs::remove_file(out.join(TRAINING)).unwrap();
    let told = "incomplete: 2 of 8 cells are missing";
    let dir = check(&remove, (5, told), (5, "its training is missing"), (5, "2 of 8 cells"));
    assert_eq!(cells(&dir).len(), 6);
}

#[test]
fn a_record_of_the_version_before_is_as_good_and_an_older_one_is_missing() {
    let version =
        |n: u64| move |out: &Path| edit(out.join(RECORD), |file| file["version"] = n.into());
    check(&version(2), (0, "smoke.md"), (0, "accuracy: pass"), (0, "0 of 8 cells change"));
    let missing = "its record has version 1";
    check(&version(1), ONE_MISSING, (5, missing), (5, "1 of 8 cells are missing"));
    let newer = "has record version 99, expected at most 5";
    check(&version(99), (1, newer), (1, newer), (1, newer));
}

#[test]
fn what_is_no_number_makes_a_record_damaged() {
    let seconds = |out: &Path| {
        edit(out.join(RECORD), |file| file["record"]["run"]["evaluate_seconds"] = Value::Null);
    };
    check(&seconds, ONE_MISSING, (5, "is damaged"), (5, "1 of 8 cells are missing"));
    let nan = |out: &Path| {
        let text = fs::read_to_string(out.join(RECORD)).unwrap();
        let named = text.replacen("\"mean_choices\": 8.0", "\"mean_choices\": NaN", 1);
        assert_ne!(text, named);
        fs::write(out.join(RECORD), named).unwrap();
    };
    check(&nan, ONE_MISSING, (5, "is damaged"), (5, "1 of 8 cells are missing"));
}

#[test]
fn a_cell_without_pictures_has_no_accuracy_and_never_passes() {
    let empty = |out: &Path| {
        edit(out.join(RECORD), |file| {
            let outcome = &mut file["record"]["outcome"];
            let counts = [
                "n",
                "n_split",
                "n_correct_published",
                "n_correct_strict",
                "n_truncated",
                "n_untagged",
            ];
            counts.iter().for_each(|count| outcome[count] = 0.into());
        });
        fs::write(out.join(ANSWERS), "").unwrap();
    };
    let dir = check(
        &empty,
        (0, "smoke.md"),
        (5, "it was asked about other pictures than the baseline: 2 then, 0 now"),
        (0, "0 of 8 cells change"),
    );
    let is_it = |cell: &&Value| cell["n"] == 0;
    let cells = cells(&dir);
    let cell = cells.iter().find(is_it).unwrap();
    assert_eq!((&cell["published_pct"], &cell["mean_tokens"]), (&Value::Null, &Value::Null));
}

#[test]
fn an_answer_that_is_there_twice_is_told() {
    let twice = |out: &Path| {
        let text = fs::read_to_string(out.join(ANSWERS)).unwrap();
        let first = text.lines().next().unwrap();
        fs::write(out.join(ANSWERS), format!("{text}{first}\n")).unwrap();
    };
    let told = "`dtd.direct` of trial `sft.dtd.4shot.seed1`";
    check(&twice, (5, told), (5, "dtd.direct"), (5, told));
}

/// As after copying a file to the wrong place: its identity is another cell's.
#[test]
fn a_record_in_another_cells_place_is_stale() {
    let copy = |out: &Path| {
        let other = out.join(RECORD).with_file_name("eurosat.direct.json");
        fs::copy(out.join(RECORD), other).unwrap();
    };
    let told = "stale: sft.dtd.4shot → eurosat.direct";
    check(&copy, ONE_MISSING, (5, told), (5, "1 of 8 cells are missing"));
}
