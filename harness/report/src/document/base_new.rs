//! Base-to-new: datasets down, methods across, each with base, new and their harmonic mean.

use clsrl_spec::{DatasetId, Form};

use super::{accuracy::AVERAGE, names, shown::style};
use crate::{
    datum::Datum,
    estimate::{Estimates, Rank, Standing, standings},
    number::{MISSING, fixed},
    summary::{Arm, Survey},
    table::{Align, Cell, Column, Note, Table},
    verdicts::Repeats,
};

/// Base, new, harmonic mean.
const PARTS: [&str; 3] = ["Base", "New", "H"];

/// One method's three numbers in a row.
type Three = [Standing; 3];

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
    let halves = [Form::Base, Form::New].map(|form| {
        let arms: Vec<Arm> = arms.iter().map(|&arm| with_form(arm, form)).collect();
        standings(estimates, &arms, &survey.in_domain, |_| None)
    });
    let n_datasets = survey.in_domain.len();
    for at in std::iter::once(n_datasets).chain(0..n_datasets) {
        let (title, id, datasets) = match survey.in_domain.get(at) {
            None => ("Average".to_owned(), AVERAGE.to_owned(), &survey.in_domain[..]),
            Some(one) => (one.title().to_owned(), one.to_string(), &survey.in_domain[at..=at]),
        };
        let harmonic = harmonic(estimates, &arms, datasets);
        let [base, new] = &halves;
        let columns = base.iter().zip(new).zip(harmonic);
        let threes: Vec<Three> =
            columns.map(|((base, new), harmonic)| [base[at], new[at], harmonic]).collect();
        push(&mut table, &title, &threes);
        for (&arm, three) in arms.iter().zip(&threes) {
            table.data.extend(data(arm, &id, three));
        }
    }
    let kinds = names::kinds(table.data.iter().filter_map(|datum| datum.estimate));
    table.notes.push(Note {
        text: format!(
            "±: half of the 95 % interval{kinds}; a harmonic mean has one from two seeds on, Student's over its \
             seeds."
        ),
        is_of_second: true,
    });
    table.notes.push(
        "Bold: the best of its kind in the row. Underlined: not significantly worse on the same images (paired \
         test at 5 %, Holm over the datasets of a method); harmonic means are not tested."
            .into(),
    );
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

fn with_form(arm: Arm, form: Form) -> Arm {
    Arm::new(arm.group, form, arm.prompt())
}

/// Every arm's harmonic mean over datasets. The best is known, the others are not tested against it.
fn harmonic(estimates: &Estimates<'_>, arms: &[Arm], datasets: &[DatasetId]) -> Vec<Standing> {
    let of = |&arm: &Arm| {
        let half = |form| -> Vec<Repeats> {
            datasets.iter().map(|&id| with_form(arm, form).repeats(id, id)).collect()
        };
        let estimate = estimates.harmonic(&half(Form::Base), &half(Form::New));
        Standing { estimate, change: None, rank: None }
    };
    let mut standings: Vec<Standing> = arms.iter().map(of).collect();
    let mut best: Option<&mut Standing> = None;
    for standing in standings.iter_mut().filter(|standing| standing.estimate.mean.is_some()) {
        if best.as_ref().is_none_or(|best| best.estimate.mean < standing.estimate.mean) {
            best = Some(standing);
        }
    }
    if let Some(best) = best {
        best.rank = Some(Rank::Best);
    }
    standings
}

fn push(table: &mut Table, title: &str, threes: &[Three]) {
    let cells =
        |of: &dyn Fn(&Standing) -> Cell| threes.iter().flatten().map(of).collect::<Vec<_>>();
    let mean = |standing: &Standing| {
        let mean = fixed(standing.estimate.mean, 1);
        let style = style(standing.rank.filter(|_| 1 < threes.len()));
        Cell::new(names::incomplete_marked(mean, &standing.estimate), style)
    };
    table.push([vec![Cell::plain(title)], cells(&mean)].concat());
    let half = |Standing { estimate, .. }: &Standing| match (estimate.mean, estimate.half_width()) {
        (Some(_), Some(half)) => Cell::italic(fixed(Some(half), 1)),
        (Some(_), None) => Cell::italic(MISSING),
        (None, _) => Cell::italic(""),
    };
    table.push([vec![Cell::italic("±")], cells(&half)].concat());
}

fn data(arm: Arm, dataset: &str, [base, new, harmonic]: &Three) -> [Datum; 3] {
    let of = |form, standing: &Standing, quantity| {
        Datum::of_estimate(with_form(arm, form), dataset, quantity, standing.estimate)
    };
    let of_both = of(Form::Base, harmonic, "harmonic_mean_pct");
    [
        of(Form::Base, base, "accuracy_pct").ranked(base.rank),
        of(Form::New, new, "accuracy_pct").ranked(new.rank),
        Datum { remark: "of base and new".to_owned(), ..of_both },
    ]
}
