//! Whether predictions are those that a cell's record counts.

use std::collections::BTreeSet;

use clsrl_spec::{CellOutcome, Prediction};

/// Tells in what predictions and record contradict each other: another number of them, an image answered
/// twice, other verdicts.
pub(crate) fn check(outcome: &CellOutcome, predictions: &[Prediction]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = predictions.iter().find(|prediction| !seen.insert(prediction.index)) {
        return Err(format!("its predictions answer image {} twice", twice.index));
    }
    let n_where =
        |holds: fn(&Prediction) -> bool| predictions.iter().filter(|row| holds(row)).count();
    let counts = [
        ("predictions", predictions.len(), outcome.n),
        (
            "correct ones by the published score",
            n_where(|row| row.correct_published),
            outcome.n_correct_published,
        ),
        (
            "correct ones by the strict score",
            n_where(|row| row.correct_strict),
            outcome.n_correct_strict,
        ),
    ];
    match counts.into_iter().find(|(_, found, expected)| found != expected) {
        None => Ok(()),
        Some((what, found, expected)) => {
            Err(format!("it has {found} {what}, its record counts {expected}"))
        }
    }
}
