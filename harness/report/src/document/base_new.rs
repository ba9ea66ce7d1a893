//! Base-to-new: datasets down, methods across, each with base, new and their harmonic mean.

use clsrl_spec::{DatasetId, Form};

use super::{accuracy::AVERAGE, names};
use crate::{
    datum::Datum,
    estimate::{Estimate, Estimates},
    number::{MISSING, fixed},
    summary::{Arm, Survey},
    table::{Align, Cell, Column, Style, Table},
    verdicts::Repeats,
};

/// Base, new, harmonic mean.
const PARTS: [&str; 3] = ["Base", "New", "H"];

/// One method's three numbers in a row.
type Three = [Estimate; 3];

/// The table of one number of shots; none where both halves were not asked about.
pub(super) fn table(survey: &Survey, estimates: &Estimates<'_>, shots: usize) -> Option<Table> {
    if !survey.forms.contains(&Form::Base) || !survey.forms.contains(&Form::New) {
        return None;
    }
    let arms = survey.arms_of(Form::Base, shots);
    let mut table = Table::of_numbers(caption(estimates), &[]);
    table.columns.push(column("Dataset", None));
    for &arm in &arms {
        let group = names::arm_without_form(survey, arm);
        table.columns.extend(PARTS.map(|part| column(part, Some(group.clone()))));
    }
    let shots_name =
        if survey.has_several_shots() { format!("-{shots}shot") } else { String::new() };
    table = table.named(format!("base-to-new{shots_name}"));
    let all = ("Average".to_owned(), AVERAGE.to_owned(), survey.in_domain.clone());
    let each = survey.in_domain.iter().map(|&id| (id.title().to_owned(), id.to_string(), vec![id]));
    for (title, id, datasets) in std::iter::once(all).chain(each) {
        let threes: Vec<Three> = arms.iter().map(|&arm| three(estimates, arm, &datasets)).collect();
        push(&mut table, &title, &threes);
        for (&arm, three) in arms.iter().zip(&threes) {
            table.data.extend(data(arm, &id, three));
        }
    }
    table.notes.push(format!(
        "±: half of the 95 % interval{}; a harmonic mean has one from two seeds on, Student's over its \
         seeds. Bold: the highest of its kind in the row.",
        names::kinds(table.data.iter().filter_map(|datum| datum.estimate))
    ));
    Some(table)
}

fn caption(estimates: &Estimates<'_>) -> String {
    format!(
        "Base-to-new accuracy in percent by the {} score: fine-tuned on the base classes, asked about base \
         and about new ones. H: harmonic mean of both; in the first row, of the averages, as in the paper.",
        estimates.score.name()
    )
}

fn column(head: &str, group: Option<String>) -> Column {
    let align = if group.is_none() { Align::Left } else { Align::Right };
    Column { head: head.to_owned(), group, align }
}

fn three(estimates: &Estimates<'_>, arm: Arm, datasets: &[DatasetId]) -> Three {
    let half = |form| -> Vec<Repeats> {
        let arm = Arm::new(arm.group, form, arm.prompt());
        datasets.iter().map(|&id| arm.repeats(id, id)).collect()
    };
    let (base, new) = (half(Form::Base), half(Form::New));
    [estimates.average(&base), estimates.average(&new), estimates.harmonic(&base, &new)]
}

fn push(table: &mut Table, title: &str, threes: &[Three]) {
    let mut highest = [f64::NEG_INFINITY; 3];
    for three in threes {
        for (highest, estimate) in highest.iter_mut().zip(three) {
            *highest = estimate.mean.map_or(*highest, |mean| highest.max(mean));
        }
    }
    let mean = |at: usize, estimate: &Estimate| {
        let is_highest = 1 < threes.len() && estimate.mean == Some(highest[at]);
        let style = if is_highest { Style::Bold } else { Style::Plain };
        Cell { text: names::incomplete_marked(fixed(estimate.mean, 1), estimate), style }
    };
    let cells = |of: &dyn Fn(usize, &Estimate) -> Cell| -> Vec<Cell> {
        threes
            .iter()
            .flat_map(|three| three.iter().enumerate().map(|(at, one)| of(at, one)))
            .collect()
    };
    table.push([vec![Cell::plain(title)], cells(&mean)].concat());
    let half = |_: usize, estimate: &Estimate| match (estimate.mean, estimate.half_width()) {
        (Some(_), Some(half)) => Cell::italic(fixed(Some(half), 1)),
        (Some(_), None) => Cell::italic(MISSING),
        (None, _) => Cell::italic(""),
    };
    table.push([vec![Cell::italic("±")], cells(&half)].concat());
}

fn data(arm: Arm, dataset: &str, three: &Three) -> Vec<Datum> {
    let of = |form, estimate: Estimate, quantity| {
        Datum::of_estimate(Arm::new(arm.group, form, arm.prompt()), dataset, quantity, estimate)
    };
    let harmonic = of(Form::Base, three[2], "harmonic_mean_pct");
    let mut data = vec![
        of(Form::Base, three[0], "accuracy_pct"),
        of(Form::New, three[1], "accuracy_pct"),
        harmonic,
    ];
    data[2].remark = "of base and new".to_owned();
    data
}
