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
    /// The score that counts, instead of the protocol's.
    #[arg(long, value_enum)]
    pub scorer: Option<ScorerArg>,
    /// The folder of results, frames and report, instead of `results` and `reports`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Formats of the frames beside Parquet: csv, ndjson.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub frames: Vec<FrameFormat>,
    /// Formats of the documents: md, html, tex, csv, figures; all of them by default.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub format: Vec<DocumentFormat>,
    /// The order of datasets in tables: coop, in which suites list them, or paper.
    #[arg(long, value_name = "ORDER", default_value = "coop")]
    pub order: DatasetOrder,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A scorer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScorerArg {
    /// The label is somewhere in the extracted answer.
    Published,
    /// The answer equals the label after normalisation.
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
