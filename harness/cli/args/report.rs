//! Arguments of `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clsrl_report::FrameFormat;

use super::SelectionArgs;

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
    /// Formats of the frames beside Parquet: csv, ndjson.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub frames: Vec<FrameFormat>,
    /// The folder that holds the datasets' folders, for the pictures of samples in the HTML report.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Also hold the results to published numbers, in SUITE.against-paper.md and .csv beside the report.
    #[arg(long, value_enum)]
    pub against: Option<Against>,
}

/// Whose numbers results are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// Those of the paper CLS-RL, arXiv 2503.16188.
    Paper,
}
