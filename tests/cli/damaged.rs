//! Results that something has happened to: the report, the gate and rescoring say so, and never guess.

use std::{fs, path::Path};

use clsrl_spec::RECORD_VERSION;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    program::{
        assert_same_results, call, copy_of_finished, expect_ok, finished, run_args, temporary, text,
    },
    records::{age, answers, edit, edit_and_seal, read, write_answers},
};

const RECORD: &str = "smoke/sft.dtd.4shot.seed1/dtd.direct.json";
const TRAINING: &str = "smoke/sft.dtd.4shot.seed1/training.json";
const ANSWERS: &str = "smoke/sft.dtd.4shot.seed1/dtd.direct.predictions.jsonl";

/// What a verb ends with: its code, and what it tells.
type Expected<'a> = (i32, &'a str);

/// Happens to a copy of a finished run, then holds all three verbs to what they are to say. The gate has the run
/// as it was for its baseline.
fn check(
    happen: &dyn Fn(&Path),
    report: Expected<'_>,
    gate: Expected<'_>,
    rescore: Expected<'_>,
) -> TempDir {
    let kept = temporary();
    let baseline = kept.path().join("b.json");
    let out = text(finished());
    let saved = call(&["baseline", "save", text(&baseline), "--suite", "smoke", "--out", out]);
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);

    let dir = copy_of_finished();
    happen(dir.path());
    let at = ["--suite", "smoke", "--out", text(dir.path())];
    let hold = |args: &[&str], (code, line): Expected<'_>| {
        let ended = call(&[args, &at].concat());
        let message = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(code), "{args:?}: {message}");
        assert!(message.contains(line), "{args:?}, {line}: {message}");
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

const ONE_MISSING: Expected<'_> = (5, "incomplete: 1 of 8 cells are missing");

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
fn what_stands_in_the_place_of_a_record_or_its_predictions_is_a_missing_cell_and_made_again() {
    let folder = |path: &Path| fs::create_dir(path).unwrap();
    let circle = |path: &Path| std::os::unix::fs::symlink(path.file_name().unwrap(), path).unwrap();
    let kinds = [(&folder as &dyn Fn(&Path), "but a folder"), (&circle, "symbolic links")];
    for (make, message) in kinds {
        for file in [RECORD, ANSWERS] {
            let replace = |out: &Path| {
                fs::remove_file(out.join(file)).unwrap();
                make(&out.join(file));
            };
            let dir = check(&replace, ONE_MISSING, (5, message), (5, "1 of 8 cells are missing"));
            expect_ok(&run_args(text(dir.path()), &[]));
            assert_same_results(finished(), dir.path());
        }
    }
}

#[test]
fn a_missing_fine_tune_takes_its_cells_with_it() {
    let remove = |out: &Path| fs::remove_file(out.join(TRAINING)).unwrap();
    let message = "incomplete: 2 of 8 cells are missing";
    let dir = check(&remove, (5, message), (5, "its training is missing"), (5, "2 of 8 cells"));
    assert_eq!(cells(&dir).len(), 6);
}

#[test]
fn a_record_of_the_version_before_is_as_good_and_an_older_one_is_missing() {
    let version =
        |n: u64| move |out: &Path| edit(&out.join(RECORD), |file| file["version"] = n.into());
    let before = |out: &Path| age(&out.join(RECORD), 2);
    let noted = "note: 1 cells have records of an earlier format, without a seal";
    let dir = check(&before, (0, "smoke.md"), (0, noted), (0, "0 of 8 cells change"));
    let report = fs::read_to_string(dir.path().join("smoke.md")).unwrap();
    let message = "1 of 8 cells from records of an earlier format, which have no seal";
    assert!(report.contains(message), "{report}");
    assert_eq!(cells(&dir).iter().filter(|cell| cell["sealed"] == false).count(), 1);
    // Whoever takes the seal away without that keeps the mark of the newer version.
    check(&version(5), ONE_MISSING, (5, "it has a seal, which version 5 has not"), (5, "1 of 8"));
    let missing = "its record has version 1";
    check(&version(1), ONE_MISSING, (5, missing), (5, "1 of 8 cells are missing"));
    let newer = &format!("has record version 99, expected at most {RECORD_VERSION}");
    check(&version(99), (1, newer), (1, newer), (1, newer));
    // What versions 7 and 8 added may be absent.
    check(&version(7), (0, "smoke.md"), (0, "pass"), (0, "0 of 8 cells change"));
    check(&version(6), (0, "smoke.md"), (0, "pass"), (0, "0 of 8 cells change"));
}

