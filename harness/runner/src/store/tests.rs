//! The results folder on a real disk.

use super::*;
use crate::made::{binding, cell_record, predictions, trained_trial, training_record};
use clsrl_spec::{RolloutRecord, StepRecord, cell_identity, training_identity};
use serde_json::Value;

struct Made {
    _dir: tempfile::TempDir,
    store: Store,
    trial: Trial,
    identity: Identity,
}

fn made() -> Made {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path(), "smoke");
    let trial = trained_trial();
    store.prepare(&trial, None).unwrap();
    let identity = training_identity(&trial, &binding());
    Made { store, _dir: dir, trial, identity }
}

fn missing<R: std::fmt::Debug>(stored: Stored<R>) -> String {
    match stored {
        Stored::Missing(reason) => reason,
        Stored::Present(..) => panic!("expected a missing record, found {stored:?}"),
    }
}

fn present<R>(stored: Stored<R>) -> Verified<R> {
    match stored {
        Stored::Present(verified) => *verified,
        Stored::Missing(reason) => panic!("expected a record: {reason}"),
    }
}

/// Makes a record's file what a program of an earlier version wrote.
fn age(path: &Path, version: u64, change: impl Fn(&mut Value)) {
    let mut file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    file["version"] = version.into();
    file.as_object_mut().unwrap().remove("seal").unwrap();
    change(&mut file["record"]);
    fs::write(path, file.to_string()).unwrap();
}

#[test]
fn a_training_is_read_back_as_it_was_written() {
    let Made { store, trial, identity, .. } = &made();
    let record = training_record("w");
    store.write_training(trial, identity, &record).unwrap();
    let read = present(store.read_training(trial).unwrap());
    assert_eq!((&read.identity, &read.record, read.is_sealed), (identity, &record, true));
}

#[test]
fn a_cell_is_read_back_and_its_predictions_are_lines() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let identity = cell_identity(trial, cell, &binding());
    let record = cell_record(trial, cell);
    store.write_cell(trial, &identity, &record, &predictions()).unwrap();
    let read = present(store.read_cell(trial, cell).unwrap());
    assert_eq!((&read.identity, &read.record, read.is_sealed), (&identity, &record, true));
    assert_eq!(store.read_predictions(trial, &read).unwrap(), predictions());
    assert_eq!(store.read_cell_identity(trial, cell).unwrap(), Some(identity));
    let lines = fs::read_to_string(store.predictions_path(trial, cell)).unwrap();
    let read: Vec<Prediction> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, predictions());
}

#[test]
fn answers_of_any_text_are_read_back() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let mut nasty = predictions();
    nasty[1].raw = "a|b_c & 100 % <script> \"x\"\n\u{2028}\r\n😀".to_owned();
    nasty[1].extracted = nasty[1].raw.clone();
    let mut record = cell_record(trial, cell);
    record.outcome.n_untagged = 1;
    store.write_cell(trial, &cell_identity(trial, cell, &binding()), &record, &nasty).unwrap();
    let read = present(store.read_cell(trial, cell).unwrap());
    assert_eq!(store.read_predictions(trial, &read).unwrap(), nasty);
}

/// Predictions that are replaced after they were held to their record are not what was checked.
#[test]
fn predictions_that_change_between_check_and_use_are_refused() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let (identity, record) = (cell_identity(trial, cell, &binding()), cell_record(trial, cell));
    store.write_cell(trial, &identity, &record, &predictions()).unwrap();
    let read = present(store.read_cell(trial, cell).unwrap());
    let path = store.predictions_path(trial, cell);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("banded/0", "banded/7", 1)).unwrap();
    let message = store.read_predictions(trial, &read).unwrap_err();
    assert!(message.ends_with("are damaged: they changed while they were read"), "{message}");
}

#[test]
fn half_a_record_counts_as_missing_and_says_why() {
    let Made { store, trial, identity, .. } = &made();
    store.write_training(trial, identity, &training_record("w")).unwrap();
    let path = store.training_path(trial);
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let reason = missing(store.read_training(trial).unwrap());
    assert!(reason.contains("damaged") && reason.contains("training.json"), "{reason}");
}

