//! What is written for other tools, read back by them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::program::{call, copy_of_finished, expect_ok, root, temporary, text};

/// The Python of `harness/scripts/exports-venv`, in `CLSRL_EXPORTS` or the cache; none where it was not made.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("CLSRL_EXPORTS").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let in_cache = cache.or(home).map(|dir| dir.join("clsrl-bench/exports"));
    let python = named.clone().or(in_cache).unwrap_or_default().join("bin/python");
    assert!(named.is_none() || python.exists(), "{} is missing", python.display());
    if !python.exists() {
        eprintln!("skipped: harness/scripts/exports-venv makes the tools that read exports");
        return None;
    }
    Some(python)
}

/// Runs a script of `tests/python`; returns what it prints.
fn read_back(python: &Path, script: &str, args: &[&Path]) -> String {
    let cache = temporary();
    let output = Command::new(python)
        .arg(root().join("tests/python").join(script))
        .args(args)
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HOME", cache.path())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {message}");
    String::from_utf8(output.stdout).unwrap()
}

/// Exports the small run into a folder that is made; returns what is printed.
fn export(reader: &str, out: &Path, to: &Path) -> String {
    expect_ok(&["export", reader, "--suite", "smoke", "--out", text(out), "--to", text(to)])
}

#[test]
fn lm_eval_reads_results_and_samples_and_counts_the_same() {
    let Some(python) = python() else { return };
    let dir = copy_of_finished();
    let (to, stem) = (dir.path().join("export"), dir.path().join("smoke"));
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path()), "--frames", "ndjson"]);
    assert_eq!(export("lm-eval", dir.path(), &to), format!("{}\n", to.display()));
    let told = read_back(&python, "read_lm_eval.py", &[&to, &stem]);
    assert_eq!(told, "3 models with 8 tasks\n");
    // Others read what lm-eval writes, and so they read this.
    let converted = dir.path().join("converted");
    let told = read_back(&python, "read_every_eval_ever.py", &[&to, &stem, &converted]);
    assert_eq!(told, "8 converted logs, 8 with samples\n");
}

#[test]
fn every_eval_ever_takes_results_and_samples_as_valid() {
    let Some(python) = python() else { return };
    let dir = copy_of_finished();
    let (to, stem) = (dir.path().join("export"), dir.path().join("smoke"));
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path()), "--frames", "ndjson"]);
    export("every-eval-ever", dir.path(), &to);
    let told = read_back(&python, "read_every_eval_ever.py", &[&to, &stem]);
    assert_eq!(told, "3 logs of 8 cells\n");
}

#[test]
fn load_dataset_finds_every_frame_with_its_rows() {
    let Some(python) = python() else { return };
    let dir = copy_of_finished();
    let (to, stem) = (dir.path().join("export"), dir.path().join("smoke"));
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path()), "--frames", "ndjson"]);
    let before = fs::read(dir.path().join("smoke.parquet")).unwrap();
    export("dataset", dir.path(), &to);
    let told = read_back(&python, "read_dataset.py", &[&to, &stem]);
    assert!(told.starts_with("8 cells, 3 trials, 16 samples, "), "{told}");
    // The frames beside the report are the same files, and stay as they are.
    assert_eq!(fs::read(to.join("cells.parquet")).unwrap(), before);
    assert_eq!(fs::read(dir.path().join("smoke.parquet")).unwrap(), before);
}

#[test]
fn an_export_goes_into_a_new_folder_and_says_what_is_missing() {
    let dir = copy_of_finished();
    let to = dir.path().join("export");
    let args =
        ["export", "lm-eval", "--suite", "smoke", "--out", text(dir.path()), "--to", text(&to)];
    fs::create_dir(&to).unwrap();
    fs::write(to.join("of-another-run.json"), "").unwrap();
    let ended = call(&args);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("export` has something in it\nhint: name a folder"),
        "{}",
        ended.stderr
    );
    fs::remove_file(to.join("of-another-run.json")).unwrap();
    fs::remove_file(dir.path().join("smoke/sft.dtd.4shot.seed1/dtd.direct.json")).unwrap();
    let ended = call(&args);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("incomplete: 1 of 8 cells are missing"), "{}", ended.stderr);
    let none = temporary();
    let none =
        ["export", "lm-eval", "--suite", "smoke", "--out", text(none.path()), "--to", text(&to)];
    let ended = call(&none);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("there are no results in"), "{}", ended.stderr);
}

