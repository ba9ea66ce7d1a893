//! A run from nothing, and what it leaves behind.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::program::{
    assert_same_results, call, copy, copy_of_finished, expect_ok, finished, model, program,
    run_args, temporary, text,
};

#[test]
fn a_run_ends_with_the_path_of_its_report() {
    let dir = copy_of_finished();
    let stdout = expect_ok(&run_args(text(dir.path()), &[]));
    let report = dir.path().join("smoke.md");
    assert_eq!(stdout.lines().last().unwrap(), text(&report));
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("Synthetic"), "{report}");
    assert_eq!(
        call(&[&run_args(text(dir.path()), &[])[..], &["-q"]].concat()).stdout,
        paths(dir.path())
    );
    for frame in ["smoke.parquet", "smoke.trials.parquet", "smoke.curves.parquet"] {
        assert!(fs::read(dir.path().join(frame)).unwrap().starts_with(b"PAR1"));
    }
}

/// The documents of a report, a line each.
fn paths(out: &Path) -> String {
    format!("{0}/smoke.html\n{0}/smoke.md\n", out.display())
}

#[test]
fn runs_and_reports_end_with_averages_time_and_paths_in_80_columns() {
    let dir = copy_of_finished();
    let report = ["report", "--suite", "smoke", "--out", text(dir.path())];
    for (args, done) in [
        (run_args(text(dir.path()), &[]), "nothing was left to run, report written in "),
        (report.to_vec(), "report written in "),
    ] {
        let stdout = expect_ok(&args);
        let message = stdout.strip_suffix(&paths(dir.path())).unwrap();
        assert!(message.starts_with("Synthetic. "), "{message}");
        assert!(message.lines().last().unwrap().starts_with(done), "{message}");
        assert!(message.lines().all(|line| line.chars().count() <= 80), "{message}");
        let row = message.lines().find(|line| line.starts_with("SFT  ")).unwrap();
        let document = fs::read_to_string(dir.path().join("smoke.md")).unwrap();
        let of_document = document.lines().find(|line| line.starts_with("| SFT ")).unwrap();
        for number in row.split("  ").map(str::trim).filter(|number| !number.is_empty()) {
            assert!(of_document.replace('\\', "").contains(number), "{number}: {of_document}");
        }
    }
}

#[test]
fn two_runs_give_the_same_bytes() {
    let dir = temporary();
    // In one process, one after the other: how trials are run must not matter either.
    expect_ok(&run_args(text(dir.path()), &["--in-process"]));
    assert_same_results(finished(), dir.path());
}

#[test]
fn an_image_cache_changes_no_result_cold_warm_or_broken() {
    let dir = temporary();
    let caches = dir.path().join("caches");
    let images = caches.join("clsrl-bench/pictures");
    let run = |out: &str| {
        let out = dir.path().join(out);
        let output = program(&run_args(text(&out), &["--image-cache", "1GiB"]))
            .env("XDG_CACHE_HOME", &caches)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{message}");
        assert_same_results(finished(), &out);
        message
    };
    assert!(!run("cold").contains("image cache"));
    let kept = written(&images);
    // 4 shots of 8 classes and 2 evaluated images, of two datasets.
    assert_eq!(kept.len(), 2 * (4 * 8 + 2));
    run("warm");
    assert_eq!(written(&images), kept, "a warm cache is only read");
    fs::remove_dir_all(&images).unwrap();
    fs::write(&images, "no folder").unwrap();
    let message = run("broken");
    assert_eq!(message.matches("nothing new is kept in the image cache").count(), 1, "{message}");
}

/// The files of an image cache, with what tells that one was written again.
fn written(images: &Path) -> BTreeMap<PathBuf, u64> {
    let entries = |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let folders = entries(images).map(|folder| folder.path());
    let files = folders.flat_map(|folder| entries(&folder).collect::<Vec<_>>());
    files.map(|file| (file.path(), file.metadata().unwrap().ino())).collect()
}

#[test]
fn a_cell_has_a_prediction_for_every_image() {
    let lines = |cell: &str| {
        let path = finished().join(format!("smoke/zero-shot/{cell}.predictions.jsonl"));
        fs::read_to_string(path).unwrap().lines().count()
    };
    assert_eq!((lines("dtd.direct"), lines("eurosat.thinking")), (2, 2));
}

