//! The free-lunch matrices: a table per trained method.

use std::collections::BTreeMap;

use clsrl_spec::DatasetId;

use super::names;
use crate::{
    estimate::{Change, Contrast, Estimates},
    number::{fixed, signed, thousands},
    page::{Entry, Matrix, Page},
    summary::{Arm, Survey, Transfer},
    table::{Cell, Style, Table},
};

/// Writes one matrix per trained arm, or why there is none.
pub(super) fn write(
    page: &mut Page,
    survey: &Survey,
    transfer: &Transfer,
    estimates: &Estimates<'_>,
) {
    let trained: Vec<Arm> = survey.arms.iter().copied().filter(|arm| arm.is_trained()).collect();
    if trained.is_empty() {
        return page.paragraph("Nothing was trained, so there is no transfer.");
    }
    if survey.targets.len() < 2 {
        return page.paragraph("There is one dataset, so there is nothing to transfer to.");
    }
    page.paragraph(
        "What training on one dataset changes on the others; the paper calls a gain there a free \
         lunch.",
    );
    for arm in trained {
        let name = names::arm(survey, arm);
        page.heading(3, &name);
        let has_reference = |&target: &DatasetId| transfer.zero_shot(arm, target).mean.is_some();
        if survey.targets.iter().any(has_reference) {
            let table = matrix(survey, transfer, arm, &name);
            let entries = entries(survey, estimates, arm, &name);
            page.matrix(Matrix { table, entries });
            page.paragraph(&verdict(survey, transfer, arm));
        } else {
            page.paragraph(&format!(
                "There are no zero-shot results under the {} prompt, so no change can be given.",
                arm.prompt()
            ));
        }
    }
}

/// What stands behind every change of a matrix, by row and column of its table. The changes of a row, which
/// come from the same fine-tunes, are a family.
fn entries(
    survey: &Survey,
    estimates: &Estimates<'_>,
    arm: Arm,
    name: &str,
) -> BTreeMap<(usize, usize), Entry> {
    let mut entries = BTreeMap::new();
    let Some(zero_shot) = survey.zero_shot_of(arm) else { return entries };
    for (row, &train_on) in survey.in_domain.iter().enumerate() {
        let contrast = |&target: &DatasetId| Contrast {
            before: zero_shot.repeats(target, target),
            after: arm.repeats(train_on, target),
        };
        let contrasts: Vec<Contrast> = survey.targets.iter().map(contrast).collect();
        let changes = estimates.family(&contrasts);
        for (column, (&target, change)) in survey.targets.iter().zip(&changes).enumerate() {
            let Some(points) = change.estimate.mean else { continue };
            let mut behind = vec![format!("{name}: {} → {}", train_on.title(), target.title())];
            behind.extend(behind_of(change));
            // The table's first row is zero-shot, its first column the rows' heads.
            let is_home = train_on == target;
            entries.insert((row + 1, column + 1), Entry { points, is_home, behind });
        }
    }
    entries
}

/// A change with its interval, its test, and what it rests on.
fn behind_of(change: &Change) -> Vec<String> {
    let estimate = &change.estimate;
    let mut lines = vec![format!("Change: {} points", signed(estimate.mean, 2))];
    if let Some(bounds) = estimate.bounds {
        let [lower, upper] = [bounds.interval.lower, bounds.interval.upper];
        let (lower, upper) = (signed(Some(lower), 2), signed(Some(upper), 2));
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
        "n = {} pictures, {} of {} seeds",
        thousands(estimate.n_pictures),
        estimate.n_seeds,
        estimate.n_planned
    ));
    lines
}

/// One row of a matrix: its changes, and the means with and without the diagonal.
struct Row {
    cells: Vec<Cell>,
    all: Option<f64>,
    others: Option<f64>,
}