#[test]
fn an_older_record_counts_as_missing() {
    let Made { store, trial, .. } = &made();
    fs::write(store.training_path(trial), r#"{"version": 1}"#).unwrap();
    let reason = missing(store.read_training(trial).unwrap());
    assert!(reason.ends_with("version 1, this program reads 2 and newer"), "{reason}");
}

/// What a program wrote before a step's entropy and seconds were recorded.
#[test]
fn a_record_of_version_2_is_read_with_nothing_for_what_it_lacks() {
    let Made { store, trial, identity, .. } = &made();
    let rollout = RolloutRecord {
        reward_mean: 0.5,
        rewards: vec![0.5],
        kl: 0.1,
        entropy: None,
        mean_tokens: 9.0,
        truncated: 0.0,
        zero_variance_groups: 0.25,
    };
    let rollout = Some(rollout);
    let mut written = training_record("w");
    written.outcome.steps =
        vec![StepRecord { step: 1, loss: 2.0, grad_norm: 1.0, learning_rate: 1e-6, rollout }];
    store.write_training(trial, identity, &written).unwrap();

    age(&store.training_path(trial), 2, |record| {
        let rollout = &mut record["outcome"]["steps"][0]["rollout"];
        rollout.as_object_mut().unwrap().remove("entropy").unwrap();
        record["run"].as_object_mut().unwrap().remove("steps").unwrap();
    });
    let read = present(store.read_training(trial).unwrap());
    assert_eq!((&read.record, read.is_sealed), (&written, false));
}

/// What a program wrote before it was noted how an evaluation's batches fitted memory.
#[test]
fn a_cell_of_version_4_is_read_with_nothing_for_what_it_lacks() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let mut written = cell_record(trial, cell);
    written.outcome.weights_digest = None;
    let identity = cell_identity(trial, cell, &binding());
    store.write_cell(trial, &identity, &written, &predictions()).unwrap();
    age(&store.cell_path(trial, cell), 4, |record| {
        record["outcome"].as_object_mut().unwrap().remove("weights_digest").unwrap();
        record["run"].as_object_mut().unwrap().remove("fitted").unwrap();
    });
    let read = present(store.read_cell(trial, cell).unwrap());
    assert_eq!((&read.record, read.is_sealed), (&written, false));
}

/// What can be known without a seal is held to all the same.
#[test]
fn a_record_without_a_seal_is_held_to_its_cell_and_to_its_answers() {
    let check = |expected: &str, change: &dyn Fn(&mut Value), answers: &[Prediction]| {
        let Made { store, trial, .. } = &made();
        let cell = trial.cells()[0];
        let (identity, record) = (cell_identity(trial, cell, &binding()), cell_record(trial, cell));
        store.write_cell(trial, &identity, &record, answers).unwrap();
        age(&store.cell_path(trial, cell), 5, change);
        let message = missing(store.read_cell(trial, cell).unwrap());
        assert!(message.contains(expected), "{expected}: {message}");
    };
    let set = |name: &'static str, to: Value| {
        move |record: &mut Value| record["outcome"][name] = to.clone()
    };
    let answers = predictions();
    check("holds the record of another cell", &set("seed", 2.into()), &answers);
    check("holds the record of another cell", &set("method", "cls-rl".into()), &answers);
    check("it has no image", &set("n", 0.into()), &answers);
    check("`n` is 3, expected at most 2", &set("n", 3.into()), &answers);
    check("there are 1 correct ones by the strict", &set("n_correct_strict", 2.into()), &answers);
    check("there are 0 truncated ones", &set("n_truncated", 1.into()), &answers);
    check("there are 0 untagged ones", &set("n_untagged", 1.into()), &answers);
    check("they have 4 tokens on average", &set("mean_tokens", 5.0.into()), &answers);
    check("`n` is 9000000000", &set("n", 9_000_000_000_u64.into()), &answers);
    check("its limit and its split ask for 5", &set("n_split", 5.into()), &answers);
    check("there are 1 of them", &|_| {}, &answers[..1]);
    check("there are more than the 2", &|_| {}, &[&answers[..], &answers[..]].concat());
    check("they answer image 0 twice", &|_| {}, &[answers[0].clone(), with(&answers[1], 0)]);
    check("they answer image 2, and", &|_| {}, &[answers[0].clone(), with(&answers[1], 2)]);
    let lie = Prediction { correct_strict: true, ..answers[1].clone() };
    check("line 2: `correct_strict` is true", &|_| {}, &[answers[0].clone(), lie]);
    let lie = Prediction { extracted: "banded".to_owned(), ..answers[1].clone() };
    check("line 2: `extracted` is not", &|_| {}, &[answers[0].clone(), lie]);
}

