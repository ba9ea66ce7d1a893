//! The verdicts of all finished cells of a suite.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Answered, CellVerdicts};
use crate::{LeftOut, ReadPredictions, TrialResults, baseline::SavedKey};

/// The verdicts of a suite's finished cells, as far as their predictions could be read.
///
/// Two bytes a verdict; cells about the same images share the list of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuiteVerdicts {
    cells: BTreeMap<SavedKey, CellVerdicts>,
    images: BTreeSet<Arc<[usize]>>,
}

impl SuiteVerdicts {
    /// Reads all cells' predictions once, without writing their samples.
    ///
    /// A cell whose predictions are missing, damaged or not those of its record is left out and named.
    pub fn read(results: &[TrialResults], read: &mut ReadPredictions<'_>) -> (Self, Vec<LeftOut>) {
        let mut verdicts = SuiteVerdicts::default();
        let mut left_out = Vec::new();
        for results in results {
            for (_, record) in &results.cells {
                let cell = record.outcome.cell;
                let kept = read(&results.trial, cell).and_then(|predictions| {
                    let rows = Answered::all(&record.outcome, &predictions)?;
                    verdicts.keep(SavedKey::of(&results.trial, cell), CellVerdicts::of(&rows));
                    Ok(())
                });
                if let Err(reason) = kept {
                    left_out.push(LeftOut { trial: results.trial.key(), cell, reason });
                }
            }
        }
        (verdicts, left_out)
    }

    /// Adds a cell's verdicts.
    pub(crate) fn keep(&mut self, key: SavedKey, mut verdicts: CellVerdicts) {
        match self.images.get(&verdicts.images) {
            Some(known) => verdicts.images = Arc::clone(known),
            None => drop(self.images.insert(Arc::clone(&verdicts.images))),
        }
        self.cells.insert(key, verdicts);
    }

    /// A cell's verdicts, if its predictions could be read.
    pub(crate) fn of(&self, key: SavedKey) -> Option<&CellVerdicts> {
        self.cells.get(&key)
    }
}
