//! The frames beside a report, and verdicts given anew.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    program::{call, copy_of_finished, expect_ok, root, run_args, text},
    records::{answers, edit_and_seal, write_answers},
};

const ANSWERS: &str = "smoke/sft.dtd.4shot.seed1/dtd.direct.predictions.jsonl";
const RECORD: &str = "smoke/sft.dtd.4shot.seed1/dtd.direct.json";

/// Calls `report` or `rescore` on a results folder; returns code, output and messages.
fn at(verb: &str, out: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let ended = call(&[&[verb, "--suite", "smoke", "--out", text(out)], more].concat());
    (ended.code, ended.stdout, ended.stderr)
}

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Replaces the first answer of a cell by one that the published score alone takes for right.
fn answer(out: &Path, raw: &str) {
    let mut predictions = answers(&out.join(ANSWERS));
    let first = &mut predictions[0];
    (first["raw"], first["extracted"]) = (raw.into(), raw.into());
    (first["correct_published"], first["correct_strict"]) = (true.into(), false.into());
    write_answers(&out.join(ANSWERS), &predictions);
    let n_where = |name: &str| predictions.iter().filter(|row| row[name] == true).count();
    let is_untagged = |row: &&Value| !row["raw"].as_str().unwrap().contains("</answer>");
    edit_and_seal(&out.join(RECORD), |file| {
        let outcome = &mut file["record"]["outcome"];
        outcome["n_correct_published"] = n_where("correct_published").into();
        outcome["n_correct_strict"] = n_where("correct_strict").into();
        outcome["n_untagged"] = predictions.iter().filter(is_untagged).count().into();
    });
}

#[test]
fn a_report_writes_the_formats_that_are_asked_for_and_keeps_them_current() {
    let dir = copy_of_finished();
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path()), "--frames", "csv,ndjson"]);
    let samples = rows(&dir.path().join("smoke.samples.ndjson"));
    assert_eq!(samples.len(), 16);
    assert_eq!(rows(&dir.path().join("smoke.ndjson")).len(), 8);
    let csv = dir.path().join("smoke.samples.csv");
    assert!(fs::read_to_string(&csv).unwrap().starts_with("schema_version,trial,"));
    fs::write(&csv, "of another run").unwrap();
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path())]);
    assert!(fs::read_to_string(&csv).unwrap().starts_with("schema_version,trial,"));
}

#[test]
fn tables_are_written_in_every_format_and_none_of_earlier_results_stays() {
    let dir = copy_of_finished();
    let report = ["report", "--suite", "smoke", "--out", text(dir.path())];
    let stale = dir.path().join("smoke/tables/of-another-run.tex");
    fs::create_dir_all(stale.parent().unwrap()).unwrap();
    fs::write(&stale, "").unwrap();
    expect_ok(&report);
    assert!(!stale.exists());
    let read = |path: &str| fs::read_to_string(dir.path().join("smoke").join(path)).unwrap();
    let document = read("tables.tex");
    for entry in fs::read_dir(dir.path().join("smoke/tables")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_variant =
            [".wide.", ".compact.", ".tabular."].iter().any(|part| name.contains(part));
        if name.ends_with(".tex") {
            let is_read = document.contains(&format!("\\input{{tables/{name}}}\n"));
            assert_eq!(is_read, !is_variant, "{name}: {document}");
        }
    }
    assert!(read("tables/few-shot.tex").contains("\\begin{tabular}"));
    assert!(read("tables/few-shot.wide.tex").contains("\\begin{table*}"));
    assert!(!read("tables/few-shot.compact.tabular.tex").contains("\\caption"));
    let csv = read("tables/few-shot.csv");
    assert!(csv.starts_with("method,shots,form,prompt,dataset,quantity,value,lower,upper"));
    expect_ok(&[&report[..], &["--format", "md", "--order", "paper"]].concat());
    assert_ne!(read("tables/few-shot.tex"), "");
    expect_ok(&report);
    assert_eq!(read("tables/few-shot.csv"), csv);
    assert!(read("tables/wall-clock.csv").contains(",load_s,"));
    let ended = call(&[&report[..], &["--format", "pdf"]].concat());
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("expected md, html, tex, csv or figures"), "{}", ended.stderr);
}