fn with(prediction: &Prediction, index: usize) -> Prediction {
    Prediction { index, ..prediction.clone() }
}

#[test]
fn a_sealed_record_with_any_other_value_is_damaged() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let (identity, record) = (cell_identity(trial, cell, &binding()), cell_record(trial, cell));
    store.write_cell(trial, &identity, &record, &predictions()).unwrap();
    let path = store.cell_path(trial, cell);
    let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut n_changed = 0;
    each_value(&whole, &mut |pointer, value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = other(value);
        fs::write(&path, changed.to_string()).unwrap();
        // A newer version is refused, everything else is missing.
        match store.read_cell(trial, cell) {
            Ok(stored) => assert!(missing(stored).contains("damaged"), "{pointer}"),
            Err(error) => {
                let is_named = error.to_string().contains(&RECORD_VERSION.to_string());
                assert_eq!((pointer, is_named), ("/version", true));
            }
        }
        n_changed += 1;
    });
    assert!(60 < n_changed, "{n_changed}");
    fs::write(&path, whole.to_string()).unwrap();
    present(store.read_cell(trial, cell).unwrap());
}

/// Calls with the place of every scalar in a value.
fn each_value(value: &Value, take: &mut dyn FnMut(&str, &Value)) {
    fn walk(at: &str, value: &Value, take: &mut dyn FnMut(&str, &Value)) {
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(key, value)| walk(&format!("{at}/{key}"), value, take));
            }
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, value)| walk(&format!("{at}/{index}"), value, take)),
            scalar => take(at, scalar),
        }
    }
    walk("", value, take);
}

fn other(value: &Value) -> Value {
    match value {
        Value::Bool(is) => (!is).into(),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => (whole + 1).into(),
            None => (number.as_f64().unwrap() + 1.0).into(),
        },
        Value::String(text) => format!("{text}x").into(),
        _ => 1.into(),
    }
}

#[test]
fn bytes_of_a_predictions_file_that_change_are_told() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let (identity, record) = (cell_identity(trial, cell, &binding()), cell_record(trial, cell));
    store.write_cell(trial, &identity, &record, &predictions()).unwrap();
    let path = store.predictions_path(trial, cell);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let message = missing(store.read_cell(trial, cell).unwrap());
        assert!(message.contains("predictions.jsonl` are damaged"), "{at}: {message}");
        fs::write(&path, &whole[..at]).unwrap();
        let message = missing(store.read_cell(trial, cell).unwrap());
        assert!(message.contains("predictions.jsonl` are damaged"), "cut at {at}: {message}");
    }
    fs::remove_file(&path).unwrap();
    let message = missing(store.read_cell(trial, cell).unwrap());
    assert!(message.ends_with("predictions.jsonl` are damaged: they are missing"), "{message}");
    fs::write(&path, whole).unwrap();
    present(store.read_cell(trial, cell).unwrap());
}

