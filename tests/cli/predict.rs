//! `predict`: a kept checkpoint names pictures as its run's cells did, and nothing else passes for one.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, call, copy, end, expect_ok, program, temporary, text};

/// One fine-tune whose weights are kept, evaluated on two datasets under two prompts; its checkpoint. Not to be changed.
fn kept() -> &'static Path {
    static KEPT: OnceLock<PathBuf> = OnceLock::new();
    KEPT.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kept");
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        let both = ["--set", "sft_eval_prompts=[\"direct\", \"thinking\"]"];
        train(&dir, &[&["--datasets", "dtd,eurosat", "--limit", "5"], &both[..]].concat())
    })
}

/// Runs fine-tunes of the smoke suite and keeps their weights; the checkpoint of the one on DTD.
fn train(out: &Path, more: &[&str]) -> PathBuf {
    let run = ["run", "--suite", "smoke", "--methods", "sft", "--keep-checkpoints"];
    expect_ok(&[&run[..], &["--out", text(out)], more].concat());
    let suites = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    let trials = suites.map(|suite| suite.join("sft.dtd.4shot.seed1"));
    trials.into_iter().find(|trial| trial.is_dir()).expect("it was run").join("checkpoint")
}

/// The folder that a drawn dataset's lists name images from.
fn images(dataset: &str) -> PathBuf {
    expect_ok(&["datasets", "list"]);
    let drawn = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/clsrl-bench/drawn-v1-seed1");
    match dataset {
        "dtd" => drawn.join("dtd/images"),
        "eurosat" => drawn.join("eurosat/2750"),
        other => panic!("where are the images of {other}?"),
    }
}

