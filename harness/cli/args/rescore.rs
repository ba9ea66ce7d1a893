//! Arguments of `rescore`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clsrl_report::{DatasetOrder, FrameFormat};
use clsrl_spec::Scorer;

use super::SelectionArgs;
use crate::report::DocumentFormat;

/// Arguments of `rescore`.
#[derive(Debug, Args)]
pub struct RescoreArgs {
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH")]
    pub suite: String,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The scorer to use, instead of the protocol's.
    #[arg(long, value_enum)]
    pub scorer: Option<ScorerArg>,
    /// The folder of results, frames and report, instead of `results` and `reports`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Further formats of the data frames, beside Parquet: csv, ndjson.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub frames: Vec<FrameFormat>,
    /// Formats of the report: md, html, tex, csv, figures; all by default.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub format: Vec<DocumentFormat>,
    /// Order of datasets in tables: coop (as in suites) or paper.
    #[arg(long, value_name = "ORDER", default_value = "coop")]
    pub order: DatasetOrder,
    /// Name every cell whose verdicts change.
    #[arg(long)]
    pub list: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A scorer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScorerArg {
    /// The extracted answer contains the label.
    Published,
    /// The answer equals the label after normalization.
    Strict,
}

impl From<ScorerArg> for Scorer {
    fn from(scorer: ScorerArg) -> Self {
        match scorer {
            ScorerArg::Published => Scorer::Published,
            ScorerArg::Strict => Scorer::Strict,
        }
    }
}
