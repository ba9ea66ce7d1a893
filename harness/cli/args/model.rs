//! Arguments of `model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::HubModel;

use crate::options::FetchOptions;

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum ModelVerb {
    /// Fetch a model into the Hugging Face cache, verify it and print its folder.
    ///
    /// An interrupted fetch goes on where it was when the same command is given again. HF_HOME, HF_HUB_CACHE,
    /// HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and
    /// SSL_CERT_DIR mean what they mean to Hugging Face's own tools.
    Fetch(FetchModelArgs),
}

/// Arguments of `model fetch`.
#[derive(Debug, Args)]
pub struct FetchModelArgs {
    /// The model, such as Qwen/Qwen2-VL-2B-Instruct, with a branch, tag or commit behind an @ if wanted. Without one
    /// it is the commit in the lock, or else `main`.
    #[arg(value_name = "ID[@REV]")]
    model: HubModel,
    /// Put the files into this folder instead of the cache.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The model lock, instead of the project's `models.lock`.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Accept what the hub has where it differs from the lock, and lock that.
    #[arg(long)]
    accept_changes: bool,
    /// Show what would be fetched, and fetch nothing.
    #[arg(long)]
    dry_run: bool,
}

impl From<FetchModelArgs> for FetchOptions {
    fn from(args: FetchModelArgs) -> Self {
        let FetchModelArgs { model, to, lock, accept_changes, dry_run } = args;
        FetchOptions { model, to, lock, accept_changes, dry_run }
    }
}
