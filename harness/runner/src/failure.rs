//! How a trial failed: what its worker knows of it, and what the run reports.

/// In which way a trial failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// In one that its text tells.
    Reported,
    /// Weights or data were not those that were checked before it began.
    Differs,
    /// The system ended its worker.
    Killed,
    /// A signal ended its worker that asks to end, and may be on its way to the run as well.
    Signalled,
    /// Another signal did.
    Crashed,
    /// Its GPU failed.
    Device,
}

impl FailureKind {
    /// Whether the same trial may go well elsewhere.
    pub(crate) fn is_of_slot(self) -> bool {
        match self {
            FailureKind::Reported | FailureKind::Differs => false,
            FailureKind::Killed
            | FailureKind::Signalled
            | FailureKind::Crashed
            | FailureKind::Device => true,
        }
    }
}

/// How a trial ended that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// In which way.
    pub kind: FailureKind,
    /// Why.
    pub reason: String,
}

impl Failed {
    pub(crate) fn because(reason: String) -> Self {
        Failed { kind: FailureKind::Reported, reason }
    }
}

/// A trial that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The trial's readable name.
    pub trial: String,
    /// In which way.
    pub kind: FailureKind,
    /// Why.
    pub reason: String,
    /// The last lines that its worker wrote to standard error.
    pub tail: Vec<String>,
}
