//! The comparison as a document: what holds in short, why numbers are not compared, then number by number.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    compare::{AgainstPaper, Compared, Verdict},
    published::{Experiment, Metric, PublishedNumber},
    reason::Reason,
};
use crate::{
    ReportFile, html, latex,
    markdown::{self, Beside},
    number::{MISSING, Printed, count, fixed, signed, thousands},
    page::Page,
    table::{Align, Cell, Table},
};

/// A table of the paper: where it is printed, of what, with which model.
type PaperTable<'a> = (&'a str, Experiment, &'a str);

/// The different reasons, in the order of the document, each with its numbers.
type Reasons<'a> = Vec<(&'a Reason, usize)>;

impl AgainstPaper {
    /// The folder of the tables in LaTeX, below the suite's folder of reports.
    pub const LATEX_TABLES: &str = "against-paper";

    /// The document in Markdown: the same comparison gives the same bytes, in every format.
    pub fn markdown(&self) -> String {
        markdown::render(&self.page(), &Beside::default())
    }

    /// The document as one HTML file that needs nothing else.
    pub fn html(&self) -> String {
        html::render(&self.page(), &self.title(), None)
    }

    /// The tables in LaTeX, in three widths as floats and as bare tabulars, and the document, which reads them.
    pub fn latex(&self) -> Vec<ReportFile> {
        let page = self.page();
        let file =
            |(name, text)| ReportFile { path: format!("{}/{name}.tex", Self::LATEX_TABLES), text };
        let document = ReportFile {
            path: format!("{}.tex", Self::LATEX_TABLES),
            text: latex::document(&page, Self::LATEX_TABLES),
        };
        latex::files(&page, &self.suite_name).into_iter().map(file).chain([document]).collect()
    }

    fn title(&self) -> String {
        format!("Suite {} against the paper", self.suite_name)
    }

    fn page(&self) -> Page {
        let mut page = Page::new("");
        page.heading(1, &self.title());
        if self.compared.is_empty() {
            page.paragraph("The paper prints no number that this suite gives.");
            return page;
        }
        let tables = self.tables();
        let reasons = self.reasons();
        page.paragraph(&self.in_short());
        page.table(&summary(&tables));
        if !reasons.is_empty() {
            page.heading(2, "Why numbers are not compared");
            page.table(&reasons_table(&reasons));
        }
        if self.compared.iter().any(|compared| !is_another_experiment(compared)) {
            page.heading(2, "How to read it");
            HOW_TO_READ.iter().for_each(|text| page.paragraph(text));
        }
        for (of, compared) in &tables {
            if !compared.iter().all(|compared| is_another_experiment(compared)) {
                let (source, experiment, model) = of;
                page.heading(2, &format!("{}: {source}, {model}", experiment.title()));
                page.table(&number_by_number(of, compared, &reasons));
            }
        }
        page
    }

    /// In the paper's order.
    fn tables(&self) -> Vec<(PaperTable<'_>, Vec<&Compared>)> {
        let mut tables: Vec<(PaperTable<'_>, Vec<&Compared>)> = Vec::new();
        for compared in &self.compared {
            let PublishedNumber { source, experiment, model, .. } = &compared.number;
            let key = (source.as_str(), *experiment, model.as_str());
            match tables.iter_mut().find(|(other, _)| *other == key) {
                Some((_, found)) => found.push(compared),
                None => tables.push((key, vec![compared])),
            }
        }
        tables
    }

    /// Every reason once, the commonest kind of run first.
    fn reasons(&self) -> Reasons<'_> {
        let mut counts: BTreeMap<&Reason, Vec<&PublishedNumber>> = BTreeMap::new();
        for compared in &self.compared {
            for reason in compared.verdict.reasons() {
                counts.entry(reason).or_default().push(&compared.number);
            }
        }
        counts.into_iter().map(|(reason, numbers)| (reason, distinct(numbers))).collect()
    }

    fn in_short(&self) -> String {
        let numbers = by_number(self.compared.iter());
        let n_of = |word: Word| numbers.iter().filter(|(_, found)| *found == word).count();
        let n = thousands(numbers.len());
        if n_of(Word::NotComparable) < numbers.len() {
            return format!(
                "The paper prints {n} numbers that this suite gives: {} within where one more run of ours \
                 would lie, {} outside, {} not comparable.",
                thousands(n_of(Word::Within)),
                thousands(n_of(Word::Outside)),
                thousands(n_of(Word::NotComparable)),
            );
        }
        let sentence =
            format!("The paper prints {n} numbers that this suite gives. None is comparable");
        match self.reasons_of_all().as_slice() {
            [] => format!("{sentence}."),
            reasons => format!("{sentence}: {}.", reasons.join("; ")),
        }
    }

