//! Why a baseline cannot be read.

/// A text that is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is no JSON, or of another shape.
    #[error("baseline `{file}` is damaged: {reason}")]
    Damaged {
        /// The file, for the reader.
        file: String,
        /// What and where.
        reason: String,
    },
    /// A newer program wrote it.
    #[error(
        "baseline `{file}` has version {found}, expected at most {expected}\n\
         hint: a newer program wrote it; use that one, or save the baseline again"
    )]
    Newer {
        /// The file.
        file: String,
        /// Its version.
        found: u64,
        /// This program's.
        expected: u64,
    },
    /// Some of its cells or entries contradict themselves.
    #[error("baseline `{file}` contradicts itself\n{}", faults.join("\n"))]
    Contradictory {
        /// The file.
        file: String,
        /// Every fault, a line each.
        faults: Vec<String>,
    },
}