#[test]
fn what_is_no_number_makes_a_record_damaged() {
    let seconds = |out: &Path| {
        edit(&out.join(RECORD), |file| file["record"]["run"]["evaluate_seconds"] = Value::Null);
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
fn a_cell_without_images_has_no_accuracy_and_never_passes() {
    let empty = |out: &Path| {
        fs::write(out.join(ANSWERS), "").unwrap();
        edit_and_seal(&out.join(RECORD), |file| {
            let outcome = &mut file["record"]["outcome"];
            for count in [
                "n",
                "n_split",
                "n_correct_published",
                "n_correct_strict",
                "n_truncated",
                "n_untagged",
            ] {
                outcome[count] = 0.into();
            }
        });
    };
    let message = "is damaged: it has no image";
    let dir = check(&empty, (5, message), (5, message), (5, message));
    assert_eq!(cells(&dir).len(), 7);
}

#[test]
fn an_answer_that_is_there_twice_is_named() {
    let twice = |out: &Path| {
        let text = fs::read_to_string(out.join(ANSWERS)).unwrap();
        let first = text.lines().next().unwrap();
        fs::write(out.join(ANSWERS), format!("{text}{first}\n")).unwrap();
    };
    let message = "dtd.direct.predictions.jsonl` are damaged: line 3: there are more than the 2";
    let dir = check(&twice, (5, message), (5, message), (5, message));
    assert_eq!(cells(&dir).len(), 7);
}

/// As after copying a file to the wrong place.
#[test]
fn a_record_in_another_cells_place_is_missing() {
    let copy = |out: &Path| {
        let other = out.join(RECORD).with_file_name("eurosat.direct.json");
        fs::copy(out.join(RECORD), other).unwrap();
    };
    let message = "it is the record of cell `dtd.direct` of `sft.dtd.4shot.seed1`, not of";
    check(&copy, (5, message), (5, message), (5, message));
}

/// A collapse that the record of another method hides, with its predictions and under its own identity.
#[test]
fn the_record_of_another_method_is_never_gated() {
    let hide = |out: &Path| {
        let (own, other) = (out.join(RECORD), out.join("smoke/zero-shot/dtd.direct.json"));
        let predictions = |path: &Path| path.with_extension("predictions.jsonl");
        fs::copy(predictions(&other), predictions(&own)).unwrap();
        let other = read(&other);
        edit(&own, |file| file["record"] = other["record"].clone());
    };
    let message = "its `outcome` is not what its seal has";
    check(&hide, (5, message), (5, message), (5, message));
    let sealed = |out: &Path| {
        hide(out);
        edit_and_seal(&out.join(RECORD), |_| {});
    };
    let message = "it holds the record of another cell than `dtd.direct` of `sft.dtd.4shot.seed1`";
    check(&sealed, (5, message), (5, message), (5, message));
    let old = |out: &Path| {
        hide(out);
        age(&out.join(RECORD), 5);
    };
    check(&old, (5, message), (5, message), (5, message));
}

/// One digit of a record, or every answer under verdicts that stay: each reader calls the cell missing.
#[test]
fn a_number_that_its_answers_contradict_is_never_printed() {
    let count = |name: &'static str, to: u64| {
        move |out: &Path| {
            edit_and_seal(&out.join(RECORD), |file| file["record"]["outcome"][name] = to.into());
        }
    };
    for name in ["n_correct_published", "n_correct_strict", "n_truncated", "n_untagged"] {
        let n = read(&finished().join(RECORD))["record"]["outcome"][name].as_u64().unwrap();
        let message = "its record counts";
        let dir = check(
            &count(name, if n == 0 { 1 } else { 0 }),
            (5, message),
            (5, message),
            (5, message),
        );
        assert_eq!(cells(&dir).len(), 7, "{name}");
    }
    let answers_of = |raw: &'static str| {
        move |out: &Path| {
            let mut changed = answers(&out.join(ANSWERS));
            for answer in &mut changed {
                (answer["raw"], answer["extracted"]) = (raw.into(), raw.into());
                answer["correct_published"] = true.into();
            }
            write_answers(&out.join(ANSWERS), &changed);
            edit_and_seal(&out.join(RECORD), |file| {
                file["record"]["outcome"]["n_correct_published"] = 2.into();
            });
        }
    };
    let message = "`correct_published` is true, the scorer says false of its answer";
    check(&answers_of("zzz"), (5, message), (5, message), (5, message));
}

