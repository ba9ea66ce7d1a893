//! The verdicts of one cell.

use std::{iter::Sum, sync::Arc};

use clsrl_spec::{CellOutcome, Diagnosis, ParseStatus, Prediction};

use super::check;
use crate::{statistics::Verdicts, summary::Score};

/// An answer, and what it shows beside right and wrong.
pub(crate) struct Answered<'a> {
    pub(crate) prediction: &'a Prediction,
    pub(crate) diagnosis: Diagnosis,
}

impl<'a> Answered<'a> {
    /// Looks at answers, one for each image; an error tells in what they are not those of a record.
    pub(crate) fn all(
        outcome: &CellOutcome,
        predictions: &'a [Prediction],
    ) -> Result<Vec<Self>, String> {
        check(outcome, predictions)?;
        let mut rows: Vec<Self> = predictions.iter().map(Answered::of).collect();
        rows.sort_by_key(|row| row.prediction.index);
        Ok(rows)
    }

    /// One answer, whatever its record counts.
    pub(crate) fn of(prediction: &'a Prediction) -> Self {
        let Prediction { question, raw, truncated, .. } = prediction;
        Answered { prediction, diagnosis: Diagnosis::of(question, raw, *truncated) }
    }
}

/// The verdicts of both scores on every image of a cell, and how its answers parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CellVerdicts {
    /// Positions in the split's list, ascending.
    pub(super) images: Arc<[usize]>,
    /// In the images' order: by the published score, by the strict one.
    verdicts: Vec<[bool; 2]>,
    parsed: [ParseCounts; ParseStatus::ALL.len()],
}

/// Answers that parse alike, and how many of them are right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ParseCounts {
    pub(crate) n: usize,
    pub(crate) n_published: usize,
    pub(crate) n_strict: usize,
}

impl CellVerdicts {
    /// Keeps what [`Answered::all`] has looked at.
    pub(crate) fn of(rows: &[Answered<'_>]) -> Self {
        let mut parsed = [ParseCounts::default(); ParseStatus::ALL.len()];
        for Answered { prediction, diagnosis } in rows {
            let counts = &mut parsed[diagnosis.parse as usize];
            counts.n += 1;
            counts.n_published += usize::from(prediction.correct_published);
            counts.n_strict += usize::from(prediction.correct_strict);
        }
        let verdicts =
            |row: &Answered<'_>| [row.prediction.correct_published, row.prediction.correct_strict];
        CellVerdicts {
            images: rows.iter().map(|row| row.prediction.index).collect(),
            verdicts: rows.iter().map(verdicts).collect(),
            parsed,
        }
    }

    /// The verdicts of one score; none of a cell without images.
    pub(crate) fn of_score(&self, score: Score) -> Option<Verdicts> {
        let at = match score {
            Score::Published => 0,
            Score::Strict => 1,
        };
        let right = self.verdicts.iter().map(|both| both[at]);
        Verdicts::new(self.images.iter().copied().zip(right)).ok()
    }

    /// The answers of one parse status.
    pub(crate) fn parsed(&self, status: ParseStatus) -> ParseCounts {
        self.parsed[status as usize]
    }
}

impl Sum for ParseCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(ParseCounts::default(), |sum, more| ParseCounts {
            n: sum.n + more.n,
            n_published: sum.n_published + more.n_published,
            n_strict: sum.n_strict + more.n_strict,
        })
    }
}