#[test]
fn a_fine_tune_in_anothers_place_is_damaged() {
    let Made { store, trial, identity, .. } = &made();
    store.write_training(trial, identity, &training_record("w")).unwrap();
    let other = Trial { seed: trial.seed + 1, ..trial.clone() };
    store.prepare(&other, None).unwrap();
    fs::copy(store.training_path(trial), store.training_path(&other)).unwrap();
    let message = missing(store.read_training(&other).unwrap());
    assert!(message.contains("it is the record of `sft.dtd.4shot.seed1`, not of"), "{message}");
    age(&store.training_path(&other), 5, |_| {});
    let message = missing(store.read_training(&other).unwrap());
    assert!(message.contains("it holds the record of another trial"), "{message}");
}

fn asked() -> LastRun {
    LastRun {
        model: "model".to_owned(),
        data: "data".to_owned(),
        methods: Vec::new(),
        datasets: Vec::new(),
        shots: Vec::new(),
        seeds: vec![1],
        limit: Some(4),
    }
}

#[test]
fn what_the_last_run_asked_for_is_read_back_or_named_as_damaged() {
    let Made { store, .. } = &made();
    assert_eq!(store.read_last_run().unwrap(), None);
    store.write_last_run(&asked()).unwrap();
    assert_eq!(store.read_last_run().unwrap(), Some(asked()));
    let path = store.dir().join("last-run.json");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() - 1 {
        let cut = &whole[..at];
        let flipped: Vec<u8> =
            whole.iter().enumerate().map(|(i, byte)| byte ^ u8::from(i == at)).collect();
        for bytes in [cut, &flipped] {
            fs::write(&path, bytes).unwrap();
            match store.read_last_run() {
                // White space that turned into other white space, or the like.
                Ok(read) => assert_eq!(read, Some(asked()), "{}", String::from_utf8_lossy(bytes)),
                Err(error) => assert!(error.to_string().contains("last-run.json"), "{error}"),
            }
        }
    }
    // As it was written before there were seals.
    fs::write(&path, serde_json::to_vec(&asked()).unwrap()).unwrap();
    assert_eq!(store.read_last_run().unwrap(), Some(asked()));
    // Of another suite.
    store.write_last_run(&asked()).unwrap();
    let other = Store::new(store.dir().parent().unwrap(), "other");
    let _lock = other.lock().unwrap();
    fs::copy(&path, other.dir().join("last-run.json")).unwrap();
    assert!(other.read_last_run().is_err());
}