    /// What no number can be compared for, whatever else holds.
    fn reasons_of_all(&self) -> Vec<String> {
        let in_short = |compared: &Compared| -> BTreeSet<(usize, String)> {
            let reasons = compared.verdict.reasons().iter().enumerate();
            reasons.map(|(idx, reason)| (idx, reason.in_short())).collect()
        };
        let all = self.compared.iter().map(in_short).reduce(|left, right| &left & &right);
        all.unwrap_or_default().into_iter().map(|(_, reason)| reason).collect()
    }
}

const HOW_TO_READ: [&str; 5] = [
    "The paper prints single runs without error bars. The interval is where one more run of ours would lie, \
     95 of 100 times: the spread between our seeds (Student's t), and what other lists of names would change, \
     for which Wilson's interval over the images stands in, once for us and once for the paper. The test \
     images are the same on both sides, so the interval errs on the wide side: outside is a strong word, \
     within is as strong as the interval is narrow. Rounding in print is allowed for.",
    "Accuracy is by the published score, whatever the protocol counts. Ours is the mean over seeds; an average \
     is over the datasets that the paper prints beside it; a harmonic mean is that of our means.",
    "The paper does not tell under which prompt zero-shot and SFT were evaluated, nor which zero-shot row its \
     changes are against. Each prompt of ours has a row, and a number counts as within if one of them is.",
    "Nor does it tell any setting of SFT, and neither training images nor lists of names had a seed there. The \
     code that makes the lists of base-to-new is not released, nor that of Think-After-Answer and \
     Adaptive-Thinking.",
    "On FGVCAircraft the paper has the same number, 74.41, for CLS-RL and No-Thinking-CLS-RL.",
];

/// The word on a number that may have several prompts: the best of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Within,
    Outside,
    NotComparable,
}

impl Word {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Within => Word::Within,
            Verdict::Outside => Word::Outside,
            Verdict::NotComparable(_) => Word::NotComparable,
        }
    }
}

/// Whether the run cannot be the paper's experiment, whatever else holds.
fn is_another_experiment(compared: &Compared) -> bool {
    compared.verdict.reasons().iter().any(Reason::is_all)
}

/// Every number once; the rows of a number stand side by side.
fn by_number<'a>(compared: impl Iterator<Item = &'a Compared>) -> Vec<(&'a PublishedNumber, Word)> {
    let mut numbers: Vec<(&PublishedNumber, Word)> = Vec::new();
    for compared in compared {
        let word = Word::of(&compared.verdict);
        match numbers.last_mut().filter(|(number, _)| **number == compared.number) {
            Some((_, found)) => *found = word.min(*found),
            None => numbers.push((&compared.number, word)),
        }
    }
    numbers
}

fn distinct(mut numbers: Vec<&PublishedNumber>) -> usize {
    numbers.dedup();
    numbers.len()
}

