//! Arguments of `plan`.

use clap::Args;

use super::{inputs::InputArgs, suite::SuiteArgs};
use crate::plan::PlanOptions;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    inputs: InputArgs,
    /// List every trial with its cells, and why they are not done.
    #[arg(long)]
    list: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl From<PlanArgs> for PlanOptions {
    fn from(PlanArgs { suite, inputs, list, json }: PlanArgs) -> Self {
        PlanOptions { suite: suite.into(), inputs: inputs.into(), list, json }
    }
}
