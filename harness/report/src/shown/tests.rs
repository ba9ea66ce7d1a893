//! The choice of samples.

use std::collections::BTreeSet;

use clsrl_spec::{DatasetId, MethodId};

use super::*;
use crate::made::{Grid, all_results, predictions};

fn made() -> Vec<TrialResults> {
    let datasets = &[DatasetId::Dtd, DatasetId::Eurosat];
    let methods = &[MethodId::ZeroShot, MethodId::Sft];
    all_results(&Grid { methods, datasets, shots: &[4], seeds: &[1] }.plan())
}

/// What is shown of all made-up samples, at most so many.
fn shown(results: &[TrialResults], max_samples: usize) -> ShownSamples {
    let mut shown = ShownSamples::at_most(max_samples);
    for results in results {
        for (_, record) in &results.cells {
            shown.offer(results, record.outcome.cell, &predictions(record));
        }
    }
    shown
}

/// Trial, cell and image of every sample that is shown.
fn names(shown: &ShownSamples) -> BTreeSet<(String, String, usize)> {
    let name = |(cell, prediction): (usize, &Prediction)| {
        let SampledCell { trial, key, .. } = &shown.cells()[cell];
        (trial.clone(), key.to_string(), prediction.index)
    };
    shown.rows().into_iter().map(name).collect()
}

fn n_differing(shown: &ShownSamples) -> usize {
    let rows = shown.rows().into_iter();
    rows.filter(|(_, row)| row.correct_published != row.correct_strict).count()
}

#[test]
fn up_to_the_bound_all_are_shown_in_their_order() {
    let shown = shown(&made(), 5000);
    // Three trials, two of them with two cells and zero-shot with four, of 48 images each.
    assert_eq!(shown.describe(), "All 384 samples are here; of 24 the two verdicts differ.");
    let rows = shown.rows();
    let order: Vec<(usize, usize)> = rows.iter().map(|(cell, row)| (*cell, row.index)).collect();
    let expected: Vec<_> = (0..8).flat_map(|cell| (0..48).map(move |row| (cell, row))).collect();
    assert_eq!(order, expected);
}

#[test]
fn of_more_those_come_first_whose_verdicts_differ() {
    let shown = shown(&made(), 60);
    assert_eq!((shown.n_shown(), n_differing(&shown)), (60, 24));
    let text = "60 of 384 samples are here: all 24 whose two verdicts differ, and others drawn with the seed \
                1. The frame of samples has all.";
    assert_eq!(shown.describe(), text);
}

#[test]
fn more_differing_ones_than_fit_are_said_to_be_a_part() {
    let shown = shown(&made(), 10);
    assert_eq!((shown.n_shown(), n_differing(&shown)), (10, 10));
    assert!(shown.describe().contains("of the 24 whose two verdicts differ as many as fit"));
}

#[test]
fn the_choice_does_not_depend_on_the_order_of_the_input() {
    let mut results = made();
    let forward = shown(&results, 60);
    results.reverse();
    results.iter_mut().for_each(|results| results.cells.reverse());
    let backward = shown(&results, 60);
    assert_eq!(names(&forward), names(&backward));
    assert_eq!(names(&forward).len(), 60);
}

#[test]
fn a_larger_bound_only_adds() {
    let results = made();
    let (few, many) = (names(&shown(&results, 60)), names(&shown(&results, 200)));
    assert!(few.is_subset(&many) && many.len() == 200);
}

#[test]
fn an_image_is_named_once_and_that_of_differing_verdicts_first() {
    let shown = shown(&made(), 5000);
    let images = shown.images();
    assert_eq!(images.len(), 96);
    let differing: BTreeSet<&String> = shown
        .rows()
        .into_iter()
        .filter(|(_, row)| row.correct_published != row.correct_strict)
        .map(|(_, row)| &row.image)
        .collect();
    assert!(images[..differing.len()].iter().all(|image| differing.contains(&image.image)));
}
