//! Arguments of `plan`.

use clap::Args;
use clsrl_runner::Shard;

use super::{inputs::InputArgs, suite::SuiteArgs};
use crate::plan::PlanOptions;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    inputs: InputArgs,
    /// Only shard K of N, as `run --shard` has it.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// List every trial with its cells, and why they are not done.
    #[arg(long)]
    list: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl From<PlanArgs> for PlanOptions {
    fn from(PlanArgs { suite, inputs, shard, list, json }: PlanArgs) -> Self {
        PlanOptions { suite: suite.into(), inputs: inputs.into(), shard, list, json }
    }
}
