//! The gate as its user has it: a run against a baseline of itself, and against what was changed in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    program::{call, copy_of_finished, finished, program, root, temporary, text},
    records::{answers, edit_and_seal, edit_baseline, write_answers},
};

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

/// Two images a cell hold nothing but a total collapse.
const WIDE: [&str; 2] = ["--max-drop", "80"];

fn check(out: &Path, baseline: &Path, more: &[&str], code: i32, line: &str) {
    let ended = call(&args(out, baseline, more));
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    let message = format!("{}{}", ended.stdout, ended.stderr);
    assert!(message.contains(line), "{line}: {message}");
}

#[test]
fn a_run_passes_against_itself_or_is_open_where_images_are_few() {
    let (_dir, baseline) = saved();
    check(finished(), &baseline, &WIDE, 0, "accuracy: pass");
    check(finished(), &baseline, &[], 6, "more images would settle it");
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
    fs::write(&cell, &record).unwrap();
    edit_and_seal(&cell, |file| file["identity"]["scorer"] = 0.into());
    check(changed.path(), &baseline, &WIDE, 5, "stale: sft.dtd.4shot → dtd.direct");
    fs::write(&cell, &record).unwrap();
    edit_and_seal(&cell, |file| file["record"]["outcome"]["locked"] = false.into());
    check(changed.path(), &baseline, &WIDE, 7, "its data is not as locked");
    fs::write(&cell, &record).unwrap();
    fs::remove_file(cell.with_extension("predictions.jsonl")).unwrap();
    check(changed.path(), &baseline, &WIDE, 5, "are missing");
    let other = dir.path().join("other.json");
    fs::copy(&baseline, &other).unwrap();
    edit_baseline(&other, |file| file["digests"]["data"]["dtd"] = "0".into());
    check(finished(), &other, &WIDE, 7, "the data of dtd");
    let flipped = fs::read_to_string(&baseline).unwrap().replacen("\"dtd\": \"", "\"dtd\": \"0", 1);
    fs::write(&other, flipped).unwrap();
    check(finished(), &other, &WIDE, 2, "other.json` is damaged: it is not what its seal has");
    check(temporary().path(), &baseline, &WIDE, 5, "not run yet");
}

#[test]
fn a_baseline_is_kept_of_what_is_done_and_as_locked() {
    let changed = copy_of_finished();
    let cell = changed.path().join("smoke/sft.dtd.4shot.seed1/dtd.direct.json");
    let path = changed.path().join("b.json");
    let save = |more: &[&str]| {
        let args = ["baseline", "save", text(&path), "--suite", "smoke", "--out"];
        let ended = call(&[args.as_slice(), &[text(changed.path())], more].concat());
        (ended.code, path.exists())
    };
    edit_and_seal(&cell, |file| file["record"]["outcome"]["locked"] = false.into());
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
    check_schema(&xml);
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

/// Holds JUnit's XML to the schema of what its readers agree on, if there is a validator.
fn check_schema(xml: &Path) {
    let schema = root().join("tests/cli/junit.xsd");
    let mut validator = Command::new("xmllint");
    let validator = validator.args(["--noout", "--schema"]).args([&schema, xml]);
    let Ok(output) = validator.output() else {
        return eprintln!("skipped: `xmllint` does not start; libxml2-utils has it");
    };
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}{}", fs::read_to_string(xml).unwrap());
}

