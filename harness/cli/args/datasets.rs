//! Arguments of `datasets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::DatasetId;

/// What to do with the datasets.
#[derive(Debug, Subcommand)]
pub enum DatasetsVerb {
    /// Tell of each dataset whether it is there, how its lists are, and what the lock says of it.
    List(DatasetsArgs),
    /// Write what lies there into the lock: counts, lists, annotation files, pictures.
    Lock(LockArgs),
    /// Compare every byte with the lock, and look for pictures that stand in two splits.
    Verify(VerifyArgs),
}

/// Which datasets, and the lock that they are compared with.
#[derive(Debug, Args)]
pub struct DatasetsArgs {
    /// Only these datasets.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub datasets: Vec<DatasetId>,
    /// The folder that holds the datasets' folders, instead of the drawn ones.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The lock, instead of the project's `datasets.lock`.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// The folder of sidecars, which name every file, instead of one in the user's cache.
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
    /// Replace what was verified by what lies there.
    #[arg(long)]
    pub accept_changes: bool,
}

/// Arguments of `datasets verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub datasets: DatasetsArgs,
    /// Read every file, also those whose size and times have not changed since they were last read, and decode
    /// every picture of the lists once.
    #[arg(long)]
    pub deep: bool,
}