#[test]
fn figures_and_the_transfer_frame_are_written_and_none_of_earlier_results_stays() {
    let dir = copy_of_finished();
    let report = ["report", "--suite", "smoke", "--out", text(dir.path()), "--frames", "ndjson"];
    let figures = dir.path().join("smoke/figures");
    fs::create_dir_all(&figures).unwrap();
    fs::write(figures.join("of-another-run.png"), "").unwrap();
    expect_ok(&report);
    let files = || {
        let entries = fs::read_dir(&figures).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.into_string().unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    let written = files();
    for name in [
        "training.pdf",
        "training.column.pdf",
        "training.png",
        "training.svg",
        "transfer.sft.4shot.direct.svg",
    ] {
        assert!(written.contains(name), "{name} is not among {written:?}");
    }
    assert!(!written.contains("of-another-run.png"));
    let matrix = dir.path().join("smoke/tables/transfer.sft.4shot.direct.tex");
    assert!(fs::read_to_string(matrix).unwrap().contains("\\cellcolor[HTML]{"));
    let changes = rows(&dir.path().join("smoke.transfer.ndjson"));
    assert!(changes.iter().any(|row| row["kind"] == "cell" && row["p_holm"].is_number()));
    fs::remove_file(figures.join("training.svg")).unwrap();
    expect_ok(&[&report[..], &["--format", "figures"]].concat());
    assert_eq!(files(), written);
}

#[test]
fn every_cell_knows_what_it_was_made_from() {
    let dir = copy_of_finished();
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path()), "--frames", "ndjson"]);
    for cell in rows(&dir.path().join("smoke.ndjson")) {
        for digest in ["base_weights_digest", "data_digest", "prompts_digest", "weights_digest"] {
            assert!(cell[digest].is_string(), "{digest}: {cell}");
        }
        let trained = cell["method"] == "sft";
        for digest in ["train_data_digest", "picks_digest", "train_prompts_digest"] {
            assert_eq!(cell[digest].is_string(), trained, "{digest}: {cell}");
        }
        assert_eq!((&cell["rescored"], &cell["train_gpu_s"]), (&Value::Bool(false), &Value::Null));
        assert_eq!(cell["sealed"], true);
    }
}

/// The Pythons of `harness/scripts/frames-venvs`, in `CLSRL_FRAMES` or the cache.
fn pythons() -> Vec<PathBuf> {
    let named = std::env::var_os("CLSRL_FRAMES").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let dir =
        named.clone().or(cache.or(home).map(|dir| dir.join("clsrl-bench"))).unwrap_or_default();
    let python = |release| dir.join(format!("frames-{release}/bin/python"));
    let found: Vec<PathBuf> =
        ["oldest", "newest"].map(python).into_iter().filter(|path| path.exists()).collect();
    assert!(named.is_none() || found.len() == 2, "not all of them are in {}", dir.display());
    found
}

#[test]
fn ten_questions_have_one_answer_in_every_library_old_and_new() {
    let pythons = pythons();
    if pythons.is_empty() {
        return eprintln!("skipped: harness/scripts/frames-venvs makes the readers of frames");
    }
    let dir = copy_of_finished();
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path())]);
    for python in pythons {
        let output = Command::new(&python)
            .arg(root().join("tests/python/ten_questions.py"))
            .arg(root().join("reports/examples/questions.md"))
            .arg(dir.path().join("smoke"))
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {message}", python.display());
    }
}

