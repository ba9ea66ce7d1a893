//! States over a results folder that holds a finished trial.

use super::*;
use crate::made::{binding, cell_record, prediction, trained_trial, training_record};

struct Finished {
    _dir: tempfile::TempDir,
    store: Store,
    trial: Trial,
}

fn finished() -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path(), "smoke");
    let trial = trained_trial();
    store.prepare(&trial, false).unwrap();
    let identity = training_identity(&trial, &binding());
    store.write_training(&trial, &identity, &training_record("w")).unwrap();
    for cell in trial.cells() {
        let identity = cell_identity(&trial, cell, &binding());
        store.write_cell(&trial, &identity, &cell_record(&trial, cell), &[prediction(0)]).unwrap();
    }
    Finished { _dir: dir, store, trial }
}

fn status(store: &Store, trial: &Trial, binding: &Binding) -> TrialStatus {
    trial_statuses(store, std::slice::from_ref(trial), binding).unwrap().remove(0)
}

fn cell_reasons(status: &TrialStatus) -> Vec<String> {
    status.cells[0].1.reasons()
}

#[test]
fn a_finished_trial_is_done() {
    let Finished { store, trial, .. } = &finished();
    let status = status(store, trial, &binding());
    assert!(status.training.is_done());
    assert!(status.cells.iter().all(|(_, state)| state.is_done()));
}

#[test]
fn other_weights_make_training_and_cells_stale() {
    let Finished { store, trial, .. } = &finished();
    let other = Binding { base_weights: "other".to_owned(), ..binding() };
    let status = status(store, trial, &other);
    assert_eq!(status.training.reasons(), ["the base weights changed"]);
    assert_eq!(status.cells[0].1.word(), "stale");
}

#[test]
fn a_stale_cell_tells_what_changed_about_its_training_and_about_itself() {
    let Finished { store, trial, .. } = &finished();
    let mut limited = trial.clone();
    limited.evaluation.limit = Some(3);
    let other = Binding { base_weights: "other".to_owned(), ..binding() };
    let reasons = cell_reasons(&status(store, &limited, &other));
    assert_eq!(reasons[0], "the base weights changed");
    assert!(reasons.len() == 2 && reasons[1].contains("limit"), "{reasons:?}");
}

#[test]
fn another_limit_makes_the_cells_stale_and_not_the_training() {
    let Finished { store, trial, .. } = &finished();
    let mut limited = trial.clone();
    limited.evaluation.limit = Some(3);
    let status = status(store, &limited, &binding());
    assert!(status.training.is_done());
    assert_eq!(status.cells[0].1.word(), "stale");
    assert!(cell_reasons(&status)[0].contains("limit"), "{:?}", cell_reasons(&status));
}

#[test]
fn a_cell_without_its_training_is_missing() {
    let Finished { store, trial, .. } = &finished();
    std::fs::remove_file(store.training_path(trial)).unwrap();
    let status = status(store, trial, &binding());
    assert_eq!(cell_reasons(&status), ["its training is missing: not run yet"]);
}

#[test]
fn results_tell_what_they_were_made_with() {
    let Finished { store, trial, .. } = &finished();
    let trials = std::slice::from_ref(trial);
    assert_eq!(stored_binding(store, trials).unwrap(), Some(binding()));
    let empty = Store::new(store.dir(), "empty");
    assert_eq!(stored_binding(&empty, trials).unwrap(), None);
}

#[test]
fn a_cell_of_an_older_scorer_is_stale_but_can_be_rescored() {
    let Finished { store, trial, .. } = &finished();
    let path = store.cell_path(trial, trial.cells()[0]);
    let mut stored: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    stored["identity"]["scorer"] = 0.into();
    std::fs::write(&path, stored.to_string()).unwrap();
    let reasons = cell_reasons(&status(store, trial, &binding()));
    assert_eq!(reasons, ["the scorer changed from version 0 to 1"]);
    let rescorable = |binding: &Binding| {
        rescorable_statuses(store, std::slice::from_ref(trial), binding).unwrap().remove(0)
    };
    assert!(rescorable(&binding()).cells[0].1.is_done());
    // Anything else that changed still counts.
    let mut other = binding();
    other.prompts.clear();
    assert_eq!(cell_reasons(&rescorable(&other)).len(), 2);
}