/// The stored answers of a cell.
fn stored(checkpoint: &Path, cell: &str) -> Vec<Value> {
    lines(
        &fs::read_to_string(checkpoint.with_file_name(format!("{cell}.predictions.jsonl")))
            .unwrap(),
    )
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn predict(checkpoint: &Path, more: &[&str]) -> Ended {
    let args = ["predict", "--checkpoint", text(checkpoint), "--threads", "1"];
    call(&[&args[..], more].concat())
}

#[track_caller]
fn expect(ended: &Ended, code: i32, word: &str) {
    let message = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{message}");
    assert!(message.contains(word), "expected {word:?} in {message}");
}

/// Holds what is predicted of a cell's images to its stored answers.
#[track_caller]
fn check_cell(checkpoint: &Path, cell: &str, (dataset, prompt): (&str, &str)) {
    let (expected, root) = (stored(checkpoint, cell), images(dataset));
    assert!(!expected.is_empty());
    let paths: Vec<PathBuf> =
        expected.iter().map(|answer| root.join(answer["image"].as_str().unwrap())).collect();
    let mut args = vec!["--json", "--root", text(&root), "--dataset", dataset, "--prompt", prompt];
    args.extend(paths.iter().map(|path| text(path)));
    let ended = predict(checkpoint, &args);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let found = lines(&ended.stdout);
    assert_eq!(found.len(), expected.len());
    let record = fs::read(checkpoint.with_file_name("training.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    for ((found, expected), path) in found.iter().zip(&expected).zip(&paths) {
        assert_eq!(found["path"], text(path));
        assert_eq!(found["answer"], expected["raw"], "{found}");
        assert_eq!(found["n_tokens"], expected["n_tokens"]);
        let says_gold = found["prediction"] == expected["gold"] && found["match"] == "strict";
        assert_eq!(expected["correct_strict"], says_gold, "{found} {expected}");
        assert_eq!(found["weights_digest"], record["record"]["outcome"]["weights_digest"]);
        assert_eq!((&found["dataset"], &found["prompt"]), (&dataset.into(), &prompt.into()));
        assert!(found["seconds"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn predictions_are_the_answers_of_the_runs_cells() {
    check_cell(kept(), "dtd.direct", ("dtd", "direct"));
    check_cell(kept(), "dtd.thinking", ("dtd", "thinking"));
    check_cell(kept(), "eurosat.direct", ("eurosat", "direct"));
    let out = temporary();
    let adapted = train(out.path(), &["--datasets", "dtd", "--limit", "5", "--lora", "4"]);
    assert!(adapted.join("adapter").is_dir());
    check_cell(&adapted, "dtd.direct", ("dtd", "direct"));
}

#[test]
fn a_picture_that_cannot_be_read_is_named_and_the_others_are_answered() {
    let dir = temporary();
    let root = images("dtd");
    let good = root.join(stored(kept(), "dtd.direct")[0]["image"].as_str().unwrap());
    let (own, broken) = (dir.path().join("mine.jpg"), dir.path().join("broken.jpg"));
    fs::copy(&good, &own).unwrap();
    fs::write(&broken, &fs::read(&good).unwrap()[..200]).unwrap();
    let pictures = ["no-such-file.jpg", text(&own), text(&broken), text(dir.path())];
    let ended = predict(kept(), &[&["--prompt", "direct", "--json"], &pictures[..]].concat());
    expect(&ended, 5, "3 of 4 pictures not answered");
    let found = lines(&ended.stdout);
    assert_eq!(found.iter().map(|line| &line["path"]).collect::<Vec<_>>(), pictures);
    let answered: Vec<bool> = found.iter().map(|line| line["answer"].is_string()).collect();
    assert_eq!(answered, [false, true, false, false]);
    for picture in [pictures[0], text(&broken)] {
        assert!(ended.stderr.contains(picture), "{}", ended.stderr);
    }
    assert!(found[0]["error"].as_str().unwrap().contains("no-such-file.jpg"), "{}", found[0]);

    // A name that is no text is shown as far as it is one.
    let strange = dir.path().join(OsStr::from_bytes(b"mine\xff.jpg"));
    fs::copy(&good, &strange).unwrap();
    let args = ["predict", "--json", "--prompt", "direct", "--checkpoint", text(kept())];
    let named = end(program(&args).arg(&strange));
    expect(&named, 0, "mine\u{fffd}.jpg");

    let ended = predict(kept(), &["--prompt", "direct", text(&own)]);
    let answer = found[1]["answer"].as_str().unwrap();
    let named = found[1]["prediction"].as_str().unwrap_or("none of the classes, or several");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{}: {named}\n    {answer}\n", own.display()));
}

/// A copy of a trial's folder to be changed; its checkpoint.
fn changed(change: impl FnOnce(&Path)) -> (TempDir, PathBuf) {
    let dir = temporary();
    let trial = dir.path().join("sft.dtd.4shot.seed1");
    copy(kept().parent().unwrap(), &trial);
    let checkpoint = trial.join("checkpoint");
    change(&checkpoint);
    (dir, checkpoint)
}

#[test]
fn what_is_not_the_checkpoint_of_its_record_answers_nothing() {
    let picture = images("dtd").join(stored(kept(), "dtd.direct")[0]["image"].as_str().unwrap());
    let args = ["--prompt", "direct", text(&picture)];
    let check = |change: &dyn Fn(&Path), code: i32, word: &str| {
        let (_dir, checkpoint) = changed(change);
        let ended = predict(&checkpoint, &args);
        expect(&ended, code, word);
        assert_eq!(ended.stdout, "", "nothing is answered");
    };
    let weights = |checkpoint: &Path| {
        let path = checkpoint.join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(path, bytes).unwrap();
    };
    check(&weights, 7, "has other weights than its record: expected ");
    let record = |checkpoint: &Path| fs::remove_file(checkpoint.with_file_name("training.json"));
    check(&|checkpoint| record(checkpoint).unwrap(), 7, "there is no record `");
    let mark = |checkpoint: &Path| fs::write(checkpoint.join("training-id"), "0123456789ab");
    check(&|checkpoint| mark(checkpoint).unwrap(), 7, "by its mark it is not of the fine-tune of");
    let recipe = |checkpoint: &Path| {
        let path = checkpoint.join("prompts/dtd.direct.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("texture"), "{text}");
        fs::write(path, text.replace("texture", "pattern")).unwrap();
    };
    check(&recipe, 7, "it is not what its seal has");
    let recipes = |checkpoint: &Path| fs::remove_dir_all(checkpoint.join("prompts"));
    check(&|checkpoint| recipes(checkpoint).unwrap(), 7, "says how its model is asked");
    let config = |checkpoint: &Path| fs::remove_file(checkpoint.join("config.json"));
    check(&|checkpoint| config(checkpoint).unwrap(), 2, "it has no `config.json`");
    // A record goes along with a checkpoint that is moved away.
    let (dir, checkpoint) = changed(|_| {});
    let away = dir.path().join("away");
    fs::rename(&checkpoint, &away).unwrap();
    fs::rename(checkpoint.with_file_name("training.json"), away.join("training.json")).unwrap();
    expect(&predict(&away, &args), 0, text(&picture));
}

#[test]
fn what_is_asked_is_said_where_it_is_not_clear() {
    let picture = images("dtd").join(stored(kept(), "dtd.direct")[0]["image"].as_str().unwrap());
    let ask = |more: &[&str]| predict(kept(), &[more, &[text(&picture)]].concat());
    expect(&ask(&[]), 2, "was asked in several ways: dtd.direct, dtd.thinking\n");
    expect(&ask(&["--dataset", "EuroSAT"]), 2, "several ways: eurosat.direct, eurosat.thinking\n");
    expect(&ask(&["--dataset", "ucf101"]), 2, "was never asked so, only as dtd.direct, ");
    expect(&ask(&["--form", "base"]), 2, "was never asked so, only as dtd.direct, ");
    expect(
        &ask(&["--prompt", "direct", "--root", "no-such-folder"]),
        2,
        "no folder `no-such-folder`",
    );
    let trial = kept().parent().unwrap();
    expect(&predict(trial, &[text(&picture)]), 2, "hint: name `");
    expect(
        &predict(Path::new("no-such-folder"), &[text(&picture)]),
        2,
        "no checkpoint `no-such-folder`",
    );
}
