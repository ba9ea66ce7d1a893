//! Arguments of `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::DatasetId;

use crate::names;

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
    pub protocol: String,
    /// The folder that holds the datasets' folders.
    #[arg(long, value_name = "DIR", conflicts_with = "class_names")]
    pub data: Option<PathBuf>,
    /// A folder with a file for each dataset, such as `dtd.txt`, that has a class name on each line.
    #[arg(long, value_name = "DIR")]
    pub class_names: Option<PathBuf>,
    /// Only these datasets, instead of all that the folder has.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::dataset)]
    pub datasets: Vec<DatasetId>,
    /// Print JSON, with every case of every dataset.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print Markdown.
    #[arg(long)]
    pub markdown: bool,
}

/// Arguments of `audit protocol`.
#[derive(Debug, Args)]
pub struct DifferenceArgs {
    /// A protocol's name in `suites/protocols/`, or the path of a protocol file.
    #[arg(value_name = "A")]
    pub a: String,
    /// The protocol to compare with, likewise.
    #[arg(value_name = "B")]
    pub b: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
