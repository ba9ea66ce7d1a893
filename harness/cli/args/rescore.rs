//! Arguments of `rescore`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clsrl_report::FrameFormat;
use clsrl_spec::Scorer;

use super::SelectionArgs;

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
