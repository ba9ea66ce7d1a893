//! The verdicts of one run on one target, by picture.

use clsrl_spec::Seed;

use super::StatisticsError;

/// Right or wrong, for every picture of one run. At least one picture, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts(Vec<(usize, bool)>);

impl Verdicts {
    /// Takes each picture's position in its split's list and the verdict, in any order.
    pub fn new(verdicts: impl IntoIterator<Item = (usize, bool)>) -> Result<Self, StatisticsError> {
        let mut verdicts: Vec<_> = verdicts.into_iter().collect();
        verdicts.sort_unstable();
        if let Some(pair) = verdicts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(StatisticsError::DuplicatePicture { picture: pair[0].0 });
        }
        match verdicts.is_empty() {
            true => Err(StatisticsError::Empty { what: "pictures" }),
            false => Ok(Verdicts(verdicts)),
        }
    }

    /// The number of pictures.
    pub fn n(&self) -> usize {
        self.0.len()
    }

    /// The number of right answers.
    pub fn n_right(&self) -> usize {
        self.0.iter().filter(|(_, right)| *right).count()
    }

    /// The pictures' positions, ascending.
    pub(super) fn pictures(&self) -> Vec<usize> {
        self.0.iter().map(|(picture, _)| *picture).collect()
    }

    /// The verdicts in the pictures' order.
    pub(super) fn right(&self) -> impl Iterator<Item = bool> {
        self.0.iter().map(|(_, right)| *right)
    }

    /// Refuses verdicts on other pictures than these.
    pub(super) fn same_pictures(&self, seed: Seed, other: &Self) -> Result<(), StatisticsError> {
        let pictures = self.pictures();
        let others = other.pictures();
        if pictures == others {
            return Ok(());
        }
        let shared = others.iter().filter(|&picture| pictures.binary_search(picture).is_ok());
        Err(StatisticsError::PicturesDiffer {
            seed,
            expected: pictures.len(),
            found: others.len(),
            shared: shared.count(),
        })
    }
}
