//! A change, its test, and what it could have found.

use super::Estimate;
use crate::statistics::{Interval, Level, Probability, holm};

/// What is right after less what was right before, on the same images, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    /// The change and what bounds it.
    pub(crate) estimate: Estimate,
    /// The interval of the hierarchical bootstrap, whichever bounds the estimate.
    pub(crate) bootstrap: Option<Interval>,
    /// How it was tested and what came out, or why it was not.
    pub(crate) tested: Result<Tested, Untested>,
}

/// What a paired test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tested {
    pub(crate) test: Test,
    /// Two-sided, of no change.
    pub(crate) p: Probability,
    /// The same by Holm's procedure over the family that the change is read in; alone, the same.
    pub(crate) p_holm: Probability,
    /// The smallest true change, in points, that would have been found with 80 % power at 5 %, alone; none
    /// where no change that so few differing images allow would be.
    pub(crate) detectable: Option<f64>,
}

/// A paired test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    /// McNemar's, mid-p.
    McNemar,
    /// The hierarchical bootstrap's share of resamples beyond zero.
    Bootstrap,
}

/// Why there is no paired test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untested {
    /// One side has no finished cell with images.
    NotDone,
    /// Both sides are there, under different seeds.
    NoSharedSeed,
    /// Predictions are missing or damaged.
    NoVerdicts,
    /// Both sides were not asked about the same images.
    OtherImages,
}

impl Change {
    /// A change of which nothing is known.
    pub(super) fn unknown(estimate: Estimate, reason: Untested) -> Self {
        Change { estimate, bootstrap: None, tested: Err(reason) }
    }

    /// Whether there is a change, at 5 % in its family; none where nothing was tested.
    pub(crate) fn is_significant(&self) -> Option<bool> {
        self.tested.ok().map(|tested| tested.p_holm.get() <= Level::FIVE_PERCENT.get())
    }

    /// The smallest change that would have been found, where none was.
    pub(crate) fn detectable_if_none(&self) -> Option<f64> {
        let tested = self.tested.ok().filter(|_| self.is_significant() == Some(false))?;
        tested.detectable
    }
}

/// Makes a family of changes that are read together: their p-values become Holm's, over those tested.
pub(super) fn adjust(changes: &mut [Change]) {
    let p: Vec<Probability> =
        changes.iter().filter_map(|change| Some(change.tested.ok()?.p)).collect();
    let mut adjusted = holm(&p).into_iter();
    for tested in changes.iter_mut().filter_map(|change| change.tested.as_mut().ok()) {
        tested.p_holm = adjusted.next().expect("there is one for every change that was tested");
    }
}

impl Test {
    /// Its name in data.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Test::McNemar => "mcnemar-mid-p",
            Test::Bootstrap => "bootstrap",
        }
    }

    /// Its name in notes.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Test::McNemar => "McNemar's test, mid-p, for one run a side",
            Test::Bootstrap => "a bootstrap of seeds and images",
        }
    }
}

impl Untested {
    /// The reason, in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Untested::NotDone => "a side is missing",
            Untested::NoSharedSeed => "no seed on both sides",
            Untested::NoVerdicts => "predictions are missing or damaged",
            Untested::OtherImages => "other images on each side",
        }
    }
}
