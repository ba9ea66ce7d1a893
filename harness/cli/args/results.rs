//! Arguments of `results`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::suite::{SelectionArgs, SuiteArgs};
use crate::results::MergeOptions;

/// What to do with results.
#[derive(Debug, Subcommand)]
pub enum ResultsVerb {
    /// Merge the results of shards, or of several machines, into one folder.
    Merge(MergeArgs),
}

/// Arguments of `results merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The folders to merge, as they were given to `run --out`.
    #[arg(value_name = "DIR", required = true)]
    from: Vec<PathBuf>,
    /// The folder that gets everything; what it has already is kept.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "SUITE")]
    suite: String,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Settle conflicts: the first folder that has a trial wins, with all that it has of it.
    #[arg(long, value_name = "WHICH")]
    prefer: Option<Prefer>,
}

/// Which folder wins a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Prefer {
    /// The one that is merged into, else the first that is named.
    First,
}

impl From<MergeArgs> for MergeOptions {
    fn from(args: MergeArgs) -> Self {
        let MergeArgs { from, into, suite, selection, prefer } = args;
        let suite = SuiteArgs { suite, selection, out: Some(into) };
        MergeOptions { suite: suite.into(), from, prefers_first: prefer == Some(Prefer::First) }
    }
}
