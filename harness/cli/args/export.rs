//! Arguments of `export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clsrl_spec::ModelId;

use super::suite::SuiteArgs;
use crate::export::{CardOptions, ExportOptions, Names};

/// For whom to export.
#[derive(Debug, Subcommand)]
pub enum ExportVerb {
    /// For lm-evaluation-harness: a folder for each trial, with its results and samples.
    LmEval(ExportArgs),
    /// For Every Eval Ever's datastore: a file of results and one of samples for each trial.
    #[command(override_usage = "clsrl-bench export every-eval-ever [OPTIONS] \
                                --suite <NAME|PATH>\n       --to <DIR>")]
    EveryEvalEver(NamedExportArgs),
    /// For Hugging Face's `load_dataset`: a folder with the data frames in Parquet, and a card.
    Dataset(ExportArgs),
    /// For Hugging Face's hub: a card beside the weights of every trial that were kept.
    ModelCard(ModelCardArgs),
}

/// Arguments of every `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// The folder to write, which is not there yet or empty.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The start model's id on Hugging Face's hub, where `models.lock` has none of its name.
    #[arg(long, value_name = "ID")]
    base_model: Option<ModelId>,
}

/// Arguments of an `export` that says who made the results.
#[derive(Debug, Args)]
pub struct NamedExportArgs {
    #[command(flatten)]
    export: ExportArgs,
    /// Who made the results.
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
}

/// Arguments of `export model-card`.
#[derive(Debug, Args)]
pub struct ModelCardArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// The folder that gets a folder for each trial, instead of the folders of the weights.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The start model's id on Hugging Face's hub, where `models.lock` has none of its name.
    #[arg(long, value_name = "ID")]
    base_model: Option<ModelId>,
}

impl From<ModelCardArgs> for CardOptions {
    fn from(ModelCardArgs { suite, to, base_model }: ModelCardArgs) -> Self {
        CardOptions { suite: suite.into(), to, base_model }
    }
}

impl From<ExportArgs> for ExportOptions {
    fn from(ExportArgs { suite, to, base_model }: ExportArgs) -> Self {
        ExportOptions { suite: suite.into(), to, names: Names { base_model, organization: None } }
    }
}

impl From<NamedExportArgs> for ExportOptions {
    fn from(NamedExportArgs { export, organization }: NamedExportArgs) -> Self {
        let mut options: ExportOptions = export.into();
        options.names.organization = organization;
        options
    }
}
