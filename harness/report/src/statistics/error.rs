//! What the statistics refuse.

use clsrl_spec::Seed;

/// An input that no formula takes.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatisticsError {
    /// A level that is none.
    #[error("level is {found}, expected a number between 0 and 1, both left out")]
    BadLevel {
        /// The number.
        found: f64,
    },
    /// A probability that is none.
    #[error("probability is {found}, expected a number from 0 to 1")]
    BadProbability {
        /// The number.
        found: f64,
    },
    /// A value that is infinite or no number.
    #[error("value {position} is {found}, expected a finite number")]
    NotFinite {
        /// Its position among the values, counted from 0.
        position: usize,
        /// The value.
        found: f64,
    },
    /// Nothing to compute with.
    #[error("there are no {what}")]
    Empty {
        /// What is not there.
        what: &'static str,
    },
    /// More right answers, or more changed ones, than there are images.
    #[error("{counted} images are counted, expected at most {n}")]
    CountTooLarge {
        /// What was counted.
        counted: usize,
        /// The images.
        n: usize,
    },
    /// Two verdicts on one image.
    #[error("image {image} has more than one verdict")]
    DuplicateImage {
        /// Its position in the split's list.
        image: usize,
    },
    /// Two runs of one seed.
    #[error("seed {seed} is there more than once")]
    DuplicateSeed {
        /// The seed.
        seed: Seed,
    },
    /// What is to be compared was not asked about the same images.
    #[error(
        "the images of seed {seed} differ: {expected} expected, {found} found, {shared} shared"
    )]
    ImagesDiffer {
        /// The seed.
        seed: Seed,
        /// The images of the first run or of the first arm.
        expected: usize,
        /// The images of this one.
        found: usize,
        /// Those in both.
        shared: usize,
    },
    /// Cells that should share their fine-tunes or images, and do not.
    #[error("the {what} of `{name}` differ between cells of one average")]
    CellsDiffer {
        /// Seeds or images.
        what: &'static str,
        /// The name that the cells share.
        name: String,
    },
}
