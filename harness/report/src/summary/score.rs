//! The two scores.

use clsrl_spec::Scorer;

use super::Counts;

/// One of the two verdicts on an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Score {
    /// The published extraction and match.
    Published,
    /// Equality after normalisation.
    Strict,
}

impl Score {
    /// The verdict that a protocol counts.
    pub(crate) fn of(scorer: Scorer) -> Self {
        match scorer {
            Scorer::Published => Score::Published,
            Scorer::Strict => Score::Strict,
        }
    }

    /// What a record counts as right.
    pub(crate) fn n_right(self, counts: Counts) -> usize {
        match self {
            Score::Published => counts.n_published,
            Score::Strict => counts.n_strict,
        }
    }

    /// The one that it does not.
    pub(crate) fn other(self) -> Self {
        match self {
            Score::Published => Score::Strict,
            Score::Strict => Score::Published,
        }
    }

    /// Its name in captions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Score::Published => "published",
            Score::Strict => "strict",
        }
    }

    /// What it asks of an answer, for captions.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Score::Published => "the label is somewhere in the extracted answer",
            Score::Strict => "the answer equals the label after normalisation",
        }
    }
}
