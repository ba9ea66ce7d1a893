//! The transfer frame: one row per change of every matrix, and its means.

use clsrl_spec::DatasetId;
use polars::prelude::{Column, DataFrame};

use super::columns::{count, floats, numbers, texts, truths};
use crate::{
    ReportContext, ReportError,
    estimate::{Change, Estimate},
    summary::{Transfer, TransferMatrix},
};

/// The version of the transfer frame, in its column `schema_version`.
const SCHEMA_VERSION: i64 = 1;

/// One change and where it stands.
struct Row<'a> {
    matrix: &'a TransferMatrix,
    kind: &'static str,
    train_on: Option<DatasetId>,
    target: Option<DatasetId>,
    /// Zero-shot accuracy on the target.
    reference: Option<f64>,
    change: &'a Change,
    n_shared: Option<usize>,
}

/// Makes the transfer frame: for every matrix its cells, row by row, then the means of its rows, of its
/// columns and of all; first the changes against zero-shot, then the differences of methods.
pub(crate) fn transfer_frame(
    transfer: &Transfer,
    context: &ReportContext<'_>,
) -> Result<DataFrame, ReportError> {
    let matrices = transfer.matrices.iter().chain(&transfer.differences);
    let rows: Vec<Row<'_>> = matrices.flat_map(|matrix| rows_of(matrix, context)).collect();
    let score = transfer.score.name();
    let columns = [axes(&rows, score), values(&rows), tests(&rows)].concat();
    Ok(DataFrame::new(rows.len(), columns)?)
}

fn rows_of<'a>(matrix: &'a TransferMatrix, context: &ReportContext<'_>) -> Vec<Row<'a>> {
    let mean = |kind, train_on, target, change| Row {
        matrix,
        kind,
        train_on,
        target,
        reference: None,
        change,
        n_shared: None,
    };
    let accuracy = |target: DatasetId| {
        let position = matrix.targets.iter().position(|&id| id == target)?;
        matrix.zero_shot[position].mean
    };
    let cells = matrix.cells().map(|(source, target, change)| Row {
        reference: accuracy(target),
        n_shared: (source != target).then(|| context.shared_names(source, target).len()),
        ..mean("cell", Some(source), Some(target), change)
    });
    let by_source = matrix.sources.iter().zip(&matrix.by_source);
    let by_source = by_source.map(|(&id, change)| mean("source", Some(id), None, change));
    let by_target = matrix.targets.iter().zip(&matrix.by_target);
    let by_target = by_target.map(|(&id, change)| mean("target", None, Some(id), change));
    let whole = [mean("all", None, None, &matrix.whole)];
    cells.chain(by_source).chain(by_target).chain(whole).collect()
}

fn axes(rows: &[Row<'_>], score: &str) -> Vec<Column> {
    vec![
        numbers("schema_version", rows, |_| Some(SCHEMA_VERSION)),
        texts("kind", rows, |row| Some(row.kind.to_owned())),
        texts("method", rows, |row| Some(row.matrix.arm.group.method.to_string())),
        texts("prompt", rows, |row| Some(row.matrix.arm.prompt().to_string())),
        texts("form", rows, |row| Some(row.matrix.arm.form.to_string())),
        numbers("shots", rows, |row| Some(count(row.matrix.arm.group.shots))),
        texts("against", rows, |row| Some(row.matrix.against.group.method.to_string())),
        texts("against_prompt", rows, |row| Some(row.matrix.against.prompt().to_string())),
        texts("score", rows, |_| Some(score.to_owned())),
        texts("train_on", rows, |row| row.train_on.map(|id| id.to_string())),
        texts("target", rows, |row| row.target.map(|id| id.to_string())),
        truths("in_domain", rows, |row| (row.kind == "cell").then(|| row.train_on == row.target)),
        numbers("shared_classes", rows, |row| row.n_shared.map(count)),
    ]
}

fn values(rows: &[Row<'_>]) -> Vec<Column> {
    let float = |name, value: fn(&Row<'_>) -> Option<f64>| floats(name, rows, value);
    let number = |name, value: fn(&Estimate) -> usize| {
        numbers(name, rows, |row| Some(count(value(&row.change.estimate))))
    };
    vec![
        number("n_seeds", |estimate| estimate.n_seeds),
        number("n_planned", |estimate| estimate.n_planned),
        number("n_pictures", |estimate| estimate.n_pictures),
        float("zero_shot_pct", |row| row.reference),
        float("change", |row| row.change.estimate.mean),
        float("lower", |row| Some(row.change.estimate.bounds?.interval.lower)),
        float("upper", |row| Some(row.change.estimate.bounds?.interval.upper)),
        texts("interval", rows, |row| Some(row.change.estimate.bounds?.kind.as_str().to_owned())),
        float("bootstrap_lower", |row| Some(row.change.bootstrap?.lower)),
        float("bootstrap_upper", |row| Some(row.change.bootstrap?.upper)),
    ]
}

fn tests(rows: &[Row<'_>]) -> Vec<Column> {
    let float =
        |name, value: fn(&Change) -> Option<f64>| floats(name, rows, |row| value(row.change));
    vec![
        texts("test", rows, |row| Some(row.change.tested.ok()?.test.as_str().to_owned())),
        float("p", |change| Some(change.tested.ok()?.p.get())),
        float("p_holm", |change| Some(change.tested.ok()?.p_holm.get())),
        float("detectable", |change| change.tested.ok()?.detectable),
        texts("untested", rows, |row| Some(row.change.tested.err()?.as_str().to_owned())),
    ]
}
