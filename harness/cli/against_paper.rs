//! `report --against paper`: a suite's results beside the numbers that the paper prints.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clsrl_files::limit;
use clsrl_report::{
    ReportFile, TrialResults,
    paper::{AgainstPaper, PaperContext, PublishedNumbers},
};
use clsrl_runner::TrialStatus;

use crate::{
    exit::Exit,
    output_files::{create_dir, remove_others, write_file},
    project::Project,
    report_writer::{DocumentFormat, ReportWriter},
    request::Request,
    stored_run::{InputNames, trial_results},
    suites::read_suite,
};

/// The published numbers, in the project.
const PUBLISHED: &str = "results/published.csv";

/// The protocol that is the paper's, in the project.
const PROTOCOL: &str = "paper";

/// Whether an earlier report left a comparison, which must not tell of other results than this one.
pub fn exists(request: &Request) -> bool {
    Files::of(request).page("md").exists()
}

/// Writes the comparison of what a report is made of in the formats that are wanted, all if none of its own is named,
/// and in those that are there already; returns the path of the first.
pub fn write(
    report: &ReportWriter<'_>,
    statuses: &[TrialStatus],
    wanted: &[DocumentFormat],
) -> anyhow::Result<PathBuf> {
    let ReportWriter { request, store, binding, .. } = report;
    let published = PublishedNumbers::read(&read_published(&request.project)?)
        .with_context(|| format!("cannot use `{PUBLISHED}`"))
        .map_err(|error| Exit::Usage.because(error))?;
    // The same part of the suite under the paper's protocol.
    let under_paper = read_suite(&request.project, &request.named, Some(PROTOCOL))?;
    let under_paper = clsrl_spec::plan(&under_paper, &request.selection)
        .map_err(|error| Exit::NothingSelected.because(error))?;
    let results: Vec<TrialResults> =
        statuses.iter().filter_map(|status| trial_results(status, binding)).collect();
    let names = InputNames::read(store)?;
    let context = PaperContext {
        suite_name: &request.suite.name,
        base_model: &names.model,
        synthetic: names.is_drawn(&request.suite),
        planned: &request.trials,
        under_paper: &under_paper,
    };
    let against = AgainstPaper::new(&published, &results, context);
    Files::of(request).write(&against, wanted)
}

/// Where the comparison goes: beside the report, its tables in LaTeX beside the report's.
struct Files {
    reports: PathBuf,
    suite: String,
}

impl Files {
    fn of(request: &Request) -> Self {
        Files { reports: request.places.reports.clone(), suite: request.suite.name.clone() }
    }

    fn page(&self, extension: &str) -> PathBuf {
        self.reports.join(format!("{}.against-paper.{extension}", self.suite))
    }

    fn write(&self, against: &AgainstPaper, wanted: &[DocumentFormat]) -> anyhow::Result<PathBuf> {
        let latex_dir = self.reports.join(&self.suite);
        let files = against.latex();
        let latex: Vec<PathBuf> = files.iter().map(|file| latex_dir.join(&file.path)).collect();
        let own = |format: &&DocumentFormat| **format != DocumentFormat::Figures;
        let is_all = wanted.iter().find(own).is_none();
        let is_written = |format, path: &Path| is_all || wanted.contains(&format) || path.exists();
        let mut written = Vec::new();
        let pages: [(DocumentFormat, &str, &dyn Fn() -> String); 3] = [
            (DocumentFormat::Markdown, "md", &|| against.markdown()),
            (DocumentFormat::Html, "html", &|| against.html()),
            (DocumentFormat::Csv, "csv", &|| against.csv()),
        ];
        for (format, extension, text) in pages {
            let path = self.page(extension);
            if is_written(format, &path) {
                write_file(&path, text())?;
                written.push(path);
            }
        }
        let tables = latex_dir.join(AgainstPaper::LATEX_TABLES);
        if is_written(DocumentFormat::Latex, &tables) {
            create_dir(&tables)?;
            for (ReportFile { text, .. }, path) in files.iter().zip(&latex) {
                write_file(path, text)?;
            }
            remove_others(&tables, &["tex"], &latex.iter().map(PathBuf::as_path).collect())?;
            written.extend(latex.last().cloned());
        }
        Ok(written.into_iter().next().expect("a format of its own is named, or all are written"))
    }
}

fn read_published(project: &Project) -> anyhow::Result<String> {
    let path = project.path(PUBLISHED);
    clsrl_files::read_to_string(&path, limit::SETTINGS)
        .with_context(|| format!("cannot read `{}`", path.display()))
}
