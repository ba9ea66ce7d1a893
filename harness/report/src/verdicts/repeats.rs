//! Cells that repeat each other under other seeds.

use clsrl_spec::{CellKey, DatasetId, MethodId, Seed};

use crate::baseline::SavedKey;

/// The cells that differ in their seed alone: one method, trained on one dataset, asked about one target
/// in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Repeats {
    pub(crate) method: MethodId,
    /// The dataset that was trained on; none for zero-shot.
    pub(crate) source: Option<DatasetId>,
    pub(crate) shots: usize,
    pub(crate) cell: CellKey,
}

impl Repeats {
    /// Those that a cell is one of.
    pub(crate) fn of(key: SavedKey) -> Self {
        let SavedKey { method, source, shots, cell, .. } = key;
        Repeats { method, source, shots, cell }
    }

    /// The cell of one seed.
    pub(crate) fn key(self, seed: Seed) -> SavedKey {
        let Repeats { method, source, shots, cell } = self;
        SavedKey { method, source, shots, cell, seed }
    }

    /// Names the fine-tunes, one for each seed: cells of the same name are answers of the same models.
    pub(crate) fn fine_tunes(self) -> String {
        match self.source {
            None => self.method.to_string(),
            Some(source) => format!("{}.{source}.{}shot", self.method, self.shots),
        }
    }

    /// Names the images: cells of the same name are answers about the same ones.
    pub(crate) fn images(self) -> String {
        let CellKey { target, form, .. } = self.cell;
        format!("{target}.{form}")
    }

    /// Names the cells, all but their seed.
    pub(crate) fn name(self) -> String {
        format!("{} → {}", self.fine_tunes(), self.cell)
    }
}
