//! Arguments of `datasets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::DatasetId;

use super::inputs::DataArgs;
use crate::{
    names,
    options::{DataOptions, DatasetsOptions, FetchDatasetsOptions},
};

/// What to do with the datasets.
#[derive(Debug, Subcommand)]
pub enum DatasetsVerb {
    /// List the datasets: whether they are there, their splits and their lock.
    List(ListArgs),
    /// Fetch the datasets' files, check, unpack and verify them.
    Fetch(FetchDatasetsArgs),
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

/// Arguments of `datasets list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub datasets: DatasetsArgs,
    /// List what is published instead: each file with its address, size, checksum and licence.
    #[arg(long)]
    pub sources: bool,
}

/// Arguments of `datasets fetch`.
#[derive(Debug, Args)]
pub struct FetchDatasetsArgs {
    /// The datasets; all eleven if none is named.
    #[arg(value_name = "NAME", value_parser = names::dataset)]
    names: Vec<DatasetId>,
    /// The folder that holds the datasets' folders, or will.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A folder with files that cannot be fetched, or were already; repeatable.
    #[arg(long, value_name = "DIR")]
    from: Vec<PathBuf>,
    /// Fetch from `URL/DATASET/FILE` instead of the published addresses.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Print what is here, what would be fetched and what is left by hand.
    #[arg(long)]
    dry_run: bool,
    /// Fetch files without a published checksum too.
    #[arg(long)]
    trust_first_use: bool,
    /// Keep what was fetched in `DIR/.fetch` after it is unpacked.
    #[arg(long)]
    keep_archives: bool,
    /// The lock, instead of the project's `datasets.lock`.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// The folder of the lock's file lists, instead of one in the user's cache.
    #[arg(long, value_name = "DIR")]
    sidecars: Option<PathBuf>,
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

impl From<FetchDatasetsArgs> for FetchDatasetsOptions {
    fn from(args: FetchDatasetsArgs) -> Self {
        let FetchDatasetsArgs { names, data, from, mirror, dry_run, .. } = args;
        let FetchDatasetsArgs { trust_first_use, keep_archives, lock, sidecars, .. } = args;
        let place =
            DataOptions { dir: Some(data.clone()), lock, sidecars, ..DataOptions::default() };
        FetchDatasetsOptions {
            ids: names,
            dir: data,
            place,
            from,
            mirror,
            dry_run,
            trust_first_use,
            keep_archives,
        }
    }
}
