//! What can go wrong between records and a report.

use std::path::PathBuf;

use polars_core::error::PolarsError;

/// A report or a frame that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Two records claim one cell.
    #[error("cell `{cell}` of trial `{trial}` has more than one record")]
    DuplicateCell {
        /// The trial's key.
        trial: String,
        /// The cell's key.
        cell: String,
    },
    /// A cell's record was made by another trial.
    #[error("a cell of trial `{expected}` holds the record of trial `{found}`")]
    WrongTrial {
        /// The trial whose results it is among.
        expected: String,
        /// The trial that its outcome names.
        found: String,
    },
    /// A record counts more than it has.
    #[error("cell `{cell}` of trial `{trial}`: {what} is {found}, expected at most {at_most}")]
    CountTooLarge {
        /// The trial's key.
        trial: String,
        /// The cell's key.
        cell: String,
        /// The count's name.
        what: &'static str,
        /// The count.
        found: usize,
        /// Its bound.
        at_most: usize,
    },
    /// Predictions are not those that a cell's record counts.
    #[error("cell `{cell}` of trial `{trial}`: {reason}")]
    Predictions {
        /// The trial's key.
        trial: String,
        /// The cell's key.
        cell: String,
        /// In what they differ.
        reason: String,
    },
    /// A frame cannot be made or counted.
    #[error("cannot compute with the results' frames")]
    Frame(#[from] PolarsError),
    /// An image cannot be made of a figure.
    #[error("cannot render a figure: {reason}")]
    Render {
        /// What the renderer says.
        reason: String,
    },
    /// A frame's file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not the frame that it should be.
    #[error("`{}` is not a readable frame", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PolarsError,
    },
    /// A frame's file cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file that was to be there.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A frame cannot be encoded.
    #[error("cannot encode `{}`", path.display())]
    Encode {
        /// The file that was to be there.
        path: PathBuf,
        /// Why.
        #[source]
        source: PolarsError,
    },
}
