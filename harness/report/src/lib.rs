//! Records to rows to tables, matrices and frames.
//!
//! Records become rows, rows estimates, estimates a page, and a page documents. Owns the four frames (cells, samples, training curves, transfer), their files, the report in its
//! formats, its figures, and the comparison with the paper's numbers.
//! Knows nothing of how results are found on disk: it is handed records and a plan. Everything but
//! reading and writing frames' files is a pure function, so a report is a function of its results, to
//! the byte.

mod results;
mod context;
mod dataset_order;
mod rows;
mod frames;
mod rescore;
mod tensorboard;
mod export;
mod verdicts;
mod estimate;
mod summary;
mod document;
mod figure;
mod page;
mod table;
mod datum;
mod number;
mod markdown;
mod shown;
mod xml;
mod html;
mod latex;
mod csv_tables;
mod spreadsheet;
pub mod statistics;
pub mod gate;
pub mod baseline;
pub mod compare;
pub mod paper;
mod error;

#[cfg(test)]
mod made;

pub use context::{ReportContext, ReportRows};
pub use dataset_order::DatasetOrder;
pub use document::{Figure, InShort, Report, ReportFile, column_head};
pub use error::ReportError;
pub use export::{
    BaseModel, ExportContext, Exported, FrameSizes, MODEL_CARD_MARK, PublishedData, dataset_card,
    model_card, write_every_eval_ever, write_lm_eval,
};
pub use frames::{
    FrameFile, FrameFormat, SampleCounts, SamplePaths, Samples, frame, samples_frame,
    tally_samples, write_frame, write_samples,
};
pub use markdown::Beside;
pub use rescore::{Rescored, ScoreChange, rescore};
pub use results::{CellProvenance, LeftOut, Provenance, ReadPredictions, TrialResults};
pub use rows::{
    CellRow, ClassRow, Column, Evaluated, Field, FineTune, FrameRow, Hyperparameters, Kind,
    MadeFrom, SampleRow, StepRow, TransferRow, TrialRow, Value,
};
pub use shown::{ShownImage, ShownSamples, Thumbnails};
pub use summary::Classes;
pub use tensorboard::EventFile;
pub use verdicts::SuiteVerdicts;
