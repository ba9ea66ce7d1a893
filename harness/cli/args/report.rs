//! Arguments of `report` and of `rescore`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clsrl_report::{DatasetOrder, FrameFormat};
use clsrl_spec::Scorer;

use super::suite::SuiteArgs;
use crate::{
    names,
    report::ReportOptions,
    report_writer::{DocumentFormat, ReportFormats},
    rescore::RescoreOptions,
};

/// Which files of a report are wanted.
#[derive(Debug, Args)]
struct FormatArgs {
    /// Further formats of the data frames, beside Parquet: csv, ndjson.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::value::<FrameFormat>(&["parquet", "csv", "ndjson"]))]
    frames: Vec<FrameFormat>,
    /// Formats of the report: md, html, tex, csv, figures; all by default.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::value::<DocumentFormat>(&["md", "html", "tex", "csv", "figures"]))]
    format: Vec<DocumentFormat>,
    /// Order of datasets in tables: coop (as in suites) or paper.
    #[arg(long, value_name = "ORDER", default_value = "coop", value_parser = names::value::<DatasetOrder>(&["coop", "paper"]))]
    order: DatasetOrder,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    formats: FormatArgs,
    /// The folder that holds the datasets' folders, for the images of samples in the HTML report.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Also compare with published numbers, in SUITE.against-paper.md, .html and .csv beside the report and in LaTeX
    /// beside its tables.
    #[arg(long, value_enum)]
    against: Option<Against>,
}

/// Whose numbers results are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Against {
    /// Those of the paper CLS-RL, arXiv 2503.16188.
    Paper,
}

/// Arguments of `rescore`.
#[derive(Debug, Args)]
pub struct RescoreArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// The scorer to use, instead of the protocol's.
    #[arg(long, value_enum)]
    scorer: Option<ScorerArg>,
    #[command(flatten)]
    formats: FormatArgs,
    /// Name every cell whose verdicts change.
    #[arg(long)]
    list: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A scorer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScorerArg {
    /// The extracted answer contains the label.
    Published,
    /// The answer equals the label after normalization.
    Strict,
}

impl From<FormatArgs> for ReportFormats {
    fn from(FormatArgs { frames, format: documents, order }: FormatArgs) -> Self {
        ReportFormats { frames, documents, order }
    }
}

impl From<ReportArgs> for ReportOptions {
    fn from(ReportArgs { suite, formats, data, against }: ReportArgs) -> Self {
        ReportOptions {
            suite: suite.into(),
            formats: formats.into(),
            data,
            against_paper: against == Some(Against::Paper),
        }
    }
}

impl From<RescoreArgs> for RescoreOptions {
    fn from(RescoreArgs { suite, scorer, formats, list, json }: RescoreArgs) -> Self {
        let scorer = scorer.map(|scorer| match scorer {
            ScorerArg::Published => Scorer::Published,
            ScorerArg::Strict => Scorer::Strict,
        });
        RescoreOptions { suite: suite.into(), scorer, formats: formats.into(), list, json }
    }
}
