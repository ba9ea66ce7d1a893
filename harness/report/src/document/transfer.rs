//! The free-lunch matrices: a table per trained method, and one per pair of them.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::DatasetId;

use super::{matrix_figure, names};
use crate::{
    ReportContext,
    estimate::{Change, Estimate},
    figure::Diverging,
    number::{Printed, certain_signed, fixed, signed, thousands},
    page::{Entry, Matrix, Page},
    summary::{Survey, Transfer, TransferMatrix},
    table::{Cell, Note, Style, Table},
};

/// Stands behind a change between datasets that share class names.
const SHARED: &str = "°";

/// Writes the matrices of all trained arms, their differences, and which datasets share class names.
pub(super) fn write(
    page: &mut Page,
    survey: &Survey,
    transfer: &Transfer,
    context: &ReportContext<'_>,
) {
    if transfer.matrices.is_empty() {
        return page.paragraph("Nothing was trained, so there is no transfer.");
    }
    if survey.targets.len() < 2 {
        return page.paragraph("There is one dataset, so there is nothing to transfer to.");
    }
    page.paragraph(
        "What training on one dataset changes on the others; the paper calls a gain there a free \
         lunch.",
    );
    let writer = Writer { survey, transfer, context };
    let scale = matrix_figure::scale(&transfer.matrices);
    for matrix in &transfer.matrices {
        page.heading(3, &names::arm(survey, matrix.arm));
        match matrix.zero_shot.iter().any(|accuracy| accuracy.mean.is_some()) {
            true => writer.matrix(page, matrix, scale),
            false => page.paragraph(&format!(
                "There are no zero-shot results under the {} prompt, so no change can be given.",
                matrix.arm.prompt()
            )),
        }
    }
    page.paragraph(&shared(survey, context));
    page.fold("Differences of the methods, pair by pair", |page| {
        let scale = matrix_figure::scale(&transfer.differences);
        for matrix in transfer.differences.iter().filter(|matrix| matrix.is_any()) {
            let arms = [matrix.arm, matrix.against].map(|arm| names::arm(survey, arm));
            page.heading(3, &format!("{} against {}", arms[0], arms[1]));
            writer.matrix(page, matrix, scale);
        }
    });
}

struct Writer<'a> {
    survey: &'a Survey,
    transfer: &'a Transfer,
    context: &'a ReportContext<'a>,
}

