//! Arguments of `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::DatasetId;

use crate::{
    audit::{CompareOptions, RewardsOptions},
    names,
};

/// What to audit.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Find wrong answers that a protocol's rewards and scorers accept.
    Rewards(RewardsArgs),
    /// Show in which fields two protocols differ, and what each changes.
    Protocol(DifferenceArgs),
}

/// Arguments of `audit rewards`.
#[derive(Debug, Args)]
pub struct RewardsArgs {
    /// A protocol's name in `suites/protocols/`, or the path of a protocol file.
    #[arg(long, value_name = "NAME|PATH")]
    protocol: String,
    /// The folder that holds the datasets' folders.
    #[arg(long, value_name = "DIR", conflicts_with = "class_names")]
    data: Option<PathBuf>,
    /// A folder with a file for each dataset, such as `dtd.txt`, that has a class name on each line.
    #[arg(long, value_name = "DIR")]
    class_names: Option<PathBuf>,
    /// Only these datasets, instead of all that the folder has.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::dataset)]
    datasets: Vec<DatasetId>,
    /// Print JSON, with every case of every dataset.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown.
    #[arg(long)]
    markdown: bool,
}

/// Arguments of `audit protocol`.
#[derive(Debug, Args)]
pub struct DifferenceArgs {
    /// A protocol's name in `suites/protocols/`, or the path of a protocol file.
    #[arg(value_name = "A")]
    a: String,
    /// The protocol to compare with, likewise.
    #[arg(value_name = "B")]
    b: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl From<RewardsArgs> for RewardsOptions {
    fn from(args: RewardsArgs) -> Self {
        let RewardsArgs { protocol, data, class_names, datasets, json, markdown } = args;
        RewardsOptions { protocol, data, class_names, datasets, json, markdown }
    }
}

impl From<DifferenceArgs> for CompareOptions {
    fn from(DifferenceArgs { a, b, json }: DifferenceArgs) -> Self {
        CompareOptions { a, b, json }
    }
}
