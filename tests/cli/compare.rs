//! Two runs compared as their user compares them: a run with itself, and with what was changed in it.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    program::{Ended, call, copy_of_finished, finished, temporary, text},
    records::{answers, edit_and_seal, write_answers},
};

const CELL: &str = "smoke/sft.dtd.4shot.seed1/dtd.direct.json";

fn compare(a: &Path, b: &Path, more: &[&str]) -> Ended {
    call(&[&["compare", text(a), text(b)], more].concat())
}

/// Gives both answers of a cell anew: so many of them right, the first ones.
fn answer(out: &Path, n_right: usize) {
    let record = out.join(CELL);
    let predictions = record.with_extension("predictions.jsonl");
    let mut answers = answers(&predictions);
    for (at, answer) in answers.iter_mut().enumerate() {
        let right = at < n_right;
        let said = if right { answer["gold"].as_str().unwrap().to_owned() } else { "zzz".into() };
        answer["raw"] = format!("<answer>{said}</answer>").into();
        answer["extracted"] = said.into();
        (answer["correct_published"], answer["correct_strict"]) = (right.into(), right.into());
        answer["truncated"] = false.into();
    }
    write_answers(&predictions, &answers);
    edit_and_seal(&record, |file| {
        let outcome = &mut file["record"]["outcome"];
        for count in ["n_correct_published", "n_correct_strict"] {
            outcome[count] = n_right.into();
        }
        for count in ["n_truncated", "n_untagged"] {
            outcome[count] = 0.into();
        }
    });
}

#[test]
fn a_run_against_itself_differs_in_nothing() {
    let ended = compare(finished(), &finished().join("smoke"), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for part in ["no setting differs", "0 answers flipped", "8 cells with the same answers"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
}

#[test]
fn an_answer_that_flipped_is_told_with_its_image_in_every_format() {
    let [a, b] = [copy_of_finished(), copy_of_finished()];
    answer(a.path(), 2);
    answer(b.path(), 1);
    let flipped = answers(&b.path().join(CELL).with_extension("predictions.jsonl")).remove(1);
    let image = flipped["image"].as_str().unwrap();
    let compare = |more: &[&str]| {
        let ended = compare(a.path(), b.path(), more);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let lines = compare(&[]);
    for part in ["1 answer flipped: 0 became right, 1 wrong", image, "100.0  50.0   −50.0", "zzz"]
    {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert!(lines.lines().all(|line| line.chars().count() <= 80), "{lines}");
    let json: Value = serde_json::from_str(&compare(&["--format", "json"])).unwrap();
    assert_eq!(json["flips"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&json["flips"][0]["image"], &json["flips"][0]["became"]),
        (&image.into(), &"wrong".into())
    );
    let is_it = |row: &&Value| row["name"] == "sft.dtd.4shot → dtd.direct";
    let cell = json["cells"].as_array().unwrap().iter().find(is_it).unwrap();
    assert_eq!(cell["change_points"], -50.0);
    assert!(
        cell["lower_points"].as_f64().unwrap() < -50.0
            && -50.0 < cell["upper_points"].as_f64().unwrap()
    );
    assert!(compare(&["--format", "markdown"]).contains("| wrong  | sft.dtd.4shot → dtd.direct"));
    let html = compare(&["--format", "html"]);
    assert!(html.starts_with("<!doctype html>") && html.contains("zzz"));
}

#[test]
fn what_only_one_run_has_is_named_and_has_no_number() {
    let changed = copy_of_finished();
    fs::remove_file(changed.path().join(CELL)).unwrap();
    let ended = compare(finished(), changed.path(), &[]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let name = "sft.dtd.4shot → dtd.direct";
    for part in ["1 cell cannot be compared:", &format!("{name}, seed 1: B: not run yet")] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    // Neither the cell nor the average that it is one of has a number.
    let json = compare(finished(), changed.path(), &["--format", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    for (rows, name) in [("cells", name), ("averages", "sft.4shot → in-domain.direct")] {
        let is_it = |row: &&Value| row["name"] == name;
        let row = json[rows].as_array().unwrap().iter().find(is_it).unwrap();
        assert!(row["absent"].is_string() && row["change_points"].is_null(), "{row}");
    }
}

#[test]
fn what_is_no_run_or_has_nothing_in_common_is_an_error_with_its_code() {
    let empty = temporary();
    let check = |b: &Path, more: &[&str], code, part: &str| {
        let ended = compare(finished(), b, more);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    };
    check(empty.path(), &[], 2, "has no results of a run");
    check(Path::new("smok"), &[], 2, "cannot read suite `suites/smok.toml`");
    let changed = copy_of_finished();
    for trial in fs::read_dir(changed.path().join("smoke")).unwrap().flatten() {
        let cells = fs::read_dir(trial.path()).into_iter().flatten().flatten();
        cells
            .filter(|cell| cell.file_name() != "training.json")
            .for_each(|cell| fs::remove_file(cell.path()).unwrap());
    }
    check(changed.path(), &[], 4, "have no finished cell in common; the first: ");
}