#[test]
fn half_written_answers_leave_a_report_and_are_told_of() {
    let dir = copy_of_finished();
    let path = dir.path().join(ANSWERS);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    let (code, stdout, stderr) = at("report", dir.path(), &["--frames", "ndjson"]);
    assert_eq!(code, Some(5), "{stderr}");
    assert_eq!(stdout.lines().last(), Some(text(&dir.path().join("smoke.md"))));
    assert!(stderr.contains("dtd.direct.predictions.jsonl` are damaged: line 2"), "{stderr}");
    assert_eq!(rows(&dir.path().join("smoke.samples.ndjson")).len(), 14);
    fs::remove_file(&path).unwrap();
    let (code, _, stderr) = at("rescore", dir.path(), &[]);
    assert_eq!(code, Some(5), "{stderr}");
    assert!(stderr.contains("predictions.jsonl` are damaged: they are missing"), "{stderr}");
}

#[test]
fn rescoring_by_the_same_scorers_changes_nothing() {
    let dir = copy_of_finished();
    let before = fs::read(dir.path().join(RECORD)).unwrap();
    let (code, stdout, stderr) = at("rescore", dir.path(), &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("0 of 8 cells change: "), "{stdout}");
    assert!(stdout.contains("0 became right, 0 became wrong\n"), "{stdout}");
    assert_eq!(fs::read(dir.path().join(RECORD)).unwrap(), before);
}

#[test]
fn another_scorer_counts_in_frames_and_a_report_of_its_own() {
    let dir = copy_of_finished();
    // As if a run had stored an answer that holds the label among other things.
    let gold = rows(&dir.path().join(ANSWERS))[0]["gold"].as_str().unwrap().to_owned();
    answer(dir.path(), &format!("perhaps {gold}, who knows"));
    let report = fs::read(dir.path().join("smoke.md")).unwrap();
    let (code, stdout, stderr) =
        at("rescore", dir.path(), &["--scorer", "strict", "--frames", "ndjson", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let messages: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&messages["scorer_before"], &messages["scorer"]),
        (&"published".into(), &"strict".into())
    );
    let is_ours =
        |cell: &&Value| cell["trial"] == "sft.dtd.4shot.seed1" && cell["cell"] == "dtd.direct";
    let cell = messages["cells"].as_array().unwrap().iter().find(is_ours).unwrap();
    assert_eq!(cell["change"]["n"], 2);
    let (_, summed, _) = at("rescore", dir.path(), &["--scorer", "strict"]);
    assert!(summed.contains("hint: --list names the cells\n"), "{summed}");
    assert!(!summed.contains("sft.dtd.4shot.seed1"), "{summed}");
    let (_, listed, _) = at("rescore", dir.path(), &["--scorer", "strict", "--list"]);
    assert!(listed.contains("sft.dtd.4shot.seed1 dtd.direct "), "{listed}");
    let cells = rows(&dir.path().join("smoke.rescored-strict.ndjson"));
    assert!(cells.iter().all(|cell| cell["rescored"] == true && cell["scorer_version"] == 1));
    let samples = rows(&dir.path().join("smoke.rescored-strict.samples.ndjson"));
    let sample = samples.iter().find(|row| row["raw"].as_str().unwrap().starts_with("perhaps"));
    assert_eq!(sample.unwrap()["correct_published"], true);
    assert_eq!(sample.unwrap()["correct_strict"], false);
    let own = fs::read_to_string(dir.path().join("smoke.rescored-strict.md")).unwrap();
    assert!(own.contains("Rescored: all verdicts were given anew"), "{own}");
    assert_eq!(fs::read(dir.path().join("smoke.md")).unwrap(), report);
}

