//! Which samples a report shows: all of them up to a bound, else a part by a rule that it states.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use clsrl_spec::{CellKey, DatasetId, EvalSplit, MethodId, Prediction, Seed, derive_seed};

use crate::{TrialResults, number::thousands};

/// Images made small, as JPEG, by dataset and the path that its lists give them.
pub type Thumbnails = BTreeMap<(DatasetId, String), Vec<u8>>;

/// How many samples a report shows at most.
const MAX_SAMPLES: usize = 20_000;

/// The seed of the choice among more.
const SEED: Seed = 1;

/// The samples that a report shows, chosen while cells are read one after the other.
///
/// Of more than the bound it keeps those first whose two verdicts differ, then others; among equals the
/// smallest ranks, which a seed gives to every image by its name, so that its answers come together. So the choice depends neither on the
/// order of the cells nor on which of the other samples are there, and memory holds what is shown alone.
#[derive(Debug)]
pub struct ShownSamples {
    max_samples: usize,
    cells: Vec<SampledCell>,
    kept: BinaryHeap<Kept>,
    n_offered: usize,
    n_differing: usize,
}

/// A cell that has samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SampledCell {
    /// The trial's key.
    pub(crate) trial: String,
    /// The trial's method.
    pub(crate) method: MethodId,
    /// The dataset that was trained on.
    pub(crate) train_on: Option<DatasetId>,
    /// Training images per class.
    pub(crate) shots: usize,
    /// The trial's seed.
    pub(crate) seed: Seed,
    /// The cell.
    pub(crate) key: CellKey,
    /// The part of the target that was evaluated.
    pub(crate) split: Option<EvalSplit>,
}

/// An image that a report shows samples of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownImage {
    /// The dataset.
    pub dataset: DatasetId,
    /// The list that it stands in.
    pub split: EvalSplit,
    /// Its path as the list has it.
    pub image: String,
}

/// A sample, ordered by how soon it is given up: the greatest first.
#[derive(Debug)]
struct Kept {
    agrees: bool,
    /// Of the image, then of the sample.
    rank: (u64, u64),
    cell: usize,
    prediction: Prediction,
}

impl Default for ShownSamples {
    fn default() -> Self {
        ShownSamples::at_most(MAX_SAMPLES)
    }
}

impl ShownSamples {
    /// No samples yet, and never more than this.
    pub fn at_most(max_samples: usize) -> Self {
        ShownSamples {
            max_samples,
            cells: Vec::new(),
            kept: BinaryHeap::new(),
            n_offered: 0,
            n_differing: 0,
        }
    }

    /// Chooses among a cell's samples and those before. A cell is offered once.
    pub(crate) fn offer(
        &mut self,
        results: &TrialResults,
        key: CellKey,
        predictions: &[Prediction],
    ) {
        let trial = &results.trial;
        let cell = self.cells.len();
        self.cells.push(SampledCell {
            trial: trial.key(),
            method: trial.method,
            train_on: trial.train_on,
            shots: trial.shots,
            seed: trial.seed,
            key,
            split: trial.evaluation.splits.get(&key.target).copied(),
        });
        let (trial, cell_key) = (trial.key(), key.to_string());
        for prediction in predictions {
            let index = prediction.index.to_string();
            let image = [key.target.as_str(), prediction.image.as_str()];
            // All answers about an image are kept together, so that they can be compared.
            let rank = (
                derive_seed(SEED, &[["shown images"].as_slice(), image.as_slice()].concat()),
                derive_seed(SEED, &["shown samples", &trial, &cell_key, &index]),
            );
            let agrees = prediction.correct_published == prediction.correct_strict;
            self.n_offered += 1;
            self.n_differing += usize::from(!agrees);
            let is_kept = self.kept.len() < self.max_samples
                || self.kept.peek().is_some_and(|last| (agrees, rank) < (last.agrees, last.rank));
            if is_kept {
                self.kept.push(Kept { agrees, rank, cell, prediction: prediction.clone() });
            }
            if self.max_samples < self.kept.len() {
                self.kept.pop();
            }
        }
    }

    /// How many samples are shown.
    pub(crate) fn n_shown(&self) -> usize {
        self.kept.len()
    }

    /// The cells that were offered, in their order.
    pub(crate) fn cells(&self) -> &[SampledCell] {
        &self.cells
    }

    /// The samples that are shown, each with the number of its cell: cell by cell, in the order of images.
    pub(crate) fn rows(&self) -> Vec<(usize, &Prediction)> {
        let mut rows: Vec<_> = self.kept.iter().map(|kept| (kept.cell, &kept.prediction)).collect();
        rows.sort_by_key(|(cell, prediction)| (*cell, prediction.index));
        rows
    }

    /// What a reader must know of the choice.
    pub(crate) fn describe(&self) -> String {
        let (n_shown, n_offered) = (thousands(self.n_shown()), thousands(self.n_offered));
        let differing = thousands(self.n_differing);
        if self.n_shown() == self.n_offered {
            return format!(
                "All {n_offered} samples are here; of {differing} the two verdicts differ."
            );
        }
        let rule = match self.n_differing <= self.n_shown() {
            true => format!(
                "all {differing} whose two verdicts differ, and others drawn with the seed {SEED}"
            ),
            false => format!(
                "of the {differing} whose two verdicts differ as many as fit, drawn with the seed {SEED}"
            ),
        };
        format!("{n_shown} of {n_offered} samples are here: {rule}. The frame of samples has all.")
    }

    /// The images of what is shown, each once: first those of samples whose verdicts differ, then by
    /// rank, so that a part of them is a part of every cell.
    pub fn images(&self) -> Vec<ShownImage> {
        let mut kept: Vec<&Kept> = self.kept.iter().collect();
        kept.sort();
        let mut seen = BTreeSet::new();
        let mut images = Vec::new();
        for Kept { cell, prediction, .. } in kept {
            let SampledCell { key, split, .. } = &self.cells[*cell];
            let Some(split) = *split else { continue };
            if seen.insert((key.target, &prediction.image)) {
                let image = prediction.image.clone();
                images.push(ShownImage { dataset: key.target, split, image });
            }
        }
        images
    }
}

impl Kept {
    /// Ranks may be equal; then what is kept must still not depend on the order of the input.
    fn key(&self) -> (bool, (u64, u64), &str, usize) {
        (self.agrees, self.rank, &self.prediction.image, self.prediction.index)
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests;
