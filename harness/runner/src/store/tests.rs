//! The results folder on a real disk.

use super::*;
use crate::made::{binding, cell_record, prediction, trained_trial, training_record};
use clsrl_spec::{RolloutRecord, StepRecord, cell_identity, training_identity};

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
    store.prepare(&trial, false).unwrap();
    let identity = training_identity(&trial, &binding());
    Made { store, _dir: dir, trial, identity }
}

fn missing<R: std::fmt::Debug>(stored: Stored<R>) -> String {
    match stored {
        Stored::Missing(reason) => reason,
        Stored::Present(..) => panic!("expected a missing record, found {stored:?}"),
    }
}

#[test]
fn a_training_is_read_back_as_it_was_written() {
    let Made { store, trial, identity, .. } = &made();
    let record = training_record("w");
    store.write_training(trial, identity, &record).unwrap();
    let expected = Stored::Present(identity.clone(), Box::new(record));
    assert_eq!(store.read_training(trial).unwrap(), expected);
}

#[test]
fn a_cell_is_read_back_and_its_predictions_are_lines() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let identity = cell_identity(trial, cell, &binding());
    let record = cell_record(trial, cell);
    store.write_cell(trial, &identity, &record, &[prediction(0), prediction(1)]).unwrap();
    let expected = Stored::Present(identity, Box::new(record));
    assert_eq!(store.read_cell(trial, cell).unwrap(), expected);
    let lines = fs::read_to_string(store.predictions_path(trial, cell)).unwrap();
    let read: Vec<Prediction> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, [prediction(0), prediction(1)]);
}

#[test]
fn predictions_are_read_back_or_told_to_be_damaged() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let missing = store.read_predictions(trial, cell).unwrap_err();
    assert!(missing.ends_with("are missing"), "{missing}");
    let (identity, record) = (cell_identity(trial, cell, &binding()), cell_record(trial, cell));
    let mut nasty = prediction(1);
    nasty.raw = "a|b_c & 100 % <script> \"x\"\n\u{2028}\r\n😀".to_owned();
    let predictions = [prediction(0), nasty];
    store.write_cell(trial, &identity, &record, &predictions).unwrap();
    assert_eq!(store.read_predictions(trial, cell).unwrap(), predictions);
    assert_eq!(store.read_cell_identity(trial, cell).unwrap(), Some(identity));
    let path = store.predictions_path(trial, cell);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    let damaged = store.read_predictions(trial, cell).unwrap_err();
    assert!(damaged.contains("are damaged at line 2: "), "{damaged}");
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

    let path = store.training_path(trial);
    let mut file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    file["version"] = 2.into();
    let record = &mut file["record"];
    let rollout = &mut record["outcome"]["steps"][0]["rollout"];
    rollout.as_object_mut().unwrap().remove("entropy").unwrap();
    record["run"].as_object_mut().unwrap().remove("steps").unwrap();
    fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
    let Stored::Present(_, read) = store.read_training(trial).unwrap() else { panic!("missing") };
    assert_eq!(*read, written);
}

/// What a program wrote before it was noted how an evaluation's batches fitted memory.
#[test]
fn a_cell_of_version_4_is_read_with_nothing_for_what_it_lacks() {
    let Made { store, trial, .. } = &made();
    let cell = trial.cells()[0];
    let (identity, written) = (cell_identity(trial, cell, &binding()), cell_record(trial, cell));
    store.write_cell(trial, &identity, &written, &[prediction(0), prediction(1)]).unwrap();
    let path = store.cell_path(trial, cell);
    let mut file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    file["version"] = 4.into();
    file["record"]["run"].as_object_mut().unwrap().remove("fitted").unwrap();
    fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
    let expected = Stored::Present(identity, Box::new(written));
    assert_eq!(store.read_cell(trial, cell).unwrap(), expected);
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
    assert_eq!(missing(store.read_training(trial).unwrap()), "not run yet");
    store.prepare(trial, false).unwrap();
    assert!(!leftover.exists());
}

#[test]
fn a_checkpoint_counts_only_for_the_training_that_finished_it() {
    let Made { store, trial, identity, .. } = &made();
    let checkpoint = store.checkpoint_dir(trial);
    fs::create_dir(&checkpoint).unwrap();
    fs::write(checkpoint.join("model.safetensors"), "weights").unwrap();
    assert!(!store.has_checkpoint(trial, identity));
    store.write_training(trial, identity, &training_record("w")).unwrap();
    assert!(store.has_checkpoint(trial, identity));
    let mut other = binding();
    other.base_weights = "other".to_owned();
    assert!(!store.has_checkpoint(trial, &training_identity(trial, &other)));
    store.prepare(trial, true).unwrap();
    assert!(store.has_checkpoint(trial, identity));
    store.prepare(trial, false).unwrap();
    assert!(!checkpoint.exists());
}

#[test]
fn a_write_that_fails_names_the_file() {
    let Made { store, trial, identity, .. } = &made();
    // A folder in the way stops even the superuser.
    fs::create_dir(store.training_path(trial)).unwrap();
    fs::write(store.training_path(trial).join("in the way"), "").unwrap();
    let error = store.write_training(trial, identity, &training_record("w")).unwrap_err();
    assert!(error.to_string().contains("training.json"), "{error}");
}
