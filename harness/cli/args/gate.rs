//! Arguments of `baseline` and of `gate`.

use clap::{Args, Subcommand};
use clsrl_report::{gate::MaxDrop, statistics::Level};

use super::suite::SuiteArgs;
use crate::{
    baseline::SaveOptions,
    gate::{GateFormat, GateOptions},
};

/// What to do with baselines.
#[derive(Debug, Subcommand)]
pub enum BaselineVerb {
    /// Save the last run, or a part of it, in `results/baselines/NAME.json`.
    Save(SaveArgs),
}

/// Arguments of `baseline save`.
#[derive(Debug, Args)]
pub struct SaveArgs {
    /// The baseline's name, or the path of its file.
    #[arg(value_name = "NAME|FILE")]
    name: String,
    #[command(flatten)]
    suite: SuiteArgs,
    /// Save what is done although some cells are missing.
    #[arg(long)]
    allow_incomplete: bool,
}

/// Arguments of `gate`.
#[derive(Debug, Args)]
pub struct GateArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// A baseline's name in `results/baselines/`, or the path of its file.
    #[arg(long, value_name = "NAME|FILE")]
    baseline: String,
    /// The largest drop in accuracy to accept, in points.
    #[arg(long, value_name = "POINTS", value_parser = parse_max_drop, default_value = "1.0")]
    max_drop: MaxDrop,
    /// Significance level: how often the gate may fail although no drop is larger than that.
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, default_value = "0.05")]
    alpha: Level,
    /// Output format.
    #[arg(long, value_enum, default_value_t = GateFormat::Text)]
    format: GateFormat,
    /// Also compare the run's seconds with the baseline's history.
    #[arg(long)]
    wall_clock: bool,
}

impl From<SaveArgs> for SaveOptions {
    fn from(SaveArgs { name, suite, allow_incomplete }: SaveArgs) -> Self {
        SaveOptions { name, suite: suite.into(), allow_incomplete }
    }
}

impl From<GateArgs> for GateOptions {
    fn from(args: GateArgs) -> Self {
        GateOptions {
            suite: args.suite.into(),
            baseline: args.baseline,
            max_drop: args.max_drop,
            alpha: args.alpha,
            format: args.format,
            wall_clock: args.wall_clock,
        }
    }
}

pub(super) fn parse_max_drop(text: &str) -> Result<MaxDrop, String> {
    let points = text.parse().map_err(|_| "expected a number of points".to_owned())?;
    MaxDrop::new(points).map_err(|error| error.to_string())
}

pub(super) fn parse_level(text: &str) -> Result<Level, String> {
    let level = text.parse().map_err(|_| "expected a number between 0 and 1".to_owned())?;
    Level::new(level).map_err(|error| error.to_string())
}
