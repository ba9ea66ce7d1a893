//! Arguments of `baseline` and of `gate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clsrl_report::{gate::MaxDrop, statistics::Level};

use super::SelectionArgs;

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
    pub name: String,
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH")]
    pub suite: String,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The folder of the results, instead of `results`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Save what is done although some cells are missing.
    #[arg(long)]
    pub allow_incomplete: bool,
}

/// Arguments of `gate`.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH")]
    pub suite: String,
    /// A baseline's name in `results/baselines/`, or the path of its file.
    #[arg(long, value_name = "NAME|FILE")]
    pub baseline: String,
    /// The largest drop in accuracy to accept, in points.
    #[arg(long, value_name = "POINTS", value_parser = parse_max_drop, default_value = "1.0")]
    pub max_drop: MaxDrop,
    /// Significance level: how often the gate may fail although no drop is larger than that.
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, default_value = "0.05")]
    pub alpha: Level,
    /// Output format.
    #[arg(long, value_enum, default_value_t = GateFormat::Text)]
    pub format: GateFormat,
    /// Also compare the run's seconds with the baseline's history.
    #[arg(long)]
    pub wall_clock: bool,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The folder of the results, instead of `results`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How the gate's outcome is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GateFormat {
    /// Plain lines.
    Text,
    /// Markdown.
    Markdown,
    /// Annotations of GitHub Actions; Markdown goes to the job's summary if there is one.
    Github,
    /// JUnit's XML.
    Junit,
    /// JSON.
    Json,
}

fn parse_max_drop(text: &str) -> Result<MaxDrop, String> {
    let points = text.parse().map_err(|_| "expected a number of points".to_owned())?;
    MaxDrop::new(points).map_err(|error| error.to_string())
}

fn parse_level(text: &str) -> Result<Level, String> {
    let level = text.parse().map_err(|_| "expected a number between 0 and 1".to_owned())?;
    Level::new(level).map_err(|error| error.to_string())
}