impl Writer<'_> {
    fn matrix(&self, page: &mut Page, matrix: &TransferMatrix, scale: Diverging) {
        page.paragraph(&self.verdict(matrix));
        page.matrix(self.printed(matrix, scale));
    }

    fn printed(&self, matrix: &TransferMatrix, scale: Diverging) -> Matrix {
        let heads = names::heads(&["Trained on", "All", "Others"], &matrix.targets);
        let mut table = Table::of_numbers(self.caption(matrix), &heads);
        if !matrix.against.is_trained() {
            table.push(reference(matrix));
        }
        let mut entries = BTreeMap::new();
        for ((&source, cells), others) in
            matrix.sources.iter().zip(&matrix.cells).zip(&matrix.by_source)
        {
            for (column, (&target, change)) in matrix.targets.iter().zip(cells).enumerate() {
                // Before the cells stand the row's head and its two means.
                let at = (table.rows.len(), column + 3);
                entries.extend(self.entry(matrix, source, target, change).map(|entry| (at, entry)));
            }
            let all = names::mean_of_all(cells.iter().map(|change| change.estimate.mean));
            let mut row = vec![Cell::plain(names::head(source)), Cell::plain(signed(all, 1))];
            row.push(Cell::plain(shown(others)));
            let of_cells = matrix.targets.iter().zip(cells);
            row.extend(of_cells.map(|(&target, change)| self.cell(source, target, change)));
            table.push(row);
            push_halves(&mut table, [None, Some(others)].into_iter().chain(cells.iter().map(Some)));
        }
        let all = matrix.cells().map(|(_, _, change)| change.estimate.mean);
        let mut last = vec![Cell::italic("mean")];
        last.push(Cell::italic(signed(names::mean_of_all(all), 1)));
        last.push(Cell::italic(shown(&matrix.whole)));
        last.extend(matrix.by_target.iter().map(|change| Cell::italic(shown(change))));
        table.push(last);
        let means = [None, Some(&matrix.whole)].into_iter();
        push_halves(&mut table, means.chain(matrix.by_target.iter().map(Some)));
        let changes: Vec<Change> = matrix.cells.concat();
        table.notes = notes(&changes);
        let is_shared = |row: &Vec<Cell>| row.iter().any(|cell| cell.text.ends_with(SHARED));
        if table.rows.iter().any(is_shared) {
            table.notes.push("° The two datasets share class names.".into());
        }
        // A matrix without a change has no file.
        table.name = matrix.is_any().then(|| matrix_figure::name(matrix));
        Matrix { table, entries, scale }
    }

    /// What stands behind a change.
    fn entry(
        &self,
        matrix: &TransferMatrix,
        source: DatasetId,
        target: DatasetId,
        change: &Change,
    ) -> Option<Entry> {
        let name = names::arm(self.survey, matrix.arm);
        let mut behind = vec![format!("{name}: {} → {}", source.title(), target.title())];
        if matrix.against.is_trained() {
            behind.push(format!("Against {}", names::arm(self.survey, matrix.against)));
        }
        behind.extend(behind_of(change));
        let shared = self.context.shared_names(source, target);
        if !shared.is_empty() {
            behind.push(format!("Shared class names: {}", shared.join(", ")));
        }
        Some(Entry { points: change.estimate.mean?, is_home: source == target, behind })
    }

    fn caption(&self, matrix: &TransferMatrix) -> String {
        let name = names::arm(self.survey, matrix.arm);
        let score = self.transfer.score.name();
        let seeds = match self.survey.seeds.len() {
            0 | 1 => String::new(),
            n => format!(", mean over {n} seeds"),
        };
        let what = match matrix.against.is_trained() {
            true => format!(
                "{name} less {}: difference in points of accuracy by the {score} score, trained on \
                 the same dataset{seeds}. It is not the difference of their two matrices where their \
                 prompts differ.",
                names::arm(self.survey, matrix.against)
            ),
            false => format!(
                "Transfer of {name}: change in points of accuracy by the {score} score against \
                 zero-shot under the {} prompt{seeds}. First row: zero-shot in percent.",
                matrix.arm.prompt()
            ),
        };
        format!(
            "{what} Row: trained on; column: evaluated on; bold: in-domain. All is a row's mean, Others \
             its mean without the in-domain cell; the last row is each column's mean without it."
        )
    }

    fn cell(&self, source: DatasetId, target: DatasetId, change: &Change) -> Cell {
        let is_shared = !self.context.shared_names(source, target).is_empty();
        let mark = if is_shared && change.estimate.mean.is_some() { SHARED } else { "" };
        let style = if source == target { Style::Bold } else { Style::Plain };
        Cell::new(shown(change).and(mark), style)
    }

    fn verdict(&self, matrix: &TransferMatrix) -> String {
        let (n_changes, n_below) = matrix.n_below_zero();
        let Estimate { bounds, .. } = matrix.whole.estimate;
        let interval = bounds.map_or_else(String::new, |bounds| {
            let ends = [bounds.interval.lower, bounds.interval.upper];
            let [lower, upper] = ends.map(|end| certain_signed(end, bounds.end_error, 1));
            format!(" (95 % interval {lower} to {upper})")
        });
        let mut text = format!(
            "Mean off the diagonal: {} points{interval}; {n_below} of {n_changes} cells below zero.",
            shown(&matrix.whole)
        );
        if let Some((least, most)) = matrix.detectable() {
            let [least, most] = [least, most].map(|points| fixed(Some(points), 1));
            text.push_str(&format!(
                " In the cells without a mark, a change of {least} to {most} points, by cell, would \
                 have been found with 80 % power; {}.transfer.parquet has each.",
                self.context.frames
            ));
        }
        text
    }
}