/// Gives a cell of a results folder so many answers, right or wrong, as if the limit had been so many.
fn answer_all(out: &Path, n: usize, right: bool) {
    let record = out.join("smoke/sft.dtd.4shot.seed1/dtd.direct.json");
    let predictions = record.with_extension("predictions.jsonl");
    let mut answer = answers(&predictions).remove(0);
    let said = if right { answer["gold"].as_str().unwrap().to_owned() } else { "zzz".to_owned() };
    answer["raw"] = format!("<answer>{said}</answer>").into();
    answer["extracted"] = said.into();
    (answer["correct_published"], answer["correct_strict"]) = (right.into(), right.into());
    answer["truncated"] = false.into();
    let numbered = |index: usize| {
        let mut answer = answer.clone();
        answer["index"] = index.into();
        answer
    };
    write_answers(&predictions, &(0..n).map(numbered).collect::<Vec<_>>());
    let n_right = if right { n } else { 0 };
    for trial in ["zero-shot", "sft.dtd.4shot.seed1", "sft.eurosat.4shot.seed1"] {
        for entry in fs::read_dir(out.join("smoke").join(trial)).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("training.json") || path.extension().is_none_or(|ext| ext != "json") {
                continue;
            }
            let others = path.with_extension("predictions.jsonl");
            if path != record {
                let mut answers = answers(&others);
                (0..answers.len()).for_each(|index| answers[index]["index"] = index.into());
                write_answers(&others, &answers);
            }
            edit_and_seal(&path, |file| {
                file["identity"]["limit"] = n.into();
                let outcome = &mut file["record"]["outcome"];
                if path != record {
                    outcome["n_split"] = outcome["n"].clone();
                    return;
                }
                outcome["mean_tokens"] = answer["n_tokens"].as_f64().unwrap().into();
                for (count, n) in [
                    ("n", n),
                    ("n_split", n),
                    ("n_correct_published", n_right),
                    ("n_correct_strict", n_right),
                    ("n_truncated", 0),
                    ("n_untagged", 0),
                ] {
                    outcome[count] = n.into();
                }
            });
        }
    }
}

#[test]
fn a_model_that_answers_nothing_right_any_more_is_a_regression_in_every_format() {
    let dir = copy_of_finished();
    let baseline = dir.path().join("b.json");
    // As a run with another limit leaves it.
    let part = ["--methods", "zero-shot,sft", "--datasets", "dtd,eurosat", "--limit", "200"];
    let check = |out: &Path, baseline: &Path, more: &[&str], code: i32, line: &str| {
        check(out, baseline, &[&part, more].concat(), code, line);
    };
    answer_all(dir.path(), 200, true);
    let save = ["baseline", "save", text(&baseline), "--suite", "smoke", "--out"];
    let saved = call(&[save.as_slice(), &[text(dir.path())], &part].concat());
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);
    check(dir.path(), &baseline, &WIDE, 0, "accuracy: pass");
    answer_all(dir.path(), 200, false);
    for (format, line) in [
        ("text", "accuracy: fail"),
        ("markdown", "## Gate: fail"),
        ("github", "::error title=gate%3A fail%3A sft.dtd.4shot → dtd.direct::"),
        ("junit", "<failure type=\"regression\""),
        ("json", "\"fail\""),
    ] {
        check(dir.path(), &baseline, &[WIDE.as_slice(), &["--format", format]].concat(), 3, line);
    }
    let xml = dir.path().join("gate.xml");
    let junit = [WIDE.as_slice(), &part, &["--format", "junit", "--wall-clock"]].concat();
    fs::write(&xml, call(&args(dir.path(), &baseline, &junit)).stdout).unwrap();
    check_schema(&xml);
}

#[test]
fn an_example_workflow_is_valid_yaml_and_asks_what_the_projects_own_check_asks() {
    let workflow = fs::read_to_string(root().join("harness/scripts/gate.workflow.yml")).unwrap();
    let own = fs::read_to_string(root().join(".ci/run")).unwrap();
    for option in ["--datasets dtd,eurosat --limit 16", "--baseline smoke-ci --max-drop 50"] {
        assert!(workflow.contains(option) && own.contains(option), "{option}");
    }
    let keys = "import sys, yaml; w = yaml.safe_load(open(sys.argv[1])); s = w['jobs']['gate']['steps']; \
                print(sorted(map(str, w)), all(('run' in x) != ('uses' in x) for x in s))";
    let path = root().join("harness/scripts/gate.workflow.yml");
    let output = Command::new("python3").args(["-c", keys]).arg(path).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    if message.contains("No module named 'yaml'") {
        return eprintln!("skipped: python3 has no yaml");
    }
    // YAML 1.1 reads the key `on` as true.
    let expected = "['True', 'jobs', 'name', 'permissions'] True\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{message}");
}