#[test]
fn what_the_last_run_asked_for_is_named_where_it_is_damaged() {
    let damage = |out: &Path| fs::write(out.join("smoke/last-run.json"), "{").unwrap();
    let message = "smoke/last-run.json`, which says what the last run asked for, is damaged";
    let dir = check(&damage, (1, message), (1, message), (1, message));
    let out = text(dir.path());
    let baseline = dir.path().join("b.json");
    let save = ["baseline", "save", text(&baseline), "--suite", "smoke", "--out", out];
    assert_eq!(call(&save).code, Some(1));
    // The same run names it, and writes it again.
    let ended = call(&run_args(out, &[]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(message) && ended.stderr.contains(" 0 of them"),
        "{}",
        ended.stderr
    );
    expect_ok(&["report", "--suite", "smoke", "--out", out]);
}

/// Every file of a results folder in turn: flipped, cut, gone, or another's. No reader takes it for whole, none
/// panics, and the same run makes the folder what it was.
#[test]
fn any_damage_to_any_file_is_named_by_every_reader_and_repaired_by_the_same_run() {
    let names = files(&finished().join("smoke"));
    assert_eq!(names.len(), 8 + 8 + 3 + 1, "{names:?}");
    let folder = copy_of_finished();
    let out = folder.path();
    let kept = temporary();
    let baseline = kept.path().join("b.json");
    let save = ["baseline", "save", text(&baseline), "--suite", "smoke", "--out"];
    expect_ok(&[&save[..], &[text(out)]].concat());
    for (turn, name) in names.iter().enumerate() {
        let path = out.join("smoke").join(name);
        let whole = fs::read(&path).unwrap();
        let other = names[(turn + 3) % names.len()].clone();
        let damaged: [Option<Vec<u8>>; 4] = [
            None,
            Some(whole[..whole.len() * (turn % 7 + 1) / 9].to_vec()),
            Some(flipped(&whole, turn)),
            Some(fs::read(out.join("smoke").join(other)).unwrap()),
        ];
        let is_last_run = name.ends_with("last-run.json");
        // Two kinds a file, so that each kind meets every sort of file: a process each takes its time.
        let kinds = damaged.into_iter().enumerate().filter(|(kind, _)| kind % 2 == turn / 2 % 2);
        for (kind, bytes) in kinds {
            match bytes {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            for verb in [&["report", "--format", "md"][..], &["rescore", "--format", "md"], &GATE] {
                let mut args = [verb, &["--suite", "smoke", "--out", text(out)]].concat();
                if verb == GATE {
                    args.extend(["--baseline", text(&baseline)]);
                }
                let ended = call(&args);
                let message = format!("{name} {kind} {args:?}: {}{}", ended.stdout, ended.stderr);
                assert!(matches!(ended.code, Some(1 | 5)), "{:?} {message}", ended.code);
                // Without a last run the whole suite is asked for, of which most is missing.
                let is_named = ended.stderr.contains(name) || ended.stdout.contains(name);
                assert!(is_named || kind == 0, "{message}");
            }
        }
        let ended = call(&run_args(text(out), &[]));
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        let is_named = ended.stderr.contains(name) || is_last_run;
        assert!(is_named, "{name}: {}", ended.stderr);
    }
    assert_same_results(finished(), out);
    expect_ok(&[&save[..], &[text(out)]].concat());
}

const GATE: [&str; 3] = ["gate", "--max-drop", "80"];

/// The same bytes but for one bit of a character that carries a value.
fn flipped(whole: &[u8], turn: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let is_value = |byte: u8| byte.is_ascii_digit();
    let at = (0..bytes.len()).map(|step| (step * 31 + turn * 101) % bytes.len());
    // A newer version is refused and never repaired.
    let version = 16;
    let at = at.into_iter().find(|&at| version < at && is_value(bytes[at])).unwrap();
    bytes[at] ^= 1;
    bytes
}

/// The records, predictions and the rest of JSON below a folder, by their paths in it.
fn files(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            names.extend(files(&path).into_iter().map(|below| format!("{name}/{below}")));
        } else if name.ends_with(".json") || name.ends_with(".jsonl") {
            names.push(name);
        }
    }
    names.sort();
    names
}
