//! The verdicts of one run on one target, by image.

use clsrl_spec::Seed;

use super::StatisticsError;

/// Right or wrong, for every image of one run. At least one image, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts(Vec<(usize, bool)>);

impl Verdicts {
    /// Takes each image's position in its split's list and the verdict, in any order.
    pub fn new(verdicts: impl IntoIterator<Item = (usize, bool)>) -> Result<Self, StatisticsError> {
        let mut verdicts: Vec<_> = verdicts.into_iter().collect();
        verdicts.sort_unstable();
        if let Some(pair) = verdicts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(StatisticsError::DuplicateImage { image: pair[0].0 });
        }
        match verdicts.is_empty() {
            true => Err(StatisticsError::Empty { what: "images" }),
            false => Ok(Verdicts(verdicts)),
        }
    }

    /// The number of images.
    pub fn n(&self) -> usize {
        self.0.len()
    }

    /// The number of right answers.
    pub fn n_right(&self) -> usize {
        self.0.iter().filter(|(_, right)| *right).count()
    }

    /// The images' positions, ascending.
    pub(super) fn images(&self) -> Vec<usize> {
        self.0.iter().map(|(image, _)| *image).collect()
    }

    /// The verdicts in the images' order.
    pub(super) fn right(&self) -> impl Iterator<Item = bool> {
        self.0.iter().map(|(_, right)| *right)
    }

    /// Refuses verdicts on other images than these.
    pub(super) fn same_images(&self, seed: Seed, other: &Self) -> Result<(), StatisticsError> {
        let images = self.images();
        let others = other.images();
        if images == others {
            return Ok(());
        }
        let shared = others.iter().filter(|&image| images.binary_search(image).is_ok());
        Err(StatisticsError::ImagesDiffer {
            seed,
            expected: images.len(),
            found: others.len(),
            shared: shared.count(),
        })
    }
}
