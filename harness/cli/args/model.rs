//! Arguments of `model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::HubModel;

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum ModelVerb {
    /// Fetch the weights of a model from Hugging Face's hub into its cache, check every byte, and print their
    /// folder.
    ///
    /// An interrupted fetch goes on where it was when the same command is given again. HF_HOME, HF_HUB_CACHE,
    /// HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and
    /// SSL_CERT_DIR mean what they mean to Hugging Face's own tools.
    Fetch(FetchModelArgs),
}

/// Arguments of `model fetch`.
#[derive(Debug, Args)]
pub struct FetchModelArgs {
    /// The model, as Qwen/Qwen2-VL-2B-Instruct; behind an @ a branch, tag or commit instead of what is locked,
    /// or else of `main`.
    #[arg(value_name = "ID[@REV]")]
    pub model: HubModel,
    /// Put the files into this folder instead of the cache.
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// The lock of the models, instead of the project's `models.lock`.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// Fetch what the hub has although the lock says otherwise, and lock that instead.
    #[arg(long)]
    pub accept_changes: bool,
    /// Only tell what would be fetched.
    #[arg(long)]
    pub dry_run: bool,
}
