//! The accuracy tables: methods down, datasets across.

use clsrl_spec::{DatasetId, Form};

use super::{names, shown::Shown};
use crate::{
    datum::Datum,
    estimate::{Estimates, Standing, standings},
    number::{Printed, fixed},
    summary::{Arm, Score, Survey},
    table::{Cell, Table},
};

/// The average's name as a dataset of data.
pub(super) const AVERAGE: &str = "average";

/// One table of in-domain accuracy: one form, one number of shots, one score.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) survey: &'a Survey,
    pub(super) estimates: &'a Estimates<'a>,
    pub(super) form: Form,
    pub(super) shots: usize,
    /// Whether the protocol counts this score.
    pub(super) is_counted: bool,
}

/// In-domain accuracy: each method with its interval, its change and what was detectable below.
pub(super) fn table(wanted: Wanted<'_>) -> Table {
    let Wanted { survey, estimates, form, shots, .. } = wanted;
    let arms = survey.arms_of(form, shots);
    let zero_shot = |arm| survey.zero_shot_of(arm);
    let rows = standings(estimates, &arms, &survey.in_domain, zero_shot);
    let heads = names::heads(&["Method", "Avg"], &survey.in_domain);
    let mut table = Table::of_numbers(caption(wanted), &heads).named(name(wanted));
    table.data = arms.iter().zip(&rows).flat_map(|(&arm, row)| data(survey, arm, row)).collect();
    let rows = average_first(rows);
    let shown = Shown::of(&rows);
    for (&arm, standings) in arms.iter().zip(&rows) {
        push(&mut table, &shown, &names::arm(survey, arm), standings);
    }
    if let Some(chances) = chances(survey, form) {
        table.push(std::iter::once(Cell::plain("Chance")).chain(chances).collect());
    }
    table.notes = shown.notes();
    table
}

/// The same for a narrow page: datasets down, the average first, each number with half of its interval.
pub(super) fn brief(wanted: Wanted<'_>) -> Table {
    let Wanted { survey, estimates, form, shots, .. } = wanted;
    let arms = survey.arms_of(form, shots);
    let zero_shot = |arm| survey.zero_shot_of(arm);
    let rows = average_first(standings(estimates, &arms, &survey.in_domain, zero_shot));
    let shown = Shown::of(&rows);
    let names: Vec<String> = arms.iter().map(|&arm| names::arm(survey, arm)).collect();
    let chances = chances(survey, form);
    let heads = std::iter::once("Dataset").chain(names.iter().map(String::as_str));
    let heads: Vec<&str> = heads.chain(chances.as_ref().map(|_| "Chance")).collect();
    let mut table = Table::of_numbers(caption(wanted), &heads);
    let datasets = survey.in_domain.iter().map(|id| id.title());
    for (at, title) in std::iter::once("Average").chain(datasets).enumerate() {
        let cells = rows.iter().map(|row| shown.bounded(at, &row[at]));
        let chance = chances.as_ref().map(|chances| chances[at].clone());
        table.push(std::iter::once(Cell::plain(title)).chain(cells).chain(chance).collect());
    }
    table.notes = shown.brief_notes();
    table
}

fn average_first(mut rows: Vec<Vec<Standing>>) -> Vec<Vec<Standing>> {
    rows.iter_mut().for_each(|row| row.rotate_right(1));
    rows
}

fn caption(Wanted { survey, estimates, form, shots, is_counted }: Wanted<'_>) -> String {
    let score = estimates.score;
    let asked = match form {
        Form::FewShot => "",
        Form::Base => " on the base classes",
        Form::New => " on the new classes",
        Form::OpenSet => " without a list of names",
    };
    let shots = match (survey.has_several_shots(), shots) {
        (false, _) => String::new(),
        (true, 1) => " with 1 training image per class".to_owned(),
        (true, n) => format!(" with {n} training images per class"),
    };
    let what = format!("accuracy in percent{asked}{shots} by the {} score", score.name());
    match is_counted {
        true => format!(
            "In-domain {what}: {}. A trained method is evaluated on the dataset that it was trained on.",
            score.meaning()
        ),
        false => format!("The same {what}: {}.", score.meaning()),
    }
}

fn name(Wanted { survey, estimates, form, shots, is_counted }: Wanted<'_>) -> String {
    let shots = if survey.has_several_shots() { format!("-{shots}shot") } else { String::new() };
    let score = match (is_counted, estimates.score) {
        (true, _) => "",
        (false, Score::Published) => "-published",
        (false, Score::Strict) => "-strict",
    };
    format!("{form}{shots}{score}")
}

/// Adds a method's lines: means, half-widths, changes, and what was detectable where nothing changed.
pub(super) fn push(table: &mut Table, shown: &Shown, name: &str, standings: &[Standing]) {
    let means = standings.iter().enumerate().map(|(at, standing)| shown.mean(at, standing));
    table.push(std::iter::once(Cell::plain(name)).chain(means).collect());
    let mut line = |label: &str, numbers: Vec<Printed>| {
        if numbers.iter().any(|number| !number.text.is_empty()) {
            let cells = numbers.into_iter().map(Cell::italic);
            table.push(std::iter::once(Cell::italic(label)).chain(cells).collect());
        }
    };
    let numbers = |of: fn(&Shown, usize, &Standing) -> Printed| {
        standings.iter().enumerate().map(|(at, standing)| of(shown, at, standing)).collect()
    };
    line("±", numbers(Shown::half_width));
    line("change", numbers(Shown::change));
    line("detectable", numbers(Shown::detectable));
}

/// The numbers of a method's lines.
pub(super) fn data(survey: &Survey, arm: Arm, standings: &[Standing]) -> Vec<Datum> {
    let datasets = survey.in_domain.iter().map(|id| id.to_string()).chain([AVERAGE.to_owned()]);
    let mut data = Vec::new();
    for (dataset, standing) in datasets.zip(standings) {
        let accuracy = Datum::of_estimate(arm, &dataset, "accuracy_pct", standing.estimate);
        data.push(accuracy.ranked(standing.rank));
        if let Some(change) = &standing.change {
            data.push(Datum::of_change(arm, &dataset, "change_points", change));
        }
    }
    data
}

/// The score of guessing, on average and by dataset; none where nothing is listed.
fn chances(survey: &Survey, form: Form) -> Option<Vec<Cell>> {
    if !form.is_listed() {
        return None;
    }
    let chances = survey.chances();
    let of = |id: &DatasetId| chances.get(&(form, *id)).copied().flatten();
    let by_dataset: Vec<Option<f64>> = survey.in_domain.iter().map(of).collect();
    let average = names::mean_of_all(by_dataset.iter().copied());
    let all = std::iter::once(average).chain(by_dataset);
    Some(all.map(|chance| Cell::plain(fixed(chance, 1))).collect())
}
