//! The cells' frame.

use std::collections::BTreeSet;

use clsrl_spec::{CellOutcome, CellRecord, Place, StepRecord, TrainingRun};
use polars::prelude::{Column, DataFrame};

use super::columns::{count, floats, numbers, seeds, texts, truths};
use crate::{CellProvenance, Provenance, ReportError, TrialResults};

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
    let rows = rows(results)?;
    let columns =
        [axes(&rows), scores(&rows), training(&rows), run(&rows), provenance(&rows)].concat();
    Ok(DataFrame::new(rows.len(), columns)?)
}

/// All finished cells in table order, checked, each with its trial and its id.
pub(super) fn table_order(
    results: &[TrialResults],
) -> Result<Vec<(&TrialResults, &str, &CellRecord)>, ReportError> {
    Ok(rows(results)?.into_iter().map(|row| (row.results, row.cell_id, row.record)).collect())
}

fn rows(results: &[TrialResults]) -> Result<Vec<Row<'_>>, ReportError> {
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
    Ok(rows)
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
    let split = |row: &Row<'_>| row.results.split(row.record.outcome.cell.target);
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
        truths("synthetic", rows, |row| Some(row.record.outcome.synthetic)),
        truths("locked", rows, |row| Some(row.record.outcome.locked)),
        truths("standard_lists", rows, |row| Some(row.record.outcome.standard_lists)),
        truths("limited", rows, |row| Some(row.record.outcome.n < row.record.outcome.n_split)),
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
        floats("train_gpu_s", rows, |row| {
            let TrainingRun { seconds, place, .. } = &row.results.training.run;
            on_gpu(place).then_some(seconds.load + seconds.rollout + seconds.update)
        }),
        numbers("train_images", rows, |row| {
            Some(busy_count(&row.results.training.run, |run| run.images_per_second))
        }),
        numbers("train_tokens", rows, |row| {
            Some(busy_count(&row.results.training.run, |run| run.tokens_per_second))
        }),
    ]
}

/// What went through a training, from its rate; the record keeps rates alone, and a rate is a whole
/// number divided by seconds, so that rounding gives the number back.
fn busy_count(run: &TrainingRun, per_second: fn(&TrainingRun) -> f64) -> i64 {
    (per_second(run) * (run.seconds.rollout + run.seconds.update)).round() as i64
}

/// A trial has one device, so that its seconds on a GPU are GPU-seconds.
fn on_gpu(place: &Place) -> bool {
    place.device.starts_with("cuda")
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
        floats("evaluate_gpu_s", rows, |row| {
            on_gpu(&row.record.run.place).then_some(row.record.run.evaluate_seconds)
        }),
        numbers("evaluate_tokens", rows, |row| {
            let CellOutcome { n, mean_tokens, .. } = row.record.outcome;
            Some(if n == 0 { 0 } else { (mean_tokens * n as f64).round() as i64 })
        }),
    ]
}

fn provenance(rows: &[Row<'_>]) -> Vec<Column> {
    let of_training = |name: &str, value: fn(&Provenance) -> Option<&String>| {
        texts(name, rows, |row| value(&row.results.provenance).cloned())
    };
    let of_cell = |name: &str, value: fn(&CellProvenance) -> Option<&String>| {
        texts(name, rows, |row| value(row.results.of_cell(row.record.outcome.cell)?).cloned())
    };
    vec![
        of_training("base_weights_digest", |made| Some(&made.base_weights)),
        of_cell("data_digest", |made| made.data.as_ref()),
        of_cell("prompts_digest", |made| made.prompts.as_ref()),
        of_training("train_data_digest", |made| made.train_data.as_ref()),
        of_training("picks_digest", |made| made.picks.as_ref()),
        of_training("train_prompts_digest", |made| made.train_prompts.as_ref()),
        of_training("device_kind", |made| Some(&made.device_kind)),
        of_training("precision", |made| Some(&made.precision)),
        numbers("scorer_version", rows, |row| {
            row.results.of_cell(row.record.outcome.cell).map(|made| i64::from(made.scorer_version))
        }),
        truths("rescored", rows, |row| Some(row.results.provenance.rescored)),
    ]
}
