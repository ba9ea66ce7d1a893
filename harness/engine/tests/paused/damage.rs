//! What is kept and then damaged is not used.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clsrl_spec::{MethodId, TrialEvent};

use crate::place::{Place, Seen, is_step, results, whole};

/// A trial of SFT whose states after steps 4 and 5 are kept.
fn cut() -> Place {
    let mut place = Place::new(MethodId::Sft, false);
    place.job.saving.every_s = Some(0.0);
    let (_, is_done) = place.run(|event| is_step(event, 5));
    assert!(!is_done);
    place.job.saving.every_s = None;
    place
}

fn reasons(seen: &Seen) -> Vec<&str> {
    let unused = seen.events.iter().filter_map(|event| match event {
        TrialEvent::StateUnused { reason } => Some(reason.as_str()),
        _ => None,
    });
    unused.collect()
}

/// Lets something happen to what a trial kept, and expects that it goes on from there, says why not from elsewhere, and
/// ends as an uncut one.
#[track_caller]
fn check(happen: impl Fn(&Path), expected: (&[usize], &[&str])) {
    let mut place = cut();
    happen(place.state());
    let (seen, is_done) = place.run(|_| false);
    assert!(is_done);
    let (resumed_at, words) = expected;
    let found = reasons(&seen);
    assert_eq!(found.len(), words.len(), "{found:?}");
    for (found, words) in found.iter().zip(words) {
        assert!(found.contains(words), "{found}");
    }
    assert_eq!(seen.record.as_ref().unwrap().run.resumed_at, resumed_at);
    assert_eq!(&results([seen]), whole(MethodId::Sft, false));
}

fn flip(path: PathBuf) {
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 9;
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn cut_short(path: PathBuf) {
    let bytes = fs::read(&path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn edit(path: PathBuf, from: &str, to: &str) {
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {text:.200}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_sound_state_is_used_and_nothing_said() {
    check(|_| (), (&[5], &[]));
}

#[test]
fn tensors_that_are_damaged_are_not_used_and_the_state_before_is() {
    check(|dir| flip(dir.join("step-5.safetensors")), (&[4], &["step-5.safetensors` has SHA-256"]));
    check(|dir| cut_short(dir.join("step-5.safetensors")), (&[4], &["has SHA-256"]));
    check(|dir| fs::write(dir.join("step-5.safetensors"), "").unwrap(), (&[4], &["has SHA-256"]));
    let gone = |dir: &Path| fs::remove_file(dir.join("step-5.safetensors")).unwrap();
    check(gone, (&[4], &["cannot be read"]));
    // Sound, and of another step.
    let other = |dir: &Path| {
        fs::copy(dir.join("step-4.safetensors"), dir.join("step-5.safetensors")).unwrap();
    };
    check(other, (&[4], &["has SHA-256"]));
}

#[test]
fn a_description_that_is_damaged_is_not_used() {
    check(|dir| flip(dir.join("step-5.json")), (&[4], &["step-5.json`: "]));
    check(|dir| cut_short(dir.join("step-5.json")), (&[4], &["it is damaged"]));
    let seal = "it is not what its seal has";
    check(|dir| edit(dir.join("step-5.json"), "\"step\":5", "\"step\":6"), (&[4], &[seal]));
    check(|dir| edit(dir.join("step-5.json"), "\"n_images\":", "\"n_images\":1"), (&[4], &[seal]));
    // The description of another step is none of this one.
    let other = |dir: &Path| {
        fs::copy(dir.join("step-4.json"), dir.join("step-5.json")).unwrap();
    };
    check(other, (&[4], &["expected (1, \"0123456789ab\", 5, 8)"]));
}

#[test]
fn tensors_without_a_description_are_no_state() {
    check(|dir| fs::remove_file(dir.join("step-5.json")).unwrap(), (&[4], &[]));
}

#[test]
fn where_both_states_are_damaged_the_trial_begins_anew() {
    let both = |dir: &Path| {
        flip(dir.join("step-4.safetensors"));
        cut_short(dir.join("step-5.json"));
    };
    check(both, (&[], &["step-5.json", "step-4.safetensors` has SHA-256"]));
}

#[test]
fn a_state_of_another_training_is_not_used() {
    let mut place = cut();
    place.job.saving.training_id = "ba9876543210".to_owned();
    let (seen, is_done) = place.run(|_| false);
    assert!(is_done);
    assert_eq!(reasons(&seen).len(), 2, "{:?}", reasons(&seen));
    assert!(seen.record.unwrap().run.resumed_at.is_empty());
}

/// A trial of SFT that has answered about 8 of the 20 images of its cell.
fn cut_in_its_cell() -> Place {
    let mut place = Place::new(MethodId::Sft, false);
    let (_, is_done) = place.run(|event| matches!(event, TrialEvent::Evaluated { .. }));
    assert!(!is_done);
    assert_eq!(place.names(), ["dtd.direct.answers.jsonl"]);
    place
}

#[track_caller]
fn check_answers(happen: impl Fn(&mut Place, PathBuf), expected: (&[usize], &[&str])) {
    let mut place = cut_in_its_cell();
    let record = place.job.trained.clone();
    let path = place.state().join("dtd.direct.answers.jsonl");
    happen(&mut place, path);
    let (mut seen, is_done) = place.run(|_| false);
    assert!(is_done);
    let (resumed_at, words) = expected;
    let found = reasons(&seen);
    assert_eq!(found.len(), words.len(), "{found:?}");
    for (found, words) in found.iter().zip(words) {
        assert!(found.contains(words), "{found}");
    }
    assert_eq!(seen.cells_resumed_at, [resumed_at]);
    seen.record = record;
    assert_eq!(&results([seen]), whole(MethodId::Sft, false));
}

#[test]
fn answers_that_are_sound_are_used_and_others_are_asked_again() {
    check_answers(|_, _| (), (&[8], &[]));
    check_answers(|_, path| flip(path), (&[], &["its answers are not what its seal has"]));
    check_answers(|_, path| cut_short(path), (&[], &["its answers are not what its seal has"]));
    check_answers(|_, path| fs::write(path, "").unwrap(), (&[], &["it has no whole line"]));
    let edited = |_: &mut Place, path| edit(path, "\"n_choices\":64", "\"n_choices\":65");
    check_answers(edited, (&[], &["it is not what its seal has"]));
    // Those of other settings are nobody's damage.
    let other = |place: &mut Place, _| place.job.saving.cell_ids = vec!["other".to_owned()];
    check_answers(other, (&[], &[]));
}

#[test]
fn answers_about_other_images_are_not_used() {
    let mut place = cut_in_its_cell();
    // Four answers fewer are wanted than were kept.
    place.job.trial.evaluation.limit = Some(4);
    let (seen, is_done) = place.run(|_| false);
    assert!(is_done);
    assert_eq!(seen.cells_resumed_at, [[0_usize; 0]]);
    assert!(reasons(&seen)[0].contains("about other images"), "{:?}", reasons(&seen));
}