#[test]
fn a_newer_record_is_refused() {
    let Made { store, trial, .. } = &made();
    fs::write(store.training_path(trial), r#"{"version": 99, "anything": 1}"#).unwrap();
    let error = store.read_training(trial).unwrap_err().to_string();
    let expected = format!("record version 99, expected at most {RECORD_VERSION}");
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn a_second_lock_is_refused_until_the_first_ends() {
    let Made { store, .. } = &made();
    let lock = store.lock().unwrap();
    assert!(matches!(store.lock(), Err(StoreError::Locked { .. })));
    drop(lock);
    store.lock().unwrap();
}

#[test]
fn a_leftover_of_an_interrupted_write_is_removed() {
    let Made { store, trial, .. } = &made();
    let leftover = store.trial_dir(trial).join(".training.json.tmp");
    fs::write(&leftover, "{").unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(30 * 3600);
    fs::File::options().write(true).open(&leftover).unwrap().set_modified(old).unwrap();
    assert_eq!(missing(store.read_training(trial).unwrap()), "not run yet");
    store.prepare(trial, None).unwrap();
    assert!(!leftover.exists());
}

#[test]
fn a_checkpoint_counts_only_for_the_training_that_finished_it() {
    let Made { store, trial, identity, .. } = &made();
    let (own, record) = (store.own_checkpoint_dir(trial), training_record("w"));
    fs::create_dir(&own).unwrap();
    fs::write(own.join("model.safetensors"), "weights").unwrap();
    let found = |identity: &Identity, record: &TrainingRecord| {
        store.find_checkpoint(trial, identity, record)
    };
    assert_eq!(found(identity, &record), None);
    store.write_training(trial, identity, &record).unwrap();
    assert_eq!(found(identity, &record), Some(own.clone()));
    let mut other = binding();
    other.base_weights = "other".to_owned();
    assert_eq!(found(&training_identity(trial, &other), &record), None);
    assert_eq!(found(identity, &training_record("others")), None);
    // What a run leaves is the next one's, which does not write into it.
    store.leave_attempt(trial).unwrap();
    let kept = store.checkpoint_dir(trial);
    assert_eq!(found(identity, &record), Some(kept.clone()));
    let next = Store::new(store.dir().parent().unwrap(), "smoke");
    next.prepare(trial, Some(&kept)).unwrap();
    let taken = next.own_checkpoint_dir(trial);
    assert_eq!(next.find_checkpoint(trial, identity, &record), Some(taken.clone()));
    fs::remove_dir_all(&taken).unwrap();
    assert_eq!(fs::read(kept.join("model.safetensors")).unwrap(), b"weights");
    next.end_attempt(trial, false).unwrap();
    assert!(!kept.exists() && next.find_checkpoint(trial, identity, &record).is_none());
}

#[test]
fn a_write_that_fails_names_the_file() {
    let Made { store, trial, identity, .. } = &made();
    // A folder in the way stops even the superuser.
    fs::create_dir(store.training_path(trial)).unwrap();
    fs::write(store.training_path(trial).join("in the way"), "").unwrap();
    let error = store.write_training(trial, identity, &training_record("w")).unwrap_err();
    assert!(error.to_string().contains("training.json"), "{error}");
    assert!(store.training_path(trial).join("in the way").exists());
}

/// A writer that ends between a cell's record and the last name of its predictions has lost nothing.
#[test]
fn predictions_that_still_wait_for_their_name_are_read_and_get_it() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let (identity, record) = (cell_identity(trial, cell, &binding()), cell_record(trial, cell));
    store.write_cell(trial, &identity, &record, &predictions()).unwrap();
    let plain = store.predictions_path(trial, cell);
    let waiting = answers::waiting_path(&plain, &answers::lines_of(&predictions()).1);
    fs::rename(&plain, &waiting).unwrap();
    // And those of an earlier record are not taken for them.
    fs::write(&plain, "{}").unwrap();
    let read = present(store.read_cell(trial, cell).unwrap());
    assert_eq!(store.read_predictions(trial, &read).unwrap(), predictions());
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(30 * 3600);
    fs::File::options().write(true).open(&waiting).unwrap().set_modified(old).unwrap();
    store.prepare(trial, None).unwrap();
    assert!(!waiting.exists());
    assert_eq!(fs::read(&plain).unwrap(), answers::lines_of(&predictions()).0);
    present(store.read_cell(trial, cell).unwrap());
}

#[test]
fn attempts_are_swept_by_age_or_when_their_process_is_dead_and_not_before() {
    let Made { store, trial, .. } = &made();
    let dir = store.trial_dir(trial);
    let other = |name: &str| {
        let other = attempt::attempt_dir(&dir, name);
        attempt::begin(&other).unwrap();
        fs::create_dir(other.join("checkpoint")).unwrap();
        other
    };
    let (live, dead, old, elsewhere) = (other("a"), other("b"), other("c"), other("d"));
    let edit = |dir: &Path, field: &str, value: Value| {
        let path = dir.join("owner.json");
        let mut owner: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        owner[field] = value;
        fs::write(path, owner.to_string()).unwrap();
    };
    // No process has this number.
    edit(&dead, "pid", 4_194_305.into());
    edit(&elsewhere, "pid", 4_194_305.into());
    edit(&elsewhere, "host", "another".into());
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(30 * 3600);
    let owner = fs::File::options().write(true).open(old.join("owner.json")).unwrap();
    owner.set_modified(long_ago).unwrap();
    store.prepare(trial, None).unwrap();
    let there: Vec<bool> = [&live, &dead, &old, &elsewhere].map(|dir| dir.exists()).into();
    assert_eq!(there, [true, false, false, true]);
    assert!(store.has_company(trial));
}