fn summary(tables: &[(PaperTable<'_>, Vec<&Compared>)]) -> Table {
    let heads = ["The paper's", "Model", "Numbers", "Within", "Outside", "Not comparable"];
    let caption = "The published numbers that this suite gives, by table of the paper.";
    let mut table = Table::of_numbers(caption.to_owned(), &heads).named("summary");
    table.columns[1].align = Align::Left;
    for ((source, experiment, model), compared) in tables {
        let numbers = by_number(compared.iter().copied());
        let n_of = |word: Word| numbers.iter().filter(|(_, found)| *found == word).count();
        let counts =
            [numbers.len(), n_of(Word::Within), n_of(Word::Outside), n_of(Word::NotComparable)];
        let name = format!("{}: {source}", experiment.title());
        let texts = [name.into(), (*model).into()];
        table.push_plain(texts.into_iter().chain(counts.map(thousands)));
    }
    table
}

fn reasons_table(reasons: &Reasons<'_>) -> Table {
    let caption = "Why numbers are not compared, and how many. A number can have several reasons.";
    let heads = ["No.", "Reason", "Numbers"];
    let mut table = Table::of_numbers(caption.to_owned(), &heads).named("reasons");
    table.columns[1].align = Align::Left;
    for (idx, (reason, n)) in reasons.iter().enumerate() {
        table.push_plain([count(idx + 1), reason.to_string().into(), thousands(*n)]);
    }
    table
}

/// Which columns the numbers of a table need.
struct Columns {
    /// None if every model was evaluated on what it was trained on.
    trained_on: Option<&'static str>,
    /// None if all numbers are of one metric.
    number: Option<&'static str>,
}

impl Columns {
    fn of(compared: &[&Compared]) -> Self {
        let is_elsewhere = |compared: &&Compared| {
            compared.number.trained_on.is_some_and(|found| found != compared.number.target)
        };
        let first = compared.first().map(|compared| compared.number.metric);
        let is_other = |compared: &&Compared| Some(compared.number.metric) != first;
        Columns {
            trained_on: compared.iter().any(is_elsewhere).then_some("Trained on"),
            number: compared.iter().any(is_other).then_some("Number"),
        }
    }

    fn caption(&self, experiment: Experiment, compared: &[&Compared]) -> String {
        let mut caption = "Number by number".to_owned();
        match (self.number, compared.first()) {
            (None, Some(first)) => caption.push_str(&format!(": {}.", first.number.metric.title())),
            _ => caption.push('.'),
        }
        let is_any_trained = compared.iter().any(|compared| compared.number.trained_on.is_some());
        if self.trained_on.is_none() && is_any_trained {
            caption.push_str(" Methods are evaluated on what they were trained on.");
        }
        if experiment == Experiment::Transfer {
            caption.push_str(
                " Prompt: that of the trained model, then that of zero-shot, against which the change is.",
            );
        }
        caption
    }
}

fn number_by_number(
    (source, experiment, model): &PaperTable<'_>,
    compared: &[&Compared],
    reasons: &Reasons<'_>,
) -> Table {
    let columns = Columns::of(compared);
    let texts =
        [Some("Method"), columns.trained_on, Some("Target"), columns.number, Some("Prompt")];
    let texts: Vec<&str> = texts.into_iter().flatten().collect();
    let numbers = ["Ours", "One more run", "Paper", "Difference"];
    let heads = [&texts[..], &numbers, &["Verdict"]].concat();
    let name = slug(&format!("{} {source} {model}", experiment.title()));
    let mut table = Table::of_numbers(columns.caption(*experiment, compared), &heads).named(name);
    for column in (1..texts.len()).chain([heads.len() - 1]) {
        table.columns[column].align = Align::Left;
    }
    for compared in compared {
        let word = match &compared.verdict {
            verdict @ Verdict::Outside => Cell::bold(verdict.word()),
            verdict => Cell::plain(format!("{}{}", verdict.word(), marks(verdict, reasons))),
        };
        let texts = texts_of(compared, &columns).into_iter().map(Printed::from);
        let cells = texts.chain(numbers_of(compared));
        table.push(cells.map(Cell::plain).chain([word]).collect());
    }
    table
}

fn texts_of(compared: &Compared, columns: &Columns) -> Vec<String> {
    let Compared { number, prompt, zero_shot_prompt, .. } = compared;
    let trained_on =
        number.trained_on.map_or(MISSING.to_owned(), |trained_on| trained_on.title().to_owned());
    let prompts = [Some(*prompt), *zero_shot_prompt].into_iter().flatten();
    let prompts: Vec<String> = prompts.map(|prompt| prompt.to_string()).collect();
    let cells = [
        Some(number.method.title().to_owned()),
        columns.trained_on.map(|_| trained_on),
        Some(number.target.title().to_owned()),
        columns.number.map(|_| number.metric.title().to_owned()),
        Some(prompts.join(", ")),
    ];
    cells.into_iter().flatten().collect()
}

fn numbers_of(compared: &Compared) -> [Printed; 4] {
    let Compared { number, ours, .. } = compared;
    let digits = match number.metric {
        Metric::TrainingMinutes | Metric::InferenceMinutes => 0,
        _ => 2,
    };
    let value = ours.map(|ours| ours.value);
    let interval = ours.and_then(|ours| ours.interval).map_or(MISSING.into(), |interval| {
        let [lower, upper] = [interval.lower, interval.upper].map(|end| fixed(Some(end), digits));
        lower.and(&format!(" to {upper}"))
    });
    [
        fixed(value, digits),
        interval,
        fixed(Some(number.value), digits),
        signed(value.map(|ours| ours - number.value), digits),
    ]
}

/// The numbers of a verdict's reasons, in parentheses.
fn marks(verdict: &Verdict, reasons: &Reasons<'_>) -> String {
    let position = |reason: &Reason| reasons.iter().position(|(other, _)| *other == reason);
    let marks: Vec<String> =
        verdict.reasons().iter().filter_map(position).map(|idx| (idx + 1).to_string()).collect();
    if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) }
}

/// A name as files have it: letters, digits, and hyphens between them.
fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}
