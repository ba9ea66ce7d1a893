//! A trial's cells as exports go over them, each with its answers.

use clsrl_spec::CellKey;

use crate::{
    LeftOut, ReadPredictions, ReportError, TrialResults,
    rows::{CellOf, CellRow, SampleRow, table_order},
    statistics::{Interval, Level, Proportion},
    summary::Score,
    verdicts::Answered,
};

/// A finished cell and its answers.
pub(super) struct AnsweredCell<'a> {
    pub(super) row: &'a CellRow,
    pub(super) key: CellKey,
    pub(super) samples: &'a [SampleRow<'a>],
}

/// Both scores, the one that the paper's code gives first.
pub(super) const SCORES: [Score; 2] = [Score::Published, Score::Strict];

/// The results of trials that have a finished cell, in table order.
pub(super) fn in_order(results: &[TrialResults]) -> Result<Vec<&TrialResults>, ReportError> {
    let mut trials: Vec<&TrialResults> = Vec::new();
    for (results, _, _) in table_order(results)? {
        if !trials.iter().any(|known| std::ptr::eq(*known, results)) {
            trials.push(results);
        }
    }
    Ok(trials)
}

/// Hands over a trial's cells in table order, but for those whose answers cannot be read or are not those of their
/// records.
pub(super) fn each_cell(
    results: &TrialResults,
    rows: &[CellRow],
    read: &mut ReadPredictions<'_>,
    left_out: &mut Vec<LeftOut>,
    take: &mut dyn FnMut(AnsweredCell<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let trial = results.trial.key();
    let cells = table_order(std::slice::from_ref(results))?;
    for ((_, cell_id, record), row) in cells.into_iter().zip(rows) {
        let key = record.outcome.cell;
        let mut leave_out = |reason| {
            left_out.push(LeftOut { trial: trial.clone(), cell: key, reason });
        };
        let predictions = match read(&results.trial, key) {
            Ok(predictions) => predictions,
            Err(reason) => {
                leave_out(reason);
                continue;
            }
        };
        match Answered::all(&record.outcome, &predictions) {
            Err(reason) => leave_out(reason),
            Ok(answers) => {
                let of = CellOf { results, trial: &trial, cell: key, cell_id };
                let samples = &SampleRow::all(of, &answers);
                take(AnsweredCell { row, key, samples })?;
            }
        }
    }
    Ok(())
}

/// How many answers of a cell a score takes for right.
pub(super) fn n_right(row: &CellRow, score: Score) -> usize {
    match score {
        Score::Published => row.n_correct_published,
        Score::Strict => row.n_correct_strict,
    }
}

/// Whether a score takes an answer for right.
pub(super) fn is_right(sample: &SampleRow<'_>, score: Score) -> bool {
    match score {
        Score::Published => sample.correct_published,
        Score::Strict => sample.correct_strict,
    }
}

/// The accuracy of a cell, as a share, and what bounds it.
pub(super) struct Accuracy {
    pub(super) share: f64,
    /// The sample's standard deviation over the root of their number; none of one image.
    pub(super) standard_error: Option<f64>,
    /// Wilson's, at 95 %.
    pub(super) interval: Interval,
}

impl Accuracy {
    /// Of a cell by a score; none of no images.
    pub(super) fn of(row: &CellRow, score: Score) -> Option<Self> {
        let (n_right, n) = (n_right(row, score), row.n);
        let proportion = Proportion::new(n_right, n).ok()?;
        let share = n_right as f64 / n as f64;
        let Interval { lower, upper } = proportion.wilson_pct(Level::FIVE_PERCENT);
        Some(Accuracy {
            share,
            standard_error: (1 < n).then(|| (share * (1.0 - share) / (n - 1) as f64).sqrt()),
            interval: Interval { lower: lower / 100.0, upper: upper / 100.0 },
        })
    }
}