fn matrix(survey: &Survey, transfer: &Transfer, arm: Arm, name: &str) -> Table {
    let heads = names::heads("Trained on", &survey.targets, &["All", "Others"]);
    let mut table = Table::of_numbers(caption(survey, transfer, arm, name), &heads);
    table.push(reference(survey, transfer, arm));
    let mut rows = Vec::new();
    for &train_on in &survey.in_domain {
        let row = row(survey, transfer, arm, train_on);
        let means = [row.all, row.others].map(|mean| Cell::plain(signed(mean, 1)));
        let label = Cell::plain(names::head(train_on));
        table.push([vec![label], row.cells.clone(), means.to_vec()].concat());
        rows.push(row);
    }
    table.push(column_means(survey, transfer, arm, &rows));
    let dagger = |row: &Vec<Cell>| row.iter().any(|cell| cell.text.ends_with(names::INCOMPLETE));
    if table.rows.iter().any(dagger) {
        table.caption.push_str(names::INCOMPLETE_NOTE);
    }
    table
}

fn caption(survey: &Survey, transfer: &Transfer, arm: Arm, name: &str) -> String {
    let seeds = match survey.seeds.len() {
        0 | 1 => String::new(),
        n => format!(", mean over {n} seeds"),
    };
    format!(
        "Transfer of {name}: change in points of accuracy by the {} score against zero-shot under \
         the {} prompt{seeds}. First row: zero-shot in percent. Row: trained on; column: evaluated on; \
         bold: in-domain. All is a row's mean, Others its mean without the in-domain cell; the \
         last row is each column's mean without it.",
        transfer.score.name(),
        arm.prompt()
    )
}

/// Zero-shot scores, which the changes are against.
fn reference(survey: &Survey, transfer: &Transfer, arm: Arm) -> Vec<Cell> {
    let stats: Vec<_> =
        survey.targets.iter().map(|&target| transfer.zero_shot(arm, target)).collect();
    let average = names::mean_of_all(stats.iter().map(|stat| stat.mean));
    let scores = stats.into_iter().map(names::mean).chain([fixed(average, 1), String::new()]);
    std::iter::once("zero-shot".to_owned()).chain(scores).map(Cell::italic).collect()
}

fn row(survey: &Survey, transfer: &Transfer, arm: Arm, train_on: DatasetId) -> Row {
    let stat = |&target: &DatasetId| (target, transfer.change(arm, train_on, target));
    let stats: Vec<_> = survey.targets.iter().map(stat).collect();
    let cell = |&(target, stat): &(DatasetId, _)| Cell {
        text: names::change(stat),
        style: if target == train_on { Style::Bold } else { Style::Plain },
    };
    let others = stats.iter().filter(|(target, _)| *target != train_on);
    Row {
        cells: stats.iter().map(cell).collect(),
        all: names::mean_of_all(stats.iter().map(|(_, stat)| stat.mean)),
        others: names::mean_of_all(others.map(|(_, stat)| stat.mean)),
    }
}

fn column_means(survey: &Survey, transfer: &Transfer, arm: Arm, rows: &[Row]) -> Vec<Cell> {
    let column = |&target: &DatasetId| {
        let others = survey.in_domain.iter().filter(move |&&train_on| train_on != target);
        names::mean_of_all(others.map(|&train_on| transfer.change(arm, train_on, target).mean))
    };
    let columns = survey.targets.iter().map(column);
    let all = names::mean_of_all(rows.iter().map(|row| row.all));
    let others = names::mean_of_all(rows.iter().map(|row| row.others));
    let means = columns.chain([all, others]).map(|mean| Cell::italic(signed(mean, 1)));
    std::iter::once(Cell::italic("mean")).chain(means).collect()
}

fn verdict(survey: &Survey, transfer: &Transfer, arm: Arm) -> String {
    let (n_changes, n_below) = transfer.n_below_zero(arm);
    let others = transfer.others(arm);
    let mean = names::with_sd(names::change(others), others);
    let spread = match others.sd {
        Some(_) => format!(" (± standard deviation over {} seeds)", others.n),
        None if 1 < survey.seeds.len() => " (no seed pair is complete)".to_owned(),
        None => String::new(),
    };
    format!(
        "Mean change off the diagonal: {mean} points{spread}; {n_below} of {n_changes} cells below \
         zero."
    )
}
