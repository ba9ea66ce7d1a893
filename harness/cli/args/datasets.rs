//! Arguments of `datasets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::DatasetId;

use crate::names;

/// What to do with the datasets.
#[derive(Debug, Subcommand)]
pub enum DatasetsVerb {
    /// List the datasets: whether they are there, their splits and their lock.
    List(DatasetsArgs),
    /// Lock the datasets as they are: counts, lists, annotations and images.
    Lock(LockArgs),
    /// Compare every file with the lock and look for images in two splits.
    Verify(VerifyArgs),
}

/// Which datasets, and the lock that they are compared with.
#[derive(Debug, Args)]
pub struct DatasetsArgs {
    /// Only these datasets.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::dataset)]
    pub datasets: Vec<DatasetId>,
    /// The folder that holds the datasets' folders, instead of the synthetic ones.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The lock, instead of the project's `datasets.lock`.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// The folder of the lock's file lists, instead of one in the user's cache.
    #[arg(long, value_name = "DIR")]
    pub sidecars: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `datasets lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    #[command(flatten)]
    pub datasets: DatasetsArgs,
    /// Replace locked values that differ from what is there.
    #[arg(long)]
    pub accept_changes: bool,
}

/// Arguments of `datasets verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub datasets: DatasetsArgs,
    /// Hash every file, even if size and times are unchanged, and decode every listed image once.
    #[arg(long)]
    pub deep: bool,
}
