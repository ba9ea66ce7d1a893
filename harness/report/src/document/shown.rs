//! How the numbers of an accuracy table are printed, column by column.

use std::collections::BTreeSet;

use super::names::{INCOMPLETE_NOTE, incomplete_marked, kinds};
use crate::{
    estimate::{Change, Estimate, Rank, Standing},
    number::{Printed, fixed, signed},
    table::{Cell, Style},
};

/// Below this half-width a second decimal says something.
const FINE: f64 = 0.25;

/// From this half-width on, not even the first one does.
const COARSE: f64 = 10.0;

/// What all rows of a table have in common.
pub(super) struct Shown {
    /// By column.
    decimals: Vec<usize>,
    is_ranked: bool,
    notes: Vec<String>,
}

impl Shown {
    /// Looks at all rows: a column has as many decimals as the median of its intervals warrants.
    pub(super) fn of(rows: &[Vec<Standing>]) -> Self {
        let n_columns = rows.first().map_or(0, Vec::len);
        let column = |at: usize| rows.iter().map(move |row| &row[at]);
        let half = |standing: &Standing| standing.estimate.half_width();
        let decimals = (0..n_columns).map(|at| decimals(column(at).filter_map(half).collect()));
        Shown {
            decimals: decimals.collect(),
            is_ranked: 1 < rows.len(),
            notes: notes(&rows.iter().flatten().copied().collect::<Vec<_>>(), 1 < rows.len()),
        }
    }

    /// A mean: bold if it is the best, underlined if it is not significantly worse.
    pub(super) fn mean(&self, at: usize, standing: &Standing) -> Cell {
        let style = style(standing.rank.filter(|_| self.is_ranked));
        let mean = fixed(standing.estimate.mean, self.decimals[at]);
        Cell::new(incomplete_marked(mean, &standing.estimate), style)
    }

    /// Half of an interval.
    pub(super) fn half_width(&self, at: usize, standing: &Standing) -> Printed {
        match standing.estimate.half_width() {
            None => Printed::default(),
            Some(_) => standing.estimate.half_width_printed(self.decimals[at]),
        }
    }

    /// A change, with a star if it is significant.
    pub(super) fn change(&self, at: usize, standing: &Standing) -> Printed {
        let Some(change) = standing.change else { return Printed::default() };
        let star = if change.is_significant() == Some(true) { "*" } else { "" };
        signed(change.estimate.mean, self.decimals[at]).and(star)
    }

    /// What would have been found, where no change was.
    pub(super) fn detectable(&self, at: usize, standing: &Standing) -> Printed {
        match standing.change.and_then(|change| change.detectable_if_none()) {
            None => Printed::default(),
            points => fixed(points, self.decimals[at]),
        }
    }

    /// The score of guessing.
    pub(super) fn chance(&self, at: usize, chance: Option<f64>) -> Printed {
        fixed(chance, self.decimals.get(at).copied().unwrap_or(1))
    }

    /// What the marks mean and how intervals and tests are made.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

/// How a place is told.
pub(super) fn style(rank: Option<Rank>) -> Style {
    match rank {
        Some(Rank::Best) => Style::Bold,
        Some(Rank::NotWorse) => Style::Underlined,
        Some(Rank::Worse) | None => Style::Plain,
    }
}

fn decimals(mut half_widths: Vec<f64>) -> usize {
    half_widths.sort_by(f64::total_cmp);
    match half_widths.get(half_widths.len() / 2) {
        Some(half) if *half < FINE => 2,
        Some(half) if COARSE <= *half => 0,
        _ => 1,
    }
}

fn notes(all: &[Standing], is_ranked: bool) -> Vec<String> {
    let estimates = || all.iter().map(|standing| standing.estimate);
    let changes: Vec<Change> = all.iter().filter_map(|standing| standing.change).collect();
    let mut notes = Vec::new();
    if estimates().any(|estimate| estimate.bounds.is_some()) {
        notes.push(format!("±: half of the 95 % interval{}{}.", kinds(estimates()), counts(all)));
    }
    if is_ranked && all.iter().any(|standing| standing.rank.is_some()) {
        notes.push(
            "Bold: the best of a column. Underlined: not significantly worse on the same pictures (paired \
             test at 5 %, Holm over the datasets of a row)."
                .to_owned(),
        );
    }
    let tests: BTreeSet<&str> =
        changes.iter().filter_map(|change| Some(change.tested.ok()?.test.in_words())).collect();
    if !tests.is_empty() {
        notes.push(format!(
            "Change: in points, against zero-shot under the same prompt, on the same pictures; *: at 5 % ({}; \
             Holm over the datasets of a row). Detectable: the smallest change that would have been found \
             with 80 % power, where none was.",
            listed(tests)
        ));
    }
    let untested: BTreeSet<&str> = changes
        .iter()
        .filter(|change| change.estimate.mean.is_some())
        .filter_map(|change| Some(change.tested.err()?.as_str()))
        .collect();
    if !untested.is_empty() {
        notes.push(format!("Changes without a paired test: {}.", listed(untested)));
    }
    if estimates().any(|estimate| estimate.is_incomplete()) {
        notes.push(INCOMPLETE_NOTE.trim().to_owned());
    }
    notes
}

/// On how many seeds and pictures the numbers rest.
fn counts(all: &[Standing]) -> String {
    let span = |of: fn(&Estimate) -> usize| -> Option<(usize, usize)> {
        let there = all.iter().map(|standing| &standing.estimate).filter(|one| one.mean.is_some());
        let counts: Vec<usize> = there.map(of).collect();
        Some((counts.iter().copied().min()?, counts.iter().copied().max()?))
    };
    let told = |what: &str, span: Option<(usize, usize)>| match span {
        None => String::new(),
        Some((one, other)) if one == other => format!("; n = {one} {what}"),
        Some((least, most)) => format!("; n = {least} to {most} {what}"),
    };
    told("seeds", span(|one| one.n_seeds)) + &told("pictures", span(|one| one.n_pictures))
}

fn listed(words: BTreeSet<&str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
