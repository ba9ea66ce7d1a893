//! Arguments of `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clsrl_report::{DatasetOrder, FrameFormat};

use super::SelectionArgs;
use crate::report::DocumentFormat;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH")]
    pub suite: String,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The folder of results, frames and report, instead of `results` and `reports`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Further formats of the data frames, beside Parquet: csv, ndjson.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub frames: Vec<FrameFormat>,
    /// The folder that holds the datasets' folders, for the images of samples in the HTML report.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Formats of the report: md, html, tex, csv, figures; all by default.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub format: Vec<DocumentFormat>,
    /// Order of datasets in tables: coop (as in suites) or paper.
    #[arg(long, value_name = "ORDER", default_value = "coop")]
    pub order: DatasetOrder,
    /// Also compare with published numbers, in SUITE.against-paper.md, .html and .csv beside the report and in LaTeX
    /// beside its tables.
    #[arg(long, value_enum)]
    pub against: Option<Against>,
}

/// Whose numbers results are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// Those of the paper CLS-RL, arXiv 2503.16188.
    Paper,
}
