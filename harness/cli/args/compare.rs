//! Arguments of `compare`.

use std::path::PathBuf;

use clap::Args;
use clsrl_report::statistics::Level;

use super::{gate::parse_level, suite::SelectionArgs};
use crate::compare::{CompareFormat, CompareOptions};

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The run before: the name of its results (`smoke`, `smoke.matched` under another protocol), or their folder.
    // A selection asks for what is named so: here a run names its suite.
    #[arg(id = "suite", value_name = "A")]
    before: String,
    /// The run after, likewise.
    #[arg(value_name = "B")]
    after: String,
    #[command(flatten)]
    selection: SelectionArgs,
    /// The suite of results folders, if it is not the project's suite of the folder's name.
    #[arg(id = "folder-suite", long = "suite", value_name = "NAME|PATH")]
    folder_suite: Option<String>,
    /// The folder of results that are named, instead of `results`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Significance level: the share of errors that an interval allows.
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, default_value = "0.05")]
    alpha: Level,
    /// Output format.
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    format: CompareFormat,
    /// Name every cell, setting and flipped answer in text.
    #[arg(long)]
    all: bool,
}

impl From<CompareArgs> for CompareOptions {
    fn from(args: CompareArgs) -> Self {
        let (selection, variant) = args.selection.split();
        CompareOptions {
            runs: [args.before, args.after],
            selection,
            variant,
            suite: args.folder_suite,
            out: args.out,
            alpha: args.alpha,
            format: args.format,
            all: args.all,
        }
    }
}