#[test]
fn tuned_weights_are_removed_unless_they_are_to_be_kept() {
    let checkpoint = "smoke/sft.dtd.4shot.seed1/checkpoint";
    assert!(!finished().join(checkpoint).exists());
    let dir = temporary();
    expect_ok(&run_args(text(dir.path()), &["--keep-checkpoints"]));
    assert!(dir.path().join(checkpoint).join("config.json").exists());
    // With its weights there, a lost cell needs no second training: its record stays as it is.
    let training = dir.path().join("smoke/sft.dtd.4shot.seed1/training.json");
    let before = fs::read(&training).unwrap();
    fs::remove_file(dir.path().join("smoke/sft.dtd.4shot.seed1/dtd.direct.json")).unwrap();
    expect_ok(&run_args(text(dir.path()), &["--keep-checkpoints"]));
    assert_eq!(fs::read(&training).unwrap(), before);
    let kept = dir.path().join(checkpoint);
    fs::remove_dir_all(kept).unwrap();
    fs::remove_dir_all(dir.path().join("smoke/sft.eurosat.4shot.seed1/checkpoint")).unwrap();
    assert_same_results(finished(), dir.path());
}

#[test]
fn training_images_that_cannot_be_decoded_end_a_run_before_its_first_trial() {
    let dir = temporary();
    let data = dir.path().join("data");
    expect_ok(&["tiny", "draw", "--to", text(&data)]);
    empty_the_training_images(&data.join("dtd"));
    let out = dir.path().join("out");
    let ended = call(&run_args(text(&out), &["--data", text(&data), "--allow-unlocked"]));
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("images/banded/banded_"), "{}", ended.stderr);
    assert!(!out.join("smoke/zero-shot/training.json").exists());
}

#[test]
fn a_device_that_is_not_there_is_told_before_any_trial_and_leaves_the_report() {
    if Path::new("/proc/driver/nvidia").exists() {
        eprintln!("skipped: this machine has a GPU");
        return;
    }
    let dir = copy_of_finished();
    let report = dir.path().join("smoke.md");
    let before = fs::read(&report).unwrap();
    let ended = call(&run_args(text(dir.path()), &["--device", "cuda"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("error: device `cuda`"), "{}", ended.stderr);
    assert_eq!(fs::read(&report).unwrap(), before);
}

#[test]
fn a_run_whose_model_cannot_be_loaded_leaves_the_report() {
    let dir = copy_of_finished();
    let report = dir.path().join("smoke.md");
    let before = fs::read(&report).unwrap();
    let broken = dir.path().join("model");
    copy(&model(), &broken);
    fs::write(broken.join("config.json"), "{}").unwrap();
    let ended = call(&run_args(text(dir.path()), &["--model", text(&broken), "--replace"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(7), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("config.json` cannot be used"), "{}", ended.stderr);
    assert_eq!(fs::read(&report).unwrap(), before);
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path())]);
    assert_eq!(fs::read(&report).unwrap(), before);
}

fn empty_the_training_images(dtd: &Path) {
    let split = fs::read_to_string(dtd.join("split_zhou_DescribableTextures.json")).unwrap();
    let split: serde_json::Value = serde_json::from_str(&split).unwrap();
    for entry in split["train"].as_array().unwrap() {
        fs::write(dtd.join("images").join(entry[0].as_str().unwrap()), "").unwrap();
    }
}

#[test]
fn a_report_is_a_function_of_results() {
    let dir = temporary();
    copy(finished(), dir.path());
    let report = dir.path().join("smoke.md");
    let before = fs::read(&report).unwrap();
    fs::remove_file(&report).unwrap();
    // Neither model nor data: the caches are empty, and the suite's model is not asked for.
    let nowhere = dir.path().join("nowhere");
    let output = program(&["report", "--suite", "smoke", "--out", text(dir.path())])
        .env("XDG_CACHE_HOME", nowhere)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(&report).unwrap(), before);
}

#[test]
fn a_report_without_results_is_incomplete() {
    let dir = temporary();
    let ended = call(&["report", "--suite", "smoke", "--out", text(dir.path())]);
    assert_eq!(ended.code, Some(5));
    assert!(ended.stderr.contains("there are no results"), "{}", ended.stderr);
}

#[test]
fn a_run_with_adapters_keeps_them_beside_the_merged_weights_under_a_name_of_its_own() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().to_str().unwrap();
    let more = ["--lora", "4", "--keep-checkpoints"];
    let report = expect_ok(&run_args(path, &more));
    assert!(report.trim_end().ends_with("smoke.lora4.md"), "{report}");
    let trial = out.path().join("smoke.lora4/sft.dtd.4shot.seed1");
    let config = fs::read_to_string(trial.join("checkpoint/adapter/adapter_config.json")).unwrap();
    assert!(config.contains("\"r\": 4") && config.contains("\"lora_alpha\": 8.0"), "{config}");
    assert!(trial.join("checkpoint/adapter/adapter_model.safetensors").is_file());
    assert!(trial.join("checkpoint/model.safetensors").is_file());
    // The same command again finds everything done, and `report` finds it by the same flag.
    expect_ok(&run_args(path, &more));
    expect_ok(&["report", "--suite", "smoke", "--lora", "4", "--out", path]);
}
