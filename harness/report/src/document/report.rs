//! The report, section by section.

use super::{accuracy, format, overview, questions, training, transfer, wall_clock};
use crate::{
    ReportContext, ReportError, ReportFrames, ShownSamples, Thumbnails,
    estimate::Estimates,
    html, markdown,
    page::Page,
    summary::{Clocks, Curves, Score, Scores, Survey, Transfer},
};

const SYNTHETIC_WARNING: &str = "Synthetic. The pictures were drawn by the program and the model \
is tiny: these numbers show that the harness works, and say nothing about the paper.";

/// A suite's report, before any format.
#[derive(Debug)]
pub struct Report {
    page: Page,
    suite: String,
}

impl Report {
    /// Makes a report: the same results and context give the same report.
    pub fn new(frames: ReportFrames<'_>, context: &ReportContext<'_>) -> Result<Self, ReportError> {
        Ok(Report { page: page(frames, context)?, suite: context.suite_name.clone() })
    }

    /// The whole report in Markdown.
    pub fn markdown(&self) -> String {
        markdown::written(&self.page)
    }

    /// The whole report as one HTML file that needs nothing else, with the samples that are shown and those of
    /// their pictures that were found.
    pub fn html(&self, shown: &ShownSamples, thumbnails: &Thumbnails) -> String {
        html::written(&self.page, &format!("Suite {}", self.suite), shown, thumbnails)
    }
}

fn page(frames: ReportFrames<'_>, context: &ReportContext<'_>) -> Result<Page, ReportError> {
    let ReportFrames { cells, curves, verdicts } = frames;
    let survey = Survey::new(cells, context.planned)?;
    let score = Score::of(context.protocol.scorer);
    let scores = Scores::new(&survey, score)?;
    let estimates = Estimates::new(&survey, verdicts, score)?;
    let other_estimates = Estimates::new(&survey, verdicts, score.other())?;
    let transfer = Transfer::new(&survey, score)?;
    let clocks = Clocks::new(cells)?;
    let is_synthetic = context.synthetic || survey.any("synthetic")?;

    let unlocked = survey.never("locked")?;
    let synthetic_note = if is_synthetic { " Synthetic pictures." } else { "" };
    let unlocked_note = if unlocked.is_empty() { "" } else { " Unlocked data." };
    let mut page = Page::new(&format!("{synthetic_note}{unlocked_note}"));
    page.heading(1, &format!("Suite {}", context.suite_name));
    if is_synthetic {
        page.warning(SYNTHETIC_WARNING);
    }
    if !unlocked.is_empty() {
        page.warning(&overview::unlocked(&unlocked));
    }
    let made_lists = survey.never("standard_lists")?;
    if !made_lists.is_empty() {
        page.warning(&overview::made_lists(&made_lists, context));
    }
    if 0 < survey.n_missing {
        page.warning(&overview::incomplete(&survey));
    }
    page.paragraph(&context.suite_description);
    page.heading(2, "In short");
    page.table(&overview::in_short(&survey, &scores, &transfer, &clocks));
    page.heading(2, "What was run");
    page.table(&overview::what_was_run(&survey, context)?);
    page.heading(2, "Accuracy");
    page.table(&accuracy::table(&survey, &scores, &estimates));
    page.table(&accuracy::table_of_other_score(&survey, &scores, &other_estimates));
    let both = match score {
        Score::Published => [&estimates, &other_estimates],
        Score::Strict => [&other_estimates, &estimates],
    };
    page.table(&format::table(&survey, &scores, both));
    page.heading(2, "Questions");
    page.table(&questions::prompts(&survey, context));
    page.table(&questions::texts(&survey, context));
    page.paragraph(&questions::lists(context));
    page.table(&questions::targets(&survey)?);
    page.heading(2, "Wall-clock");
    wall_clock::write(&mut page, &survey, &clocks);
    page.heading(2, "Free-lunch transfer");
    transfer::write(&mut page, &survey, &transfer, (&scores, &estimates));
    page.heading(2, "Training curves");
    training::write(&mut page, &survey, &Curves::new(curves)?);
    page.heading(2, "How to reproduce");
    page.verbatim(&context.command);
    Ok(page)
}
