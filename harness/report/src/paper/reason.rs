//! Why a number cannot be compared.

use std::fmt;

/// A reason, in the order in which several are given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The start model is not the paper's.
    Model {
        /// The name of the run's.
        found: String,
        /// The name of the paper's.
        expected: String,
    },
    /// The images were drawn by the program.
    Drawn,
    /// A time on a machine that is not the paper's.
    Machine {
        /// The run's devices.
        found: String,
    },
    /// The protocol is not the paper's in these fields.
    Protocol(Vec<String>),
    /// Validation images were evaluated.
    Validation,
    /// Answers are cut at another length.
    AnswerLength {
        /// The run's, in tokens.
        found: usize,
    },
    /// Only some of the images were evaluated.
    Limited,
    /// Nothing was evaluated.
    NoImages,
    /// The data is not as locked.
    Unlocked,
    /// The lists are not the published ones.
    OtherLists,
    /// Cells are not there.
    Missing {
        /// How many.
        n: usize,
        /// Of how many that the number needs.
        of: usize,
    },
    /// The suite has one seed.
    OneSeed,
}

/// The longest answer in the paper's evaluation, in tokens.
pub(super) const ANSWER_TOKENS: usize = 1024;

/// The machine of the paper's times.
const MACHINE: &str = "eight A100";

impl Reason {
    /// Whether no other reason need be given: the run is another experiment.
    pub(super) fn is_all(&self) -> bool {
        matches!(self, Reason::Model { .. } | Reason::Drawn)
    }

    /// The reason without what differs from number to number.
    pub(super) fn in_short(&self) -> String {
        match self {
            Reason::Model { found, .. } => format!("another model ({found})"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Model { found, expected } => {
                write!(f, "another model: {found}, the paper's is {expected}")
            }
            Reason::Drawn => f.write_str("drawn images"),
            Reason::Machine { found } => {
                write!(f, "another machine: {found}, the paper's has {MACHINE}")
            }
            Reason::Protocol(fields) => write!(f, "the protocol differs: {}", fields.join(", ")),
            Reason::Validation => f.write_str("validation images, the paper's are test images"),
            Reason::AnswerLength { found } => {
                write!(f, "answers are cut at {found} tokens, the paper's at {ANSWER_TOKENS}")
            }
            Reason::Limited => f.write_str("only some of the images were evaluated"),
            Reason::NoImages => f.write_str("no image was evaluated"),
            Reason::Unlocked => {
                f.write_str("the data differs from the lock, or nobody has locked it")
            }
            Reason::OtherLists => f.write_str("the lists of images are not the published ones"),
            Reason::Missing { n, of } => write!(f, "{n} of {of} cells are missing"),
            Reason::OneSeed => {
                f.write_str("one seed: nothing is known of the spread between seeds")
            }
        }
    }
}
