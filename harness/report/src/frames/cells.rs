//! The cells' frame.

use std::collections::BTreeSet;

use clsrl_spec::{CellOutcome, CellRecord, StepRecord};
use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use crate::{ReportError, TrialResults};

/// The version of the cells' frame, in its column `schema_version`.
const SCHEMA_VERSION: i64 = 2;

/// One cell with the trial it belongs to.
struct Row<'a> {
    results: &'a TrialResults,
    cell_id: &'a str,
    record: &'a CellRecord,
}

/// Makes the cells' frame: one row per finished cell, in table order whatever the order of the input.
pub fn cells_frame(results: &[TrialResults]) -> Result<DataFrame, ReportError> {
    let mut rows = Vec::new();
    for results in results {
        for (cell_id, record) in &results.cells {
            check(results, &record.outcome)?;
            rows.push(Row { results, cell_id, record });
        }
    }
    rows.sort_by_key(|row| key(&row.record.outcome));
    let mut seen = BTreeSet::new();
    for row in &rows {
        let outcome = &row.record.outcome;
        if !seen.insert(key(outcome)) {
            let (trial, cell) = (row.results.trial.key(), outcome.cell.to_string());
            return Err(ReportError::DuplicateCell { trial, cell });
        }
    }
    let columns = [axes(&rows), scores(&rows), training(&rows), run(&rows)].concat();
    Ok(DataFrame::new(rows.len(), columns)?)
}

fn key(outcome: &CellOutcome) -> impl Ord + use<> {
    let CellOutcome { method, train_on, shots, seed, cell, .. } = outcome;
    (*method, *train_on, *shots, *seed, *cell)
}

fn check(results: &TrialResults, outcome: &CellOutcome) -> Result<(), ReportError> {
    let mut trial = results.trial.clone();
    (trial.method, trial.train_on) = (outcome.method, outcome.train_on);
    (trial.shots, trial.seed) = (outcome.shots, outcome.seed);
    if trial != results.trial {
        return Err(ReportError::WrongTrial { expected: results.trial.key(), found: trial.key() });
    }
    let counts = [
        ("n", outcome.n, outcome.n_split),
        ("n_correct_published", outcome.n_correct_published, outcome.n),
        ("n_correct_strict", outcome.n_correct_strict, outcome.n),
        ("n_truncated", outcome.n_truncated, outcome.n),
        ("n_untagged", outcome.n_untagged, outcome.n),
    ];
    for (what, found, at_most) in counts {
        if at_most < found {
            let (trial, cell) = (results.trial.key(), outcome.cell.to_string());
            return Err(ReportError::CountTooLarge { trial, cell, what, found, at_most });
        }
    }
    Ok(())
}

fn axes(rows: &[Row<'_>]) -> Vec<Column> {
    let split = |row: &Row<'_>| {
        let splits = &row.results.trial.evaluation.splits;
        splits.get(&row.record.outcome.cell.target).map(|split| split.as_str().to_owned())
    };
    vec![
        numbers("schema_version", rows, |_| Some(SCHEMA_VERSION)),
        texts("trial", rows, |row| Some(row.results.trial.key())),
        texts("training_id", rows, |row| Some(row.results.training_id.clone())),
        texts("cell_id", rows, |row| Some(row.cell_id.to_owned())),
        texts("method", rows, |row| Some(row.record.outcome.method.to_string())),
        texts("train_on", rows, |row| row.record.outcome.train_on.map(|id| id.to_string())),
        texts("target", rows, |row| Some(row.record.outcome.cell.target.to_string())),
        texts("form", rows, |row| Some(row.record.outcome.cell.form.to_string())),
        texts("prompt", rows, |row| Some(row.record.outcome.cell.prompt.to_string())),
        texts("split", rows, split),
        numbers("shots", rows, |row| Some(count(row.record.outcome.shots))),
        seeds("seed", rows, |row| row.record.outcome.seed),
        texts("protocol", rows, |row| Some(row.results.trial.protocol.name.clone())),
        truths("synthetic", rows, |row| row.record.outcome.synthetic),
        truths("locked", rows, |row| row.record.outcome.locked),
        truths("standard_lists", rows, |row| row.record.outcome.standard_lists),
        truths("limited", rows, |row| row.record.outcome.n < row.record.outcome.n_split),
    ]
}

