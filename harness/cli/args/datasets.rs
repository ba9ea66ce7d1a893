//! Arguments of `datasets`.

use clap::{Args, Subcommand};
use clsrl_spec::DatasetId;

use super::inputs::DataArgs;
use crate::{names, options::DatasetsOptions};

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
    datasets: Vec<DatasetId>,
    #[command(flatten)]
    data: DataArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
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

impl From<DatasetsArgs> for DatasetsOptions {
    fn from(DatasetsArgs { datasets: ids, data, json }: DatasetsArgs) -> Self {
        DatasetsOptions { ids, data: data.into(), json }
    }
}
