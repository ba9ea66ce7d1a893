//! The report, section by section.

use super::{
    Figure,
    accuracy::{self, Wanted},
    base_new, classes, efficiency, format,
    illustrations::Illustrated,
    overview, provenance, questions, shots, training, transfer, wall_clock,
};
use crate::{
    ReportContext, ReportError, ReportRows, ShownSamples, Thumbnails, csv_tables,
    estimate::Estimates,
    html, latex,
    markdown::{self, Beside},
    page::{Block, Page, SYNTHETIC, UNLOCKED},
    rows::TransferRow,
    summary::{Clocks, Curves, Pace, Score, Survey, Transfer},
    table::{Cell, Column, Table},
};

const SYNTHETIC_WARNING: &str = "Synthetic. The images were drawn by the program and the model \
is tiny: these numbers show that the harness works, and say nothing about the paper.";

/// A suite's report, before any format.
#[derive(Debug)]
pub struct Report {
    page: Page,
    suite: String,
    score: &'static str,
    illustrated: Illustrated,
}

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// Its path below the suite's folder of reports.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A report in short, for a terminal: plain texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InShort {
    /// What is to be known before any number, a paragraph each.
    pub warnings: Vec<String>,
    /// The columns' heads.
    pub heads: Vec<String>,
    /// A row for each method, one text for each column; empty where there is nothing to say.
    pub rows: Vec<Vec<String>>,
    /// The score that counts: `published` or `strict`.
    pub score: &'static str,
}

impl Report {
    /// Makes a report: the same results and context give the same report.
    pub fn new(rows: ReportRows<'_>, context: &ReportContext<'_>) -> Result<Self, ReportError> {
        let (page, illustrated) = build(rows, context)?;
        let score = Score::of(context.protocol.scorer).name();
        Ok(Report { page, suite: context.suite_name.clone(), score, illustrated })
    }

    /// The first table with the warnings before it, to be printed elsewhere than in a document.
    pub fn in_short(&self) -> InShort {
        let mut in_short = InShort { score: self.score, ..InShort::default() };
        for block in self.page.blocks() {
            match block {
                Block::Warning(text) => in_short.warnings.push(text.clone()),
                Block::Table(table) if table.name.as_deref() == Some(overview::IN_SHORT) => {
                    in_short.heads = table.columns.iter().map(Column::full_head).collect();
                    let text = |cell: &Cell| cell.text.clone();
                    in_short.rows =
                        table.rows.iter().map(|row| row.iter().map(text).collect()).collect();
                }
                _ => {}
            }
        }
        in_short
    }

    /// The figures, in the order of the report; each is drawn anew.
    pub fn figures(&self) -> Result<Vec<Figure>, ReportError> {
        self.illustrated.figures()
    }

    /// A row for each change of every matrix.
    pub fn transfer(&self) -> &[TransferRow] {
        &self.illustrated.transfer
    }

    /// The whole report in Markdown, with links to what is beside it.
    pub fn markdown(&self, beside: &Beside) -> String {
        markdown::render(&self.page, beside)
    }

    /// The whole report as one HTML file that needs nothing else, with the samples that are shown and those of
    /// their images that were found.
    pub fn html(&self, shown: &ShownSamples, thumbnails: &Thumbnails) -> String {
        let samples = Some((shown, thumbnails));
        html::render(&self.page, &format!("Suite {}", self.suite), samples)
    }

    /// The tables and matrices in LaTeX, in three widths as floats and as bare tabulars; and a document of the whole
    /// report that reads them.
    pub fn latex(&self) -> Vec<ReportFile> {
        let document =
            ReportFile { path: "tables.tex".to_owned(), text: latex::document(&self.page, TABLES) };
        let file = |(name, text)| ReportFile { path: format!("{TABLES}/{name}.tex"), text };
        let tables = latex::files(&self.page, &self.suite);
        tables.into_iter().map(file).chain([document]).collect()
    }

    /// The numbers of the tables in CSV, a file each; of a table of texts, the texts.
    pub fn csv(&self) -> Vec<ReportFile> {
        let file = |table: &Table| ReportFile {
            path: table_path(table, "csv"),
            text: csv_tables::render(table, &self.suite),
        };
        self.page.named_tables().into_iter().map(file).collect()
    }
}

/// The folder of tables, below the suite's folder of reports.
const TABLES: &str = "tables";

fn table_path(table: &Table, extension: &str) -> String {
    format!("{TABLES}/{}.{extension}", table.name.as_deref().unwrap_or_default())
}

