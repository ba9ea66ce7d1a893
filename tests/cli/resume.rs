//! Results that are there already, whole or not.

use std::fs;

use serde_json::Value;

use crate::program::{
    assert_same_results, call, copy_of_finished, expect_ok, finished, run_args, text,
};

const CELL: &str = "smoke/zero-shot/dtd.direct.json";

#[test]
fn what_is_done_is_not_done_again() {
    let dir = copy_of_finished();
    let ended = call(&run_args(text(dir.path()), &[]));
    assert!(ended.stderr.contains("8 cells, 0 of them to run"), "{}", ended.stderr);
    let record = |dir: &std::path::Path| fs::read(dir.join(CELL)).unwrap();
    assert_eq!(record(dir.path()), record(finished()));
}

#[test]
fn a_damaged_record_is_made_again() {
    let dir = copy_of_finished();
    let cell = dir.path().join(CELL);
    let whole = fs::read(&cell).unwrap();
    fs::write(&cell, &whole[..whole.len() / 2]).unwrap();
    let ended = call(&run_args(text(dir.path()), &[]));
    assert!(ended.stderr.contains("8 cells, 1 of them to run"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(0));
    assert_same_results(finished(), dir.path());
}

#[test]
fn a_damaged_training_record_starts_its_trial_over() {
    let dir = copy_of_finished();
    fs::write(dir.path().join("smoke/sft.dtd.4shot.seed1/training.json"), "{").unwrap();
    expect_ok(&run_args(text(dir.path()), &[]));
    assert_same_results(finished(), dir.path());
}

#[test]
fn a_record_of_a_newer_program_is_not_written_over() {
    let dir = copy_of_finished();
    let cell = dir.path().join(CELL);
    let mut newer: Value = serde_json::from_slice(&fs::read(&cell).unwrap()).unwrap();
    newer["version"] = 99.into();
    let newer = newer.to_string();
    fs::write(&cell, &newer).unwrap();
    let ended = call(&run_args(text(dir.path()), &[]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("record version 99, expected at most"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&cell).unwrap(), newer);
}
