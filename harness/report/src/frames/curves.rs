//! The training curves' frame.

use clsrl_spec::{RewardId, RolloutRecord, StepRecord, StepSeconds, Training};
use polars::prelude::{Column, DataFrame};

use super::columns::{count, floats, numbers, seeds, texts};
use crate::{ReportError, TrialResults};

/// The version of the curves' frame, in its column `schema_version`.
const SCHEMA_VERSION: i64 = 2;

/// One optimizer step with the trial it belongs to.
struct Row<'a> {
    results: &'a TrialResults,
    step: &'a StepRecord,
    seconds: Option<&'a StepSeconds>,
}

/// Makes the curves' frame: one row per optimizer step, in table order whatever the order of the input.
pub fn curves_frame(results: &[TrialResults]) -> Result<DataFrame, ReportError> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for results in results {
        let seconds = &results.training.run.steps;
        let steps = results.training.outcome.steps.iter().enumerate();
        rows.extend(steps.map(|(idx, step)| Row { results, step, seconds: seconds.get(idx) }));
    }
    rows.sort_by_key(|Row { results: TrialResults { trial, .. }, step, .. }| {
        (trial.method, trial.train_on, trial.shots, trial.seed, step.step)
    });
    Ok(DataFrame::new(rows.len(), [axes(&rows), values(&rows), rewards(&rows)].concat())?)
}

fn axes(rows: &[Row<'_>]) -> Vec<Column> {
    vec![
        numbers("schema_version", rows, |_| Some(SCHEMA_VERSION)),
        texts("trial", rows, |row| Some(row.results.trial.key())),
        texts("training_id", rows, |row| Some(row.results.training_id.clone())),
        texts("method", rows, |row| Some(row.results.trial.method.to_string())),
        texts("train_on", rows, |row| row.results.trial.train_on.map(|id| id.to_string())),
        numbers("shots", rows, |row| Some(count(row.results.trial.shots))),
        seeds("seed", rows, |row| row.results.trial.seed),
        numbers("step", rows, |row| Some(count(row.step.step))),
    ]
}

fn values(rows: &[Row<'_>]) -> Vec<Column> {
    let of_rollout = |name, value: fn(&RolloutRecord) -> Option<f64>| {
        floats(name, rows, |row| row.step.rollout.as_ref().and_then(value))
    };
    let of_clock =
        |name, value: fn(&StepSeconds) -> f64| floats(name, rows, |row| row.seconds.map(value));
    vec![
        floats("loss", rows, |row| Some(row.step.loss)),
        floats("grad_norm", rows, |row| Some(row.step.grad_norm)),
        floats("lr", rows, |row| Some(row.step.learning_rate)),
        of_rollout("reward_mean", |rollout| Some(rollout.reward_mean)),
        of_rollout("kl", |rollout| Some(rollout.kl)),
        of_rollout("entropy", |rollout| rollout.entropy),
        of_rollout("mean_tokens", |rollout| Some(rollout.mean_tokens)),
        of_rollout("truncated", |rollout| Some(rollout.truncated)),
        of_rollout("zero_variance_groups", |rollout| Some(rollout.zero_variance_groups)),
        of_clock("load_s", |seconds| seconds.load),
        of_clock("rollout_s", |seconds| seconds.rollout),
        of_clock("reward_s", |seconds| seconds.reward),
        of_clock("update_s", |seconds| seconds.update),
    ]
}

/// One column per reward that there is, so that every suite has the same columns.
fn rewards(rows: &[Row<'_>]) -> Vec<Column> {
    let column = |id: RewardId| {
        let name = format!("reward_{}", id.as_str().replace('-', "_"));
        floats(&name, rows, |row| {
            let Training::Grpo(settings) = &row.results.trial.training else { return None };
            let position = settings.rewards.iter().position(|&used| used == id)?;
            row.step.rollout.as_ref()?.rewards.get(position).copied()
        })
    };
    RewardId::ALL.map(column).into()
}