#[test]
fn rescoring_writes_the_formats_that_are_asked_for_in_the_order_that_is() {
    let dir = copy_of_finished();
    let name = "smoke.rescored-strict";
    let rescore = |more: &[&str]| {
        let (code, stdout, stderr) =
            at("rescore", dir.path(), &[&["--scorer", "strict"], more].concat());
        assert_eq!(code, Some(0), "{stderr}");
        stdout.lines().last().unwrap().to_owned()
    };
    let read = |path: &str| fs::read_to_string(dir.path().join(name).join(path)).unwrap();
    let tables = dir.path().join(name).join("tables");
    let path = rescore(&["--format", "csv"]);
    assert!(path.ends_with(".csv") && Path::new(&path).starts_with(&tables), "{path}");
    assert!(
        !dir.path().join(format!("{name}.html")).exists() && !tables.with_extension("tex").exists()
    );
    // CoOp has DTD before EuroSAT, and so has the paper: only more datasets would tell the orders apart.
    let of_coop = read("tables/few-shot.csv");
    rescore(&["--format", "csv", "--order", "paper"]);
    assert_eq!(read("tables/few-shot.csv"), of_coop);
    let (code, _, stderr) = at("rescore", dir.path(), &["--order", "mine"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("expected coop or paper"), "{stderr}");
    assert!(rescore(&[]).ends_with(&format!("{name}.md")));
    assert!(tables.with_extension("tex").exists());
}

#[test]
fn a_cell_of_older_scorers_is_stale_for_a_report_and_good_for_rescoring() {
    let dir = copy_of_finished();
    edit_and_seal(&dir.path().join(RECORD), |file| file["identity"]["scorer"] = 0.into());
    let (code, _, stderr) = at("report", dir.path(), &[]);
    assert_eq!(code, Some(5), "{stderr}");
    let (code, stdout, stderr) = at("rescore", dir.path(), &["--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let messages: Value = serde_json::from_str(&stdout).unwrap();
    let versions: Vec<&Value> = messages["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| &cell["scorer_version_before"])
        .collect();
    assert_eq!(versions.iter().filter(|version| ***version == 0).count(), 1);
    let report = fs::read_to_string(dir.path().join("smoke.rescored-published.md")).unwrap();
    assert!(report.contains("version 0 (1 cells), 1 (7 cells)"), "{report}");
}

#[test]
fn the_smoke_suite_against_the_paper_is_another_experiment() {
    let dir = copy_of_finished();
    let (code, stdout, stderr) = at("report", dir.path(), &["--against", "paper"]);
    assert_eq!(code, Some(0), "{stderr}");
    let path = dir.path().join("smoke.against-paper.md");
    assert!(stdout.ends_with(&format!("{}\n", path.display())), "{stdout}");
    let document = fs::read_to_string(&path).unwrap();
    let message = "None is comparable: another model (harness/tiny/model); drawn images.";
    assert!(document.contains(message), "{document}");
    let csv = fs::read_to_string(path.with_extension("csv")).unwrap();
    assert!(csv.starts_with("experiment,source,model,method,"), "{csv}");
    let html = fs::read_to_string(path.with_extension("html")).unwrap();
    assert!(html.contains("<h1>Suite smoke against the paper</h1>"), "{html}");
    let tables = dir.path().join("smoke/against-paper");
    let latex = fs::read_to_string(tables.with_extension("tex")).unwrap();
    assert!(latex.contains("\\input{against-paper/summary.tex}\n"), "{latex}");
    assert!(tables.join("summary.tex").exists());
    // What is there is kept current, whatever is asked for; what is not asked for is not made.
    for file in [path.with_extension("html"), path.clone(), tables.join("of-another-run.tex")] {
        fs::write(file, "of another run").unwrap();
    }
    fs::remove_file(path.with_extension("csv")).unwrap();
    let (_, stdout, _) = at("report", dir.path(), &["--format", "md"]);
    assert!(stdout.ends_with(&format!("{}\n", path.display())), "{stdout}");
    assert_eq!(fs::read_to_string(path.with_extension("html")).unwrap(), html);
    assert!(!path.with_extension("csv").exists() && !tables.join("of-another-run.tex").exists());
    // Zero-shot and SFT on two datasets; two prompts of zero-shot, and whatever SFT is evaluated under.
    assert!(4 < csv.lines().count(), "{csv}");
    at("report", dir.path(), &["--against", "paper"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), document);
    // A run writes a report as well.
    fs::write(&path, "of another run").unwrap();
    expect_ok(&run_args(text(dir.path()), &[]));
    assert_eq!(fs::read_to_string(&path).unwrap(), document);
}
