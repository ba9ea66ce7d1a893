//! The samples' frame: one row per answered picture, one cell at a time, since all of them may not fit
//! into memory.

use std::path::Path;

use clsrl_spec::{CellKey, Prediction, Trial};
use polars::prelude::{Column, DataFrame};

use super::{
    cells::table_order,
    columns::{count, numbers, seeds, texts, truths},
    file::{FrameFile, FrameFormat},
};
use crate::{
    ReportError, ShownSamples, SuiteVerdicts, TrialResults,
    baseline::SavedKey,
    verdicts::{Answered, CellVerdicts},
};

/// The version of the samples' frame, in its column `schema_version`.
const SCHEMA_VERSION: i64 = 1;

/// A finished cell whose predictions are not in the samples' frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The trial's key.
    pub trial: String,
    /// The cell.
    pub cell: CellKey,
    /// Why.
    pub reason: String,
}

/// Hands over a cell's predictions, or tells why it cannot.
pub type ReadPredictions<'a> = dyn FnMut(&Trial, CellKey) -> Result<Vec<Prediction>, String> + 'a;

/// What one pass over all predictions leaves.
#[derive(Debug)]
pub struct Samples {
    /// The verdicts of the cells that are in the frame.
    pub verdicts: SuiteVerdicts,
    /// Those of their samples that a report shows.
    pub shown: ShownSamples,
    /// The cells that are not.
    pub left_out: Vec<LeftOut>,
}

/// Makes the samples' frame of one cell, in the order of the split's list.
///
/// Predictions that do not make up the cell's record are an error: another number of them, a picture
/// answered twice, other verdicts than the record counts.
pub fn samples_frame(
    results: &TrialResults,
    cell: CellKey,
    predictions: &[Prediction],
) -> Result<DataFrame, ReportError> {
    let found = results.cells.iter().find(|(_, record)| record.outcome.cell == cell);
    let Some((cell_id, record)) = found else {
        return Err(mismatch(results, cell, "it has no record".to_owned()));
    };
    let rows = Answered::all(&record.outcome, predictions)
        .map_err(|reason| mismatch(results, cell, reason))?;
    frame(results, cell, cell_id, &rows)
}

/// Writes the samples of all finished cells, in table order, as one file per format: beside the path
/// given, with the format's extension.
///
/// A cell whose predictions are missing, damaged or not those of its record is left out and told of. The
/// verdicts of the others are kept, because nothing reads predictions twice.
pub fn write_samples(
    results: &[TrialResults],
    path: &Path,
    formats: &[FrameFormat],
    read: &mut ReadPredictions<'_>,
) -> Result<Samples, ReportError> {
    let cells = table_order(results)?;
    let mut files = Vec::new();
    for &format in formats {
        files.push(FrameFile::create(&format.at(path), format, empty()?.schema())?);
    }
    let mut samples = Samples {
        verdicts: SuiteVerdicts::default(),
        shown: ShownSamples::default(),
        left_out: Vec::new(),
    };
    for (results, cell_id, record) in cells {
        let cell = record.outcome.cell;
        let mut left_out = |reason| {
            samples.left_out.push(LeftOut { trial: results.trial.key(), cell, reason });
        };
        let predictions = match read(&results.trial, cell) {
            Ok(predictions) => predictions,
            Err(reason) => {
                left_out(reason);
                continue;
            }
        };
        match Answered::all(&record.outcome, &predictions) {
            Err(reason) => left_out(reason),
            Ok(rows) => {
                let frame = frame(results, cell, cell_id, &rows)?;
                files.iter_mut().try_for_each(|file| file.write(&frame))?;
                let key = SavedKey::of(&results.trial, cell);
                samples.verdicts.keep(key, CellVerdicts::of(&rows));
                samples.shown.offer(results, cell, &predictions);
            }
        }
    }
    files.into_iter().try_for_each(FrameFile::finish)?;
    Ok(samples)
}

fn mismatch(results: &TrialResults, cell: CellKey, reason: String) -> ReportError {
    ReportError::Predictions { trial: results.trial.key(), cell: cell.to_string(), reason }
}

/// The frame without a row.
fn empty() -> Result<DataFrame, ReportError> {
    Ok(DataFrame::new(0, [axes(&[], None), texts_and_verdicts(&[])].concat())?)
}

fn frame(
    results: &TrialResults,
    cell: CellKey,
    cell_id: &str,
    rows: &[Answered<'_>],
) -> Result<DataFrame, ReportError> {
    let columns = [axes(rows, Some((results, cell, cell_id))), texts_and_verdicts(rows)].concat();
    Ok(DataFrame::new(rows.len(), columns)?)
}

fn axes(rows: &[Answered<'_>], of: Option<(&TrialResults, CellKey, &str)>) -> Vec<Column> {
    let text = |name: &str, value: fn(&TrialResults, CellKey) -> Option<String>| {
        let value = of.and_then(|(results, cell, _)| value(results, cell));
        texts(name, rows, |_| value.clone())
    };
    let cell_id = of.map(|(_, _, cell_id)| cell_id.to_owned());
    let trial = of.map(|(results, ..)| &results.trial);
    let shots = trial.map(|trial| count(trial.shots));
    let seed = trial.map_or(0, |trial| trial.seed);
    vec![
        numbers("schema_version", rows, |_| Some(SCHEMA_VERSION)),
        text("trial", |results, _| Some(results.trial.key())),
        text("training_id", |results, _| Some(results.training_id.clone())),
        texts("cell_id", rows, |_| cell_id.clone()),
        text("method", |results, _| Some(results.trial.method.to_string())),
        text("train_on", |results, _| results.trial.train_on.map(|id| id.to_string())),
        text("target", |_, cell| Some(cell.target.to_string())),
        text("form", |_, cell| Some(cell.form.to_string())),
        text("prompt", |_, cell| Some(cell.prompt.to_string())),
        text("split", |results, cell| results.split(cell.target)),
        numbers("shots", rows, |_| shots),
        seeds("seed", rows, |_| seed),
        text("protocol", |results, _| Some(results.trial.protocol.name.clone())),
    ]
}

fn texts_and_verdicts(rows: &[Answered<'_>]) -> Vec<Column> {
    let text = |name: &str, value: fn(&Prediction) -> &String| {
        texts(name, rows, |row| Some(value(row.prediction).clone()))
    };
    vec![
        numbers("index", rows, |row| Some(count(row.prediction.index))),
        text("image", |prediction| &prediction.image),
        text("question", |prediction| &prediction.question),
        numbers("n_choices", rows, |row| Some(count(row.diagnosis.n_choices))),
        text("gold", |prediction| &prediction.gold),
        text("raw", |prediction| &prediction.raw),
        text("answer", |prediction| &prediction.extracted),
        truths("correct_published", rows, |row| Some(row.prediction.correct_published)),
        truths("correct_strict", rows, |row| Some(row.prediction.correct_strict)),
        texts("parse_status", rows, |row| Some(row.diagnosis.parse.to_string())),
        truths("ambiguous", rows, |row| row.diagnosis.is_ambiguous),
        texts("thought_names", rows, |row| Some(row.diagnosis.thought?.to_string())),
        numbers("n_tokens", rows, |row| Some(count(row.prediction.n_tokens))),
        truths("truncated", rows, |row| Some(row.prediction.truncated)),
    ]
}

#[cfg(test)]
mod tests;
