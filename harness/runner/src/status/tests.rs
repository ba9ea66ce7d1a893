//! States over a results folder that holds a finished trial.

use super::*;
use crate::made::{binding, cell_record, predictions, trained_trial, training_record};

struct Finished {
    _dir: tempfile::TempDir,
    store: Store,
    trial: Trial,
}

fn finished() -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path(), "smoke");
    let trial = trained_trial();
    store.prepare(&trial, None).unwrap();
    let identity = training_identity(&trial, &binding());
    store.write_training(&trial, &identity, &training_record("w")).unwrap();
    for cell in trial.cells() {
        let identity = cell_identity(&trial, cell, &binding());
        store.write_cell(&trial, &identity, &cell_record(&trial, cell), &predictions()).unwrap();
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
fn a_replaced_test_image_makes_the_cells_stale_and_not_the_training() {
    let Finished { store, trial, .. } = &finished();
    let mut other = binding();
    other.data.insert(clsrl_spec::DatasetId::Dtd, "other".to_owned());
    let status = status(store, trial, &other);
    assert!(status.training.is_done());
    assert_eq!(cell_reasons(&status), ["the target's data changed"]);
}

#[test]
fn a_fine_tune_of_earlier_programs_stays_done_as_long_as_nothing_of_its_dataset_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, trial) = (Store::new(dir.path(), "smoke"), trained_trial());
    let trials = std::slice::from_ref(&trial);
    let mut earlier = binding();
    earlier.earlier.insert(trial.key());
    store.prepare(&trial, None).unwrap();
    let identity = training_identity(&trial, &earlier);
    store.write_training(&trial, &identity, &training_record("w")).unwrap();
    for cell in trial.cells() {
        let identity = cell_identity(&trial, cell, &earlier);
        store.write_cell(&trial, &identity, &cell_record(&trial, cell), &predictions()).unwrap();
    }
    let now = |binding: &Binding| {
        let binding = keep_earlier(&store, trials, binding).unwrap();
        status(&store, &trial, &binding)
    };
    let kept = now(&binding());
    assert!(kept.training.is_done() && kept.cells.iter().all(|(_, state)| state.is_done()));
    // A report that is given no data finds them as well, and takes them for nothing else.
    let stored = stored_binding(&store, trials).unwrap().unwrap();
    assert!(stored.earlier.contains(&trial.key()) && stored.training_data.is_empty());
    assert!(status(&store, &trial, &stored).training.is_done());
    let mut other = binding();
    other.data.insert(clsrl_spec::DatasetId::Dtd, "other".to_owned());
    let stale = now(&other);
    assert_eq!(stale.training.word(), "stale");
    let reason = "its identity has all data of the dataset that it is trained on, and that changed";
    assert!(stale.training.reasons().iter().any(|message| message == reason));
}

#[test]
fn a_cell_of_an_older_scorer_is_stale_but_can_be_rescored() {
    let Finished { store, trial, .. } = &finished();
    let cell = trial.cells()[0];
    let mut identity = serde_json::to_value(cell_identity(trial, cell, &binding())).unwrap();
    identity["scorer"] = 0.into();
    let identity: Identity = serde_json::from_value(identity).unwrap();
    store.write_cell(trial, &identity, &cell_record(trial, cell), &predictions()).unwrap();
    let reasons = cell_reasons(&status(store, trial, &binding()));
    assert_eq!(reasons, ["the scorer changed from version 0 to 1"]);
    let rescorable = |binding: &Binding| {
        rescorable_statuses(store, std::slice::from_ref(trial), binding).unwrap().remove(0)
    };
    assert!(rescorable(&binding()).cells[0].1.is_done());
    assert_eq!(find_replaced(&[status(store, trial, &binding())]), [], "its answers stay the same");
    // Anything else that changed still counts.
    let mut other = binding();
    other.prompts.clear();
    assert_eq!(cell_reasons(&rescorable(&other)).len(), 2);
}

#[test]
fn what_a_run_would_write_over_is_told_by_reason() {
    let Finished { store, trial, .. } = &finished();
    let reasons = |binding: &Binding| find_replaced(&[status(store, trial, binding)]);
    assert_eq!(reasons(&binding()), []);
    let other = Binding { base_weights: "other".to_owned(), ..binding() };
    let n_cells = trial.cells().len();
    let group = Replaced { n_fine_tunes: 1, n_cells, trials: vec![trial.key()] };
    assert_eq!(reasons(&other), [(vec!["the base weights changed".to_owned()], group)]);
    // What is missing or damaged is no finished result.
    std::fs::write(store.training_path(trial), "{").unwrap();
    assert_eq!(reasons(&other), []);
}

#[test]
fn kept_weights_of_another_fine_tune_are_a_finished_result() {
    let Finished { store, trial, .. } = &finished();
    std::fs::create_dir(store.own_checkpoint_dir(trial)).unwrap();
    let identity = training_identity(trial, &binding());
    store.write_training(trial, &identity, &training_record("w")).unwrap();
    store.leave_attempt(trial).unwrap();
    std::fs::remove_file(store.training_path(trial)).unwrap();
    let reasons = |binding: &Binding| find_replaced(&[status(store, trial, binding)]);
    assert_eq!(reasons(&binding()), [], "they are made again as they are");
    let other = Binding { base_weights: "other".to_owned(), ..binding() };
    let [(reasons, group)] = &reasons(&other)[..] else { panic!("{:?}", reasons(&other)) };
    assert_eq!(reasons, &["the kept weights are of another fine-tune"]);
    assert_eq!((group.n_fine_tunes, group.n_cells), (1, 0));
}

#[test]
fn a_cell_counts_only_beside_the_fine_tune_of_its_weights() {
    let Finished { store, trial, .. } = &finished();
    let identity = training_identity(trial, &binding());
    store.write_training(trial, &identity, &training_record("others")).unwrap();
    let status = status(store, trial, &binding());
    assert!(status.training.is_done());
    let reasons = cell_reasons(&status);
    assert!(reasons[0].ends_with("is of weights w, its fine-tune's of others"), "{reasons:?}");
}

#[test]
fn a_long_reason_is_cut() {
    let long = "é".repeat(70_000);
    let message = shorten(long.clone());
    assert_eq!(message.chars().count(), MAX_REASON + 1);
    assert_eq!(shorten("short".to_owned()), "short");
}
