//! Cuts at every step and after every window of answers.

use clsrl_spec::{MethodId, TrialEvent};

use crate::place::{Place, is_step, results, whole};

/// Cuts a trial after every step in turn and after every window of answers, each time with a new model and optimizer, and
/// expects the same weights, step records and answers as of an uncut one.
#[track_caller]
fn check(method: MethodId, lora: bool) {
    let expected = whole(method, lora);
    let n_steps = expected.outcome.steps.len();
    let mut place = Place::new(method, lora);
    let (mut parts, mut n_asked) = (Vec::new(), 0);
    loop {
        let pauses = |event: &TrialEvent| {
            matches!(event, TrialEvent::Trained { .. } | TrialEvent::Evaluated { .. })
        };
        let (seen, is_done) = place.run(pauses);
        let is_answer = |event: &&TrialEvent| matches!(event, TrialEvent::Evaluated { .. });
        n_asked += seen.events.iter().filter(is_answer).count();
        parts.push(seen);
        if is_done {
            break;
        }
        // The last two, each of two files, and answers.
        assert!(place.names().len() <= 2 * 2 + 2, "{:?}", place.names());
    }
    let n_cells = expected.cells.len();
    assert_eq!(n_asked, 3 * n_cells, "{n_cells} cells of three windows are asked once");
    let of_cells: Vec<_> = parts.iter().flat_map(|part| part.cells_resumed_at.clone()).collect();
    assert_eq!(of_cells, vec![vec![8, 16]; n_cells]);
    let record = parts.iter().find_map(|part| part.record.clone()).unwrap();
    let every_step: Vec<usize> = (1..n_steps).collect();
    assert_eq!(record.run.resumed_at, every_step);
    assert_eq!(record.run.steps.len(), n_steps);
    record.check().unwrap();
    assert_eq!(&results(parts), expected);
}

#[test]
fn sft_that_is_cut_after_every_step_learns_the_same() {
    check(MethodId::Sft, false);
}

#[test]
fn sft_of_adapters_that_is_cut_after_every_step_learns_the_same() {
    check(MethodId::Sft, true);
}

#[test]
fn cls_rl_that_is_cut_after_every_step_learns_the_same() {
    check(MethodId::ClsRl, false);
}

#[test]
fn cls_rl_of_adapters_that_is_cut_after_every_step_learns_the_same() {
    check(MethodId::ClsRl, true);
}

#[test]
fn no_thinking_cls_rl_that_is_cut_after_every_step_learns_the_same() {
    check(MethodId::NoThinkingClsRl, false);
}

#[test]
fn no_thinking_cls_rl_of_adapters_that_is_cut_after_every_step_learns_the_same() {
    check(MethodId::NoThinkingClsRl, true);
}

#[test]
fn a_trial_that_trains_nothing_is_cut_after_every_window_of_answers() {
    let mut place = Place::new(MethodId::ZeroShot, false);
    let n_cells = place.job.cells.len();
    let mut parts = Vec::new();
    loop {
        let (seen, is_done) = place.run(|event| matches!(event, TrialEvent::Evaluated { .. }));
        parts.push(seen);
        if is_done {
            break;
        }
    }
    let of_cells: Vec<_> = parts.iter().flat_map(|part| part.cells_resumed_at.clone()).collect();
    assert_eq!(of_cells, vec![vec![8, 16]; n_cells]);
    assert_eq!(&results(parts), whole(MethodId::ZeroShot, false));
}

#[test]
fn a_trial_that_is_killed_goes_on_from_what_it_last_kept() {
    for method in [MethodId::Sft, MethodId::ClsRl] {
        let mut place = Place::new(method, false);
        place.job.saving.every_s = Some(0.0);
        place.run_until_killed(|event| is_step(event, 7));
        let names = place.names();
        assert_eq!(
            names,
            ["step-5.json", "step-5.safetensors", "step-6.json", "step-6.safetensors"]
        );
        // No state is kept while it goes on: it does not ask for it any more.
        place.job.saving.every_s = None;
        let (seen, is_done) = place.run(|_| false);
        assert!(is_done);
        assert_eq!(place.names(), names);
        assert_eq!(seen.record.as_ref().unwrap().run.resumed_at, [6]);
        assert_eq!(&results([seen]), whole(method, false));
    }
}

#[test]
fn a_trial_that_is_asked_to_end_while_it_loads_ends_at_once_and_keeps_nothing() {
    let mut place = Place::new(MethodId::Sft, false);
    let (seen, is_done) = place.run(|event| *event == TrialEvent::Loading);
    assert!(!is_done);
    assert_eq!(seen.events, [TrialEvent::Loading, TrialEvent::Paused]);
    assert!(!place.state().exists() && !place.dir().join("checkpoint").exists());
}

#[test]
fn the_first_step_is_repeated_once_whatever_comes_between() {
    let mut place = Place::new(MethodId::Sft, false);
    place.job.deterministic = true;
    let (_, is_done) = place.run(|event| is_step(event, 3));
    assert!(!is_done);
    let (seen, is_done) = place.run(|_| false);
    assert!(is_done);
    let run = seen.record.unwrap().run;
    assert!(run.repeated_step.is_some_and(|repeated| 0 < repeated.n_tensors));
    assert_eq!(run.resumed_at, [3]);
}

#[test]
fn a_state_that_cannot_be_written_costs_no_training() {
    let mut place = Place::new(MethodId::Sft, false);
    place.job.saving.every_s = Some(0.0);
    // Where the folder would be is a file.
    std::fs::write(place.state(), "").unwrap();
    let (seen, is_done) = place.run(|_| false);
    assert!(is_done);
    let is_refused = |event: &TrialEvent| matches!(event, TrialEvent::NotSaved { .. });
    assert_eq!(seen.events.iter().filter(|event| is_refused(event)).count(), 7 + 2);
    assert_eq!(&results([seen]), whole(MethodId::Sft, false));
}