fn scores(rows: &[Row<'_>]) -> Vec<Column> {
    let answered = |outcome: &CellOutcome, value: f64| (0 < outcome.n).then_some(value);
    vec![
        numbers("n", rows, |row| Some(count(row.record.outcome.n))),
        numbers("n_split", rows, |row| Some(count(row.record.outcome.n_split))),
        floats("mean_choices", rows, |row| Some(row.record.outcome.mean_choices)),
        floats("chance_pct", rows, |row| {
            let listed = row.record.outcome.mean_choices;
            (0.0 < listed).then_some(100.0 / listed)
        }),
        floats("published_pct", rows, |row| {
            answered(&row.record.outcome, row.record.outcome.published_pct())
        }),
        floats("strict_pct", rows, |row| {
            answered(&row.record.outcome, row.record.outcome.strict_pct())
        }),
        numbers("n_correct_published", rows, |row| {
            Some(count(row.record.outcome.n_correct_published))
        }),
        numbers("n_correct_strict", rows, |row| Some(count(row.record.outcome.n_correct_strict))),
        numbers("n_truncated", rows, |row| Some(count(row.record.outcome.n_truncated))),
        numbers("n_untagged", rows, |row| Some(count(row.record.outcome.n_untagged))),
        floats("mean_tokens", rows, |row| {
            answered(&row.record.outcome, row.record.outcome.mean_tokens)
        }),
    ]
}

fn training(rows: &[Row<'_>]) -> Vec<Column> {
    let steps = |row: &Row<'_>| Some(count(row.results.training.outcome.steps.len()));
    let last = |row: &Row<'_>| row.results.training.outcome.steps.last().cloned();
    let rollout = |step: StepRecord| step.rollout;
    vec![
        numbers("steps", rows, steps),
        floats("final_loss", rows, |row| last(row).map(|step| step.loss)),
        floats("final_reward_mean", rows, |row| Some(last(row).and_then(rollout)?.reward_mean)),
        floats("final_kl", rows, |row| Some(last(row).and_then(rollout)?.kl)),
        floats("load_s", rows, |row| Some(row.results.training.run.seconds.load)),
        floats("rollout_s", rows, |row| Some(row.results.training.run.seconds.rollout)),
        floats("update_s", rows, |row| Some(row.results.training.run.seconds.update)),
        floats("train_s", rows, |row| {
            let seconds = &row.results.training.run.seconds;
            Some(seconds.load + seconds.rollout + seconds.update)
        }),
        floats("train_images_per_second", rows, |row| {
            Some(row.results.training.run.images_per_second)
        }),
        floats("train_tokens_per_second", rows, |row| {
            Some(row.results.training.run.tokens_per_second)
        }),
        numbers("train_peak_memory_bytes", rows, |row| {
            Some(count(row.results.training.run.peak_memory_bytes))
        }),
        texts("weights_digest", rows, |row| {
            Some(row.results.training.outcome.weights_digest.clone())
        }),
    ]
}

fn run(rows: &[Row<'_>]) -> Vec<Column> {
    vec![
        floats("evaluate_s", rows, |row| Some(row.record.run.evaluate_seconds)),
        floats("evaluate_images_per_second", rows, |row| Some(row.record.run.images_per_second)),
        floats("evaluate_tokens_per_second", rows, |row| Some(row.record.run.tokens_per_second)),
        numbers("peak_memory_bytes", rows, |row| Some(count(row.record.run.peak_memory_bytes))),
        texts("commit", rows, |row| Some(row.record.run.place.commit.clone())),
        texts("version", rows, |row| Some(row.record.run.place.version.clone())),
        texts("libtorch", rows, |row| Some(row.record.run.place.libtorch.clone())),
        texts("device", rows, |row| Some(row.record.run.place.device.clone())),
        numbers("threads", rows, |row| Some(count(row.record.run.place.threads))),
        texts("processor", rows, |row| Some(row.record.run.place.processor.clone())),
    ]
}

/// A count as the frames hold it: signed, so that a reader may subtract.
pub(super) fn count(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

pub(super) fn texts<R>(name: &str, rows: &[R], value: impl Fn(&R) -> Option<String>) -> Column {
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<_>>()).into()
}

pub(super) fn numbers<R>(name: &str, rows: &[R], value: impl Fn(&R) -> Option<i64>) -> Column {
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<_>>()).into()
}

/// A float column: what is not finite is null, so that no NaN reaches a reader.
pub(super) fn floats<R>(name: &str, rows: &[R], value: impl Fn(&R) -> Option<f64>) -> Column {
    let finite = |row| value(row).filter(|value| value.is_finite());
    Series::new(name.into(), rows.iter().map(finite).collect::<Vec<_>>()).into()
}

pub(super) fn seeds<R>(name: &str, rows: &[R], value: impl Fn(&R) -> u64) -> Column {
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<_>>()).into()
}

fn truths<R>(name: &str, rows: &[R], value: impl Fn(&R) -> bool) -> Column {
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<_>>()).into()
}
