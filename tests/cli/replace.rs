//! Another model, other data or other settings in the folder of finished results.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::program::{call, copy, copy_of_finished, expect_ok, model, run_args, temporary, text};

/// The tiny model with other weights, by one bit.
fn other_model(dir: &Path) -> PathBuf {
    let other = dir.join("other");
    copy(&model(), &other);
    let weights = other.join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.iter_mut().nth_back(1).unwrap() ^= 1;
    fs::remove_file(&weights).unwrap();
    fs::write(&weights, bytes).unwrap();
    other
}

/// Every file below a folder but for locks, with its bytes.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else if !path.file_name().unwrap().to_str().unwrap().ends_with("lock") {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn another_model_replaces_finished_results_only_where_that_is_asked_for() {
    let (dir, models) = (copy_of_finished(), temporary());
    let out = text(dir.path());
    let other = other_model(models.path());
    let before = contents(dir.path());
    let refused = call(&run_args(out, &["--model", text(&other)]));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{}", refused.stderr);
    for message in [
        "  3 fine-tunes and 8 cells of zero-shot, sft.dtd.4shot.seed1, sft.eurosat.4shot.seed1: the base weights \
         changed\n",
        "hint: keep them, and give this run another folder with --out DIR\n",
        "hint: --replace writes over them\n",
    ] {
        assert!(refused.stderr.contains(message), "{message}: {}", refused.stderr);
    }
    assert!(before == contents(dir.path()), "nothing is touched");
    // The report is still that of the finished run, and what is missing alone is made again without a word.
    expect_ok(&["report", "--suite", "smoke", "--out", out]);
    fs::remove_file(dir.path().join("smoke/zero-shot/dtd.direct.json")).unwrap();
    expect_ok(&run_args(out, &[]));
    let replaced = call(&run_args(out, &["--model", text(&other), "--replace"]));
    assert_eq!(replaced.code, Some(0), "{}", replaced.stderr);
    assert!(replaced.stderr.contains("the base weights changed"), "{}", replaced.stderr);
    // Now the first model is the other one.
    assert_eq!(call(&run_args(out, &[])).code, Some(2));
}

#[test]
fn another_limit_or_number_of_threads_is_another_result() {
    let dir = copy_of_finished();
    let out = text(dir.path());
    let before = contents(dir.path());
    for (more, message) in [
        (&["--threads", "3"][..], "`threads` changed from"),
        (&["--deterministic"], "`deterministic` changed from false to true"),
    ] {
        let refused = call(&run_args(out, more));
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(message), "{message}: {}", refused.stderr);
    }
    let limited = ["run", "--suite", "smoke", "--methods", "zero-shot", "--datasets", "dtd"];
    let refused = call(&[&limited[..], &["--limit", "3", "--out", out]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let message =
        "  2 cells of zero-shot: `limit` changed from 2 to 3; the rendered prompts changed\n";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
    assert!(before == contents(dir.path()), "nothing is touched");
}

#[test]
fn kept_weights_survive_another_model_even_without_their_record() {
    let (dir, models) = (temporary(), temporary());
    let out = text(dir.path());
    let other = other_model(models.path());
    let run = ["run", "--suite", "smoke", "--methods", "sft", "--datasets", "dtd", "--limit", "2"];
    expect_ok(&[&run[..], &["--keep-checkpoints", "--out", out]].concat());
    let weights = dir.path().join("smoke/sft.dtd.4shot.seed1/checkpoint/model.safetensors");
    let kept = fs::read(&weights).unwrap();
    for lost in ["dtd.direct.json", "training.json"] {
        fs::remove_file(dir.path().join("smoke/sft.dtd.4shot.seed1").join(lost)).unwrap();
        let refused = call(&[&run[..], &["--model", text(&other), "--out", out]].concat());
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(kept == fs::read(&weights).unwrap(), "without {lost}");
    }
}