#[cfg(feature = "libtorch")]
mod tensorboard {
    use super::*;

    const ONE_DATASET: [&str; 8] = [
        "--suite",
        "smoke",
        "--methods",
        "zero-shot,sft,cls-rl",
        "--datasets",
        "dtd",
        "--limit",
        "2",
    ];

    #[test]
    fn tensorboard_reads_every_number_of_every_trial() {
        let Some(python) = python() else { return };
        let dir = temporary();
        let out = ["--out", text(dir.path())];
        let run = [&["run", "--tensorboard"], &ONE_DATASET[..], &out].concat();
        let ended = call(&run);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let events = dir.path().join("smoke.tensorboard");
        let line = format!("events:  {}", events.display());
        assert!(ended.stderr.lines().any(|found| found.trim() == line), "{}", ended.stderr);
        expect_ok(&[&["report", "--frames", "ndjson"], &ONE_DATASET[..], &out].concat());
        let told = read_back(&python, "read_events.py", &[&dir.path().join("smoke")]);
        assert!(told.starts_with("3 trials with "), "{told}");
        // Without its weights a cell needs its fine-tune again, whose events replace those of the first.
        fs::remove_file(dir.path().join("smoke/sft.dtd.4shot.seed1/dtd.direct.json")).unwrap();
        expect_ok(&run);
        for trial in ["sft.dtd.4shot.seed1", "cls-rl.dtd.4shot.seed1", "zero-shot"] {
            assert_eq!(fs::read_dir(events.join(trial)).unwrap().count(), 1, "{trial}");
        }
    }

    #[test]
    fn the_hub_reads_the_card_of_kept_weights() {
        let Some(python) = python() else { return };
        let dir = temporary();
        let out = ["--suite", "smoke", "--out", text(dir.path())];
        let some = ["--methods", "sft", "--datasets", "dtd", "--limit", "2"];
        expect_ok(&[&["run", "--keep-checkpoints"], &out[..], &some].concat());
        expect_ok(&[&["report", "--frames", "ndjson"], &out[..]].concat());
        let path = dir.path().join("smoke/sft.dtd.4shot.seed1/checkpoint/README.md");
        let card = [&["export", "model-card", "--base-model", "tiny/of-tests"], &out[..]].concat();
        assert_eq!(expect_ok(&card), format!("{}\n", path.display()));
        let stem = dir.path().join("smoke");
        let told = read_back(
            &python,
            "read_model_card.py",
            &[&path, &stem, Path::new("sft.dtd.4shot.seed1"), Path::new("tiny/of-tests")],
        );
        assert_eq!(told, "2 results of 1 cells\n");
        // The weights are still taken for whole, and a card of its own is written again.
        let first = fs::read(&path).unwrap();
        expect_ok(&[&["run", "--keep-checkpoints"], &out[..], &some].concat());
        expect_ok(&card);
        assert_eq!(fs::read(&path).unwrap(), first);
        fs::write(&path, "another card").unwrap();
        let ended = call(&card);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert_eq!(fs::read(&path).unwrap(), b"another card");
    }

    #[test]
    fn a_card_needs_weights_that_were_kept() {
        let dir = copy_of_finished();
        let ended = call(&["export", "model-card", "--suite", "smoke", "--out", text(dir.path())]);
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        let expected = "hint: `clsrl-bench run --suite smoke --methods zero-shot,sft";
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert!(ended.stderr.contains(" --keep-checkpoints` keeps them"), "{}", ended.stderr);
    }

    #[test]
    fn a_run_goes_on_where_no_event_can_be_written() {
        let dir = temporary();
        fs::write(dir.path().join("smoke.tensorboard"), "a file").unwrap();
        let args = ["--methods", "sft", "--datasets", "dtd", "--limit", "2", "--tensorboard"];
        let ended =
            call(&[&["run", "--suite", "smoke", "--out", text(dir.path())], &args[..]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let warnings =
            ended.stderr.matches("warning: TensorBoard's event files end here: ").count();
        assert_eq!(warnings, 1, "{}", ended.stderr);
    }
}
