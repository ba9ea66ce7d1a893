//! The samples' frame: one row per answered image, one cell at a time, since all of them may not fit
//! into memory.

use std::path::Path;

use clsrl_spec::{CellKey, Prediction};
use polars_core::prelude::DataFrame;

use super::{
    file::{FrameFile, FrameFormat},
    frame,
};
use crate::{
    Classes, LeftOut, ReadPredictions, ReportError, ShownSamples, SuiteVerdicts, TrialResults,
    baseline::SavedKey,
    rows::{CellOf, ClassRow, SampleRow, table_order},
    verdicts::{Answered, CellVerdicts},
};

/// What one pass over all predictions leaves.
#[derive(Debug)]
pub struct Samples {
    /// The verdicts of the cells that are in the frame.
    pub verdicts: SuiteVerdicts,
    /// Those of their samples that a report shows.
    pub shown: ShownSamples,
    /// How their classes are answered.
    pub classes: Classes,
    /// Rows of the samples' file and of the classes'.
    pub n_rows: (usize, usize),
    /// The cells that are not.
    pub left_out: Vec<LeftOut>,
}

/// Makes the samples' frame of one cell, in the order of the split's list.
///
/// Predictions that do not make up the cell's record are an error: another number of them, an image
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
    let trial = results.trial.key();
    frame(&SampleRow::all(CellOf { results, trial: &trial, cell, cell_id }, &rows))
}

/// Where the samples and the classes go, without the formats' extensions.
#[derive(Debug, Clone, Copy)]
pub struct SamplePaths<'a> {
    /// A row for each answer.
    pub samples: &'a Path,
    /// A row for each class of each cell.
    pub classes: &'a Path,
}

/// Writes the samples of all finished cells and their classes, in table order, as one file each per format.
///
/// A cell whose predictions are missing, damaged or not those of its record is left out and named. The
/// verdicts of the others are kept, because nothing reads predictions twice.
pub fn write_samples(
    results: &[TrialResults],
    paths: SamplePaths<'_>,
    formats: &[FrameFormat],
    read: &mut ReadPredictions<'_>,
) -> Result<Samples, ReportError> {
    let cells = table_order(results)?;
    let (mut files, mut class_files) = (Vec::new(), Vec::new());
    for &format in formats {
        files.push(FrameFile::create::<SampleRow<'_>>(&format.at(paths.samples), format)?);
        class_files.push(FrameFile::create::<ClassRow<'_>>(&format.at(paths.classes), format)?);
    }
    let mut samples = Samples {
        verdicts: SuiteVerdicts::default(),
        shown: ShownSamples::default(),
        classes: Classes::default(),
        n_rows: (0, 0),
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
                let trial = results.trial.key();
                let of = CellOf { results, trial: &trial, cell, cell_id };
                let samples_rows = SampleRow::all(of, &rows);
                files.iter_mut().try_for_each(|file| file.write(&samples_rows))?;
                samples.classes.add(&samples_rows);
                let classes = ClassRow::all(&samples_rows);
                samples.n_rows.0 += samples_rows.len();
                samples.n_rows.1 += classes.len();
                class_files.iter_mut().try_for_each(|file| file.write(&classes))?;
                let key = SavedKey::of(&results.trial, cell);
                samples.verdicts.keep(key, CellVerdicts::of(&rows));
                samples.shown.offer(results, cell, &predictions);
            }
        }
    }
    files.into_iter().chain(class_files).try_for_each(FrameFile::finish)?;
    Ok(samples)
}

fn mismatch(results: &TrialResults, cell: CellKey, reason: String) -> ReportError {
    ReportError::Predictions { trial: results.trial.key(), cell: cell.to_string(), reason }
}

#[cfg(test)]
mod tests;
