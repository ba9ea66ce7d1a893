//! How the middle of a trial goes from attempt to attempt.

use std::collections::BTreeMap;

use clsrl_spec::training_identity;

use super::*;
use crate::made::{binding, trained_trial};

struct Place {
    dir: tempfile::TempDir,
    trial: Trial,
    identity: Identity,
}

fn place() -> Place {
    let trial = trained_trial();
    let identity = training_identity(&trial, &binding());
    Place { dir: tempfile::tempdir().unwrap(), trial, identity }
}

impl Place {
    /// Another process.
    fn store(&self) -> Store {
        Store::new(self.dir.path(), "smoke")
    }

    /// Begins an attempt.
    fn begin(&self) -> (Store, PathBuf) {
        let store = self.store();
        store.take_over_state(&self.trial, &self.identity).unwrap();
        store.prepare(&self.trial, None).unwrap();
        let dir = store.own_state_dir(&self.trial, &self.identity);
        (store, dir)
    }

    fn kept(&self) -> PathBuf {
        self.store().trial_dir(&self.trial).join(FOLDER).join(self.identity.id())
    }
}

fn write(dir: &Path, name: &str, text: &str) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(name), text).unwrap();
}

/// Keeps a whole state, whose files say who made it.
fn keep(dir: &Path, step: usize, who: &str) {
    write(dir, &format!("step-{step}.safetensors"), who);
    write(dir, &format!("step-{step}.json"), who);
}

/// The files of a folder with what they say.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let text = |name: String| (name.clone(), fs::read_to_string(dir.join(name)).unwrap());
    names_in(dir).into_iter().map(text).collect()
}

fn names(steps: &[usize]) -> Vec<String> {
    let of = |step: &usize| ["json", "safetensors"].map(|end| format!("step-{step}.{end}"));
    steps.iter().flat_map(of).collect()
}

#[test]
fn what_an_attempt_leaves_the_next_one_has_and_neither_harms_the_other() {
    let place = place();
    let (first, dir) = place.begin();
    assert_eq!(names_in(&dir), names(&[]));
    keep(&dir, 4, "first");
    keep(&dir, 5, "first");
    write(&dir, "dtd.direct.answers.jsonl", "8 answers");
    first.leave_attempt(&place.trial).unwrap();
    assert!(!first.attempt_dir(&place.trial).exists());
    let left = files(&place.kept());
    assert_eq!(left.len(), 5);
    let (second, dir) = place.begin();
    assert_eq!(files(&dir), left);
    // It is replaced as the engine does it, and not written over.
    fs::remove_file(dir.join("step-4.json")).unwrap();
    fs::remove_file(dir.join("step-4.safetensors")).unwrap();
    keep(&dir, 6, "second");
    assert_eq!(files(&place.kept()), left);
    second.leave_attempt(&place.trial).unwrap();
    let steps: Vec<String> =
        names_in(&place.kept()).into_iter().filter(|name| name.starts_with(STEP)).collect();
    assert_eq!(steps, names(&[5, 6]));
}

#[test]
fn what_an_attempt_that_was_killed_has_kept_is_taken_over() {
    let place = place();
    let (_killed, dir) = place.begin();
    keep(&dir, 7, "killed");
    // In the middle of writing: no state yet.
    write(&dir, "step-8.safetensors", "half");
    write(&dir, ".step-9.json.tmp", "half");
    let (_next, dir) = place.begin();
    assert_eq!(names_in(&dir), names(&[7]));
}

#[test]
fn of_many_states_the_newest_two_that_are_whole_are_taken_over() {
    let place = place();
    for (who, steps) in [("one", [2, 9]), ("two", [8, 10])] {
        let store = place.store();
        let dir = store.own_state_dir(&place.trial, &place.identity);
        steps.into_iter().for_each(|step| keep(&dir, step, who));
    }
    let (_next, dir) = place.begin();
    assert_eq!(
        names_in(&dir),
        ["step-10.json", "step-10.safetensors", "step-9.json", "step-9.safetensors"]
    );
    // Whoever comes last does not take the place of more work.
    let late = place.store();
    keep(&late.own_state_dir(&place.trial, &place.identity), 11, "late");
    late.leave_attempt(&place.trial).unwrap();
    let slow = place.store();
    keep(&slow.own_state_dir(&place.trial, &place.identity), 3, "slow");
    slow.leave_attempt(&place.trial).unwrap();
    assert!(files(&place.kept()).contains_key("step-11.json"));
}

#[test]
fn more_answers_take_the_place_of_fewer() {
    let place = place();
    let name = "dtd.direct.answers.jsonl";
    for text in ["8 answers", "16 answers and more", "none"] {
        let store = place.store();
        write(&store.own_state_dir(&place.trial, &place.identity), name, text);
        store.leave_attempt(&place.trial).unwrap();
    }
    assert_eq!(files(&place.kept())[name], "16 answers and more");
}

#[test]
fn the_middle_of_another_training_is_neither_taken_over_nor_kept_for_ever() {
    let place = place();
    let other = Trial { seed: 2, ..place.trial.clone() };
    let other = training_identity(&other, &binding());
    let store = place.store();
    keep(&store.own_state_dir(&place.trial, &other), 5, "other");
    store.leave_attempt(&place.trial).unwrap();
    let (next, dir) = place.begin();
    assert_eq!(names_in(&dir), names(&[]));
    keep(&dir, 1, "this");
    next.leave_attempt(&place.trial).unwrap();
    let left = folders_in(&next.trial_dir(&place.trial).join(FOLDER));
    assert_eq!(left, [place.kept()]);
}

#[test]
fn a_fine_tune_that_is_done_leaves_no_states_and_a_trial_that_is_done_nothing() {
    let place = place();
    let store = place.store();
    keep(&store.own_state_dir(&place.trial, &place.identity), 5, "first");
    store.leave_attempt(&place.trial).unwrap();
    let (next, dir) = place.begin();
    write(&dir, "dtd.direct.answers.jsonl", "8 answers");
    next.forget_states(&place.trial).unwrap();
    assert_eq!(names_in(&dir), ["dtd.direct.answers.jsonl"]);
    assert_eq!(names_in(&place.kept()), names(&[]));
    next.end_attempt(&place.trial, false).unwrap();
    assert!(!next.trial_dir(&place.trial).join(FOLDER).exists());
    // Of a trial that somebody else ended.
    keep(&place.kept(), 5, "late");
    next.sweep([&place.trial]).unwrap();
    assert!(!next.trial_dir(&place.trial).join(FOLDER).exists());
}
