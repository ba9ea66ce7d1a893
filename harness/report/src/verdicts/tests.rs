//! Verdicts of made-up cells.

use clsrl_spec::{DatasetId, MethodId, ParseStatus, Prediction};

use super::*;
use crate::{
    TrialResults,
    baseline::SavedKey,
    made::{Grid, all_results, predictions, read},
    summary::Score,
};

const GRID: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::Sft],
    datasets: &[DatasetId::Dtd],
    shots: &[4],
    seeds: &[1],
};

fn first() -> (TrialResults, Vec<Prediction>) {
    let results = all_results(&GRID.plan()).remove(0);
    let predictions = predictions(&results.cells[0].1);
    (results, predictions)
}

#[test]
fn verdicts_and_parse_statuses_of_a_cell_are_those_of_its_predictions() {
    let (results, mut predictions) = first();
    let outcome = &results.cells[0].1.outcome;
    predictions.reverse();
    let cell = CellVerdicts::of(&Answered::all(outcome, &predictions).unwrap());
    let right = |score| cell.of_score(score).unwrap().n_right();
    assert_eq!(right(Score::Published), outcome.n_correct_published);
    assert_eq!(right(Score::Strict), outcome.n_correct_strict);
    let ok = cell.parsed(ParseStatus::Ok);
    assert_eq!((ok.n, ok.n_strict), (outcome.n_correct_strict, outcome.n_correct_strict));
    let off_list = cell.parsed(ParseStatus::OffList);
    assert_eq!((off_list.n, off_list.n_published), (outcome.n - ok.n, 3));
    assert_eq!(
        ParseStatus::ALL.map(|status| cell.parsed(status).n).iter().sum::<usize>(),
        outcome.n
    );
}

#[test]
fn every_parse_status_has_a_place_of_its_own() {
    let places = ParseStatus::ALL.map(|status| status as usize);
    assert_eq!(places, [0, 1, 2, 3, 4]);
}

#[test]
fn a_cell_without_images_has_no_verdicts() {
    let (results, _) = first();
    let mut outcome = results.cells[0].1.outcome.clone();
    (outcome.n, outcome.n_correct_published, outcome.n_correct_strict) = (0, 0, 0);
    let cell = CellVerdicts::of(&Answered::all(&outcome, &[]).unwrap());
    assert!(cell.of_score(Score::Published).is_none());
}

#[test]
fn cells_about_the_same_images_share_their_list_and_unreadable_ones_are_told() {
    let results = all_results(&GRID.plan());
    let mut reader = |trial: &clsrl_spec::Trial, cell: clsrl_spec::CellKey| match trial.method {
        MethodId::Sft => Err("they are gone".to_owned()),
        _ => read(&results, trial, cell),
    };
    let (verdicts, left_out) = SuiteVerdicts::read(&results, &mut reader);
    assert_eq!((left_out.len(), left_out[0].reason.as_str()), (1, "they are gone"));
    let of = |results: &TrialResults, at: usize| {
        verdicts.of(SavedKey::of(&results.trial, results.cells[at].1.outcome.cell))
    };
    let (one, other) = (of(&results[0], 0).unwrap(), of(&results[0], 1).unwrap());
    assert!(std::sync::Arc::ptr_eq(&one.images, &other.images));
    assert!(of(&results[1], 0).is_none());
}
