//! Several results folders become one: those of shards, or of machines that share no disk.
//!
//! A trial comes from one fine-tune, whole, or not at all. What two folders have of the same identity must have the same
//! outcome; everything else is a conflict, and a conflict leaves the trial as it is in the folder that is merged into.

use std::{collections::BTreeMap, path::Path};

use clsrl_spec::{CellKey, CellRecord, TrainingRecord, Trial, differing_fields, sealed_digest};
use serde::Serialize;

use crate::{NOT_RUN, Store, StoreError, Stored, Verified};

/// What a merge did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Fine-tunes that came new.
    pub n_fine_tunes: usize,
    /// Cells that came new.
    pub n_cells: usize,
    /// Fine-tunes and cells that were there already.
    pub n_known: usize,
    /// Trials that do not agree.
    pub conflicts: Vec<Conflict>,
    /// Records that count for nothing, and why.
    pub left_out: Vec<String>,
    /// Cells of all trials.
    pub n_cells_wanted: usize,
    /// Those of them that are there now.
    pub n_cells_there: usize,
}

/// A trial of which folders have different results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The trial's readable name.
    pub trial: String,
    /// What differs, and between which folders.
    pub reason: String,
    /// Whether they were made from other inputs, instead of with another outcome from the same.
    pub is_of_inputs: bool,
    /// Whether the first folder's results were taken all the same.
    pub is_settled: bool,
}

/// What one folder has of a trial.
struct Part<'a> {
    store: &'a Store,
    training: Box<Verified<TrainingRecord>>,
    cells: BTreeMap<CellKey, Box<Verified<CellRecord>>>,
}

/// Merges what these folders have of the trials into one. With `prefer_first` the first folder that has a trial wins a
/// conflict, with all that it has of it; the folder that is merged into is always the first.
pub fn merge(
    from: &[Store],
    into: &Store,
    trials: &[Trial],
    prefer_first: bool,
) -> Result<Merged, StoreError> {
    let mut merged = Merged::default();
    for trial in trials {
        let mut parts = Vec::new();
        for store in [into].into_iter().chain(from) {
            parts.extend(read_part(store, trial, &mut merged.left_out)?);
        }
        let found = parts.iter().enumerate().find_map(|(at, part)| {
            let earlier = &parts[..at];
            earlier.iter().find_map(|first| conflict(trial, first, part))
        });
        if let Some(found) = found {
            merged.conflicts.push(Conflict { is_settled: prefer_first, ..found });
            if !prefer_first {
                continue;
            }
            parts.truncate(1);
        }
        for part in &parts {
            take(part, into, trial, &mut merged)?;
        }
    }
    for trial in trials {
        // What lies there now is read again, by the same door as ever.
        let there = read_part(into, trial, &mut Vec::new())?;
        merged.n_cells_wanted += trial.cells().len();
        merged.n_cells_there += there.map_or(0, |part| part.cells.len());
    }
    Ok(merged)
}

fn read_part<'a>(
    store: &'a Store,
    trial: &Trial,
    left_out: &mut Vec<String>,
) -> Result<Option<Part<'a>>, StoreError> {
    let mut note = |path: &Path, reason: &str| {
        if reason != NOT_RUN {
            left_out.push(format!("`{}`: {reason}", path.display()));
        }
    };
    let training = match store.read_training(trial)? {
        Stored::Present(training) => Some(training),
        Stored::Missing(reason) => {
            note(&store.training_path(trial), &reason);
            None
        }
    };
    let mut cells = BTreeMap::new();
    for cell in trial.cells() {
        let path = store.cell_path(trial, cell);
        match (store.read_cell(trial, cell)?, &training) {
            (Stored::Missing(reason), _) => note(&path, &reason),
            (Stored::Present(_), None) => note(&path, "the record of its fine-tune is missing"),
            (Stored::Present(found), Some(training)) => {
                let weights = &training.record.outcome.weights_digest;
                match &found.record.outcome.weights_digest {
                    Some(digest) if digest != weights => {
                        note(&path, "other weights answered than its fine-tune's");
                    }
                    _ => drop(cells.insert(cell, found)),
                }
            }
        }
    }
    Ok(training.map(|training| Part { store, training, cells }))
}

/// What two folders do not agree in, if anything.
fn conflict(trial: &Trial, one: &Part<'_>, other: &Part<'_>) -> Option<Conflict> {
    let places = format!("`{}` and `{}`", one.store.dir().display(), other.store.dir().display());
    let of = |reason: String, is_of_inputs: bool| Conflict {
        trial: trial.key(),
        reason,
        is_of_inputs,
        is_settled: false,
    };
    let weights = |part: &Part<'_>| part.training.record.outcome.weights_digest.clone();
    if let Some(fields) = other_inputs(&one.training, &other.training) {
        return Some(of(format!("{places} differ in {fields} of its fine-tune"), true));
    }
    if outcome(&one.training.record) != outcome(&other.training.record) {
        let (a, b) = (weights(one), weights(other));
        return Some(of(format!("{places} have other fine-tunes: weights {a} and {b}"), false));
    }
    one.cells.iter().find_map(|(cell, a)| {
        let b = other.cells.get(cell)?;
        if let Some(fields) = other_inputs(a, b) {
            return Some(of(format!("{places} differ in {fields} of `{cell}`"), true));
        }
        let is_same =
            outcome(&a.record) == outcome(&b.record) && a.answers_digest() == b.answers_digest();
        (!is_same).then(|| of(format!("{places} have other answers of `{cell}`"), false))
    })
}

fn other_inputs<R>(one: &Verified<R>, other: &Verified<R>) -> Option<String> {
    let is_same = one.identity == other.identity;
    (!is_same).then(|| differing_fields(one.identity.json(), other.identity.json()).join(", "))
}

fn outcome(record: &impl Serialize) -> String {
    let record = serde_json::to_value(record).expect("a record is plain data");
    sealed_digest(&record["outcome"])
}

/// Brings a part that agrees with what is there: the fine-tune first, predictions before their record.
fn take(
    part: &Part<'_>,
    into: &Store,
    trial: &Trial,
    merged: &mut Merged,
) -> Result<(), StoreError> {
    if part.store.dir() == into.dir() {
        return Ok(());
    }
    let mut count = |is_new: bool, n_new: &mut usize| match is_new {
        true => *n_new += 1,
        false => merged.n_known += 1,
    };
    count(into.bring_training(part.store, trial)?, &mut merged.n_fine_tunes);
    for cell in part.cells.values() {
        count(into.bring_cell(part.store, trial, cell)?, &mut merged.n_cells);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