fn build(
    rows: ReportRows<'_>,
    context: &ReportContext<'_>,
) -> Result<(Page, Illustrated), ReportError> {
    let ReportRows { cells, trials, steps, verdicts, classes } = rows;
    let survey = Survey::new(cells, context.planned, context.order);
    let score = Score::of(context.protocol.scorer);
    let estimates = Estimates::new(&survey, verdicts, score);
    let other_estimates = Estimates::new(&survey, verdicts, score.other());
    let transfer = Transfer::new(&survey, &estimates);
    let clocks = Clocks::new(trials);
    let is_synthetic = context.synthetic || survey.done().any(|row| row.synthetic);

    let unlocked = survey.never(|row| row.locked);
    let marks = [is_synthetic.then_some(SYNTHETIC), (!unlocked.is_empty()).then_some(UNLOCKED)];
    let marks: String = marks.into_iter().flatten().map(|mark| format!(" {mark}")).collect();
    let mut page = Page::new(&marks);
    page.heading(1, &format!("Suite {}", context.suite_name));
    write_warnings(&mut page, &survey, context, is_synthetic);
    page.paragraph(&context.suite_description);
    page.files();
    page.heading(2, "In short");
    page.table(&overview::in_short(&survey, &estimates, &transfer, &clocks));
    page.heading(2, "Accuracy");
    let note = provenance::note(&survey, context);
    let sides = [&estimates, &other_estimates];
    write_accuracy(&mut page, &survey, sides, (&clocks, &Pace::new(steps)), &note);
    page.heading(2, "Free-lunch transfer");
    transfer::write(&mut page, &survey, &transfer, context);
    classes::write(&mut page, &survey, classes, (score, &context.frames));
    page.heading(2, "Training curves");
    let illustrated = Illustrated::new(&survey, &estimates, &transfer, steps, context);
    for plot in illustrated.line_plots() {
        page.figure(plot);
    }
    page.fold("First step and last", |page| training::write(page, &survey, &Curves::new(steps)));
    page.heading(2, "Questions");
    page.fold("Prompts, texts and lists", |page| questions::write(page, &survey, context));
    page.heading(2, "Wall-clock");
    page.fold("By phase and by dataset", |page| wall_clock::write(page, &survey, &clocks));
    page.heading(2, "What was run");
    page.table(&overview::what_was_run(&survey, context));
    page.heading(2, "How to reproduce");
    page.verbatim(&context.command);
    Ok((page, illustrated))
}

/// What nobody may overlook.
fn write_warnings(
    page: &mut Page,
    survey: &Survey,
    context: &ReportContext<'_>,
    is_synthetic: bool,
) {
    if is_synthetic {
        page.warning(SYNTHETIC_WARNING);
    }
    let unlocked = survey.never(|row| row.locked);
    if !unlocked.is_empty() {
        page.warning(&overview::unlocked(&unlocked));
    }
    let made_lists = survey.never(|row| row.standard_lists);
    if !made_lists.is_empty() {
        page.warning(&overview::made_lists(&made_lists, context));
    }
    if 0 < survey.n_missing {
        page.warning(&overview::incomplete(survey));
    }
}

/// The tables that have files of their own; the first estimates are those of the score that counts. What a
/// reader wants first stands open, the whole of it below.
fn write_accuracy(
    page: &mut Page,
    survey: &Survey,
    [counted, other]: [&Estimates<'_>; 2],
    (clocks, pace): (&Clocks, &Pace),
    note: &str,
) {
    let noted = |table: Table| {
        let notes = [table.notes.clone(), vec![note.into()]].concat();
        Table { notes, ..table }
    };
    for shots in survey.shots() {
        base_new::table(survey, counted, shots).into_iter().for_each(|one| page.table(&noted(one)));
    }
    for &form in &survey.forms {
        shots::table(survey, counted, form).into_iter().for_each(|one| page.table(&noted(one)));
    }
    let both = [(counted, true), (other, false)].into_iter();
    let wanted = |(estimates, is_counted)| {
        let of_form = move |&form| {
            let wanted = move |shots| Wanted { survey, estimates, form, shots, is_counted };
            survey.shots().into_iter().map(wanted)
        };
        survey.forms.iter().flat_map(of_form)
    };
    let wanted: Vec<Wanted<'_>> = both.flat_map(wanted).collect();
    if !survey.has_several_shots() {
        for wanted in wanted.iter().filter(|wanted| wanted.is_counted) {
            page.brief(&accuracy::brief(*wanted));
        }
    }
    page.fold("Changes, what was detectable, and the other score", |page| {
        wanted.iter().for_each(|wanted| page.table(&noted(accuracy::table(*wanted))));
    });
    let scores = match counted.score {
        Score::Published => [counted, other],
        Score::Strict => [other, counted],
    };
    page.fold("Format against accuracy, and efficiency", |page| {
        page.table(&noted(format::table(survey, scores)));
        let efficiency = efficiency::table(survey, counted, clocks, pace);
        efficiency.into_iter().for_each(|one| page.table(&noted(one)));
    });
}
