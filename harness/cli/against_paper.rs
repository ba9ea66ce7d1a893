//! `report --against paper`: a suite's results beside the numbers that the paper prints.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clsrl_report::{
    TrialResults,
    paper::{AgainstPaper, PaperContext, PublishedNumbers},
};
use clsrl_runner::TrialStatus;

use crate::{
    bench::{Bench, read_suite},
    exit::Exit,
    project::Project,
    report::{Found, inputs, is_drawn, trial_results, write_atomically},
};

/// The published numbers, in the project.
const PUBLISHED: &str = "results/published.csv";

/// The protocol that is the paper's, in the project.
const PROTOCOL: &str = "paper";

/// Writes the comparison as Markdown and CSV; returns the path of the first.
pub fn write(found: &Found, named: &str, statuses: &[TrialStatus]) -> anyhow::Result<PathBuf> {
    let Found { bench, places, store, binding, .. } = found;
    let published = PublishedNumbers::read(&read_published(&bench.project)?)
        .with_context(|| format!("cannot use `{PUBLISHED}`"))
        .map_err(|error| Exit::Usage.because(error))?;
    let under_paper = under_paper(found, named)?;
    let results: Vec<TrialResults> =
        statuses.iter().filter_map(|status| trial_results(status, binding)).collect();
    let (base_model, data) = inputs(store);
    let context = PaperContext {
        suite_name: &bench.suite.name,
        base_model: &base_model,
        synthetic: is_drawn(&bench.suite, &data),
        planned: &bench.trials,
        under_paper: &under_paper.trials,
    };
    let against = AgainstPaper::new(&published, &results, context);
    let path = |extension: &str| {
        places.reports.join(format!("{}.against-paper.{extension}", bench.suite.name))
    };
    write_atomically(&path("md"), against.markdown())?;
    write_atomically(&path("csv"), against.csv())?;
    Ok(path("md"))
}

fn read_published(project: &Project) -> anyhow::Result<String> {
    let path = project.path(PUBLISHED);
    fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// The same part of the suite under the paper's protocol.
fn under_paper(found: &Found, named: &str) -> anyhow::Result<Bench> {
    let project = Project::find()?;
    let suite = read_suite(&project, named, Some(PROTOCOL))?;
    Bench::of(project, suite, named, &found.selection)
}