/// A change with its interval, its test, and what it rests on.
fn behind_of(change: &Change) -> Vec<String> {
    let estimate = &change.estimate;
    let mut lines = vec![format!("Change: {} points", signed(estimate.mean, 2))];
    if let Some(bounds) = estimate.bounds {
        let [lower, upper] = [bounds.interval.lower, bounds.interval.upper];
        let [lower, upper] = [lower, upper].map(|end| certain_signed(end, bounds.end_error, 2));
        lines.push(format!("95 % interval: {lower} to {upper} ({})", bounds.kind.as_str()));
    }
    lines.push(match change.tested {
        Ok(tested) => format!(
            "p = {} ({}), {} by Holm over the row",
            fixed(Some(tested.p.get()), 4),
            tested.test.as_str(),
            fixed(Some(tested.p_holm.get()), 4)
        ),
        Err(untested) => format!("No paired test: {}", untested.as_str()),
    });
    if let Some(points) = change.detectable_if_none() {
        lines.push(format!("Detectable with 80 % power: {} points", fixed(Some(points), 1)));
    }
    lines.push(format!(
        "n = {} images, {} of {} seeds",
        thousands(estimate.n_images),
        estimate.n_seeds,
        estimate.n_planned
    ));
    lines
}

/// A change with its marks.
fn shown(change: &Change) -> Printed {
    let star = if change.is_significant() == Some(true) { "*" } else { "" };
    names::incomplete_marked(signed(change.estimate.mean, 1).and(star), &change.estimate)
}

/// What the marks of a matrix mean, and by what its intervals and tests are made.
fn notes(changes: &[Change]) -> Vec<Note> {
    let mut notes = Vec::new();
    let kinds = names::kinds(changes.iter().map(|change| change.estimate));
    if !kinds.is_empty() {
        let text = format!("±: half of the 95 % interval{kinds}.");
        notes.push(Note { text, is_of_second: true });
    }
    let listed = |words: BTreeSet<&str>| words.into_iter().collect::<Vec<_>>().join(", ");
    let tests: BTreeSet<&str> =
        changes.iter().filter_map(|change| Some(change.tested.ok()?.test.in_words())).collect();
    if !tests.is_empty() {
        let tests = listed(tests);
        notes.push(
            format!("*: differs at 5 % ({tests}; Holm over a row's targets, each mean alone).")
                .into(),
        );
    }
    let is_there = |change: &&Change| change.estimate.mean.is_some();
    let untested: BTreeSet<&str> = changes
        .iter()
        .filter(is_there)
        .filter_map(|change| Some(change.tested.err()?.as_str()))
        .collect();
    if !untested.is_empty() {
        notes.push(format!("Some changes have no paired test: {}.", listed(untested)).into());
    }
    if changes.iter().any(|change| change.estimate.is_incomplete()) {
        notes.push(names::INCOMPLETE_NOTE.trim().into());
    }
    notes
}

/// A row of half-widths under a row of changes, if any has one.
fn push_halves<'a>(table: &mut Table, changes: impl Iterator<Item = Option<&'a Change>>) {
    let halves: Vec<Option<f64>> =
        changes.map(|change| change.and_then(|change| change.estimate.half_width())).collect();
    if halves.iter().all(Option::is_none) {
        return;
    }
    let cell = |half: Option<f64>| half.map_or_else(Printed::default, |half| fixed(Some(half), 1));
    let cells = halves.into_iter().map(|half| Cell::italic(cell(half)));
    table.push(std::iter::once(Cell::italic("±")).chain(cells).collect());
}

/// Zero-shot scores, which the changes are against.
fn reference(matrix: &TransferMatrix) -> Vec<Cell> {
    let average = names::mean_of_all(matrix.zero_shot.iter().map(|accuracy| accuracy.mean));
    let scores = matrix
        .zero_shot
        .iter()
        .map(|accuracy| names::incomplete_marked(fixed(accuracy.mean, 1), accuracy));
    let means = ["zero-shot".into(), fixed(average, 1), Printed::default()];
    means.into_iter().chain(scores).map(Cell::italic).collect()
}

/// Which of the suite's datasets share class names.
fn shared(survey: &Survey, context: &ReportContext<'_>) -> String {
    let is_there = |id: &DatasetId| survey.targets.contains(id) || survey.in_domain.contains(id);
    let pairs = context
        .shared_names
        .iter()
        .filter(|((one, other), names)| is_there(one) && is_there(other) && !names.is_empty());
    let sentences: Vec<String> = pairs
        .map(|((one, other), names)| {
            format!("{} and {} ({}: {})", one.title(), other.title(), names.len(), names.join(", "))
        })
        .collect();
    match sentences.is_empty() {
        true => "No two of these datasets share a class name.".to_owned(),
        false => format!(
            "Datasets that share class names, so that training on one teaches names of the other: {}.",
            sentences.join("; ")
        ),
    }
}
