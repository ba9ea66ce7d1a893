//! How the numbers of an accuracy table are printed, column by column.

use std::collections::BTreeSet;

use super::names::{INCOMPLETE_NOTE, incomplete_marked, kinds};
use crate::{
    estimate::{Change, Estimate, Rank, Standing},
    number::{Printed, fixed, signed},
    table::{Cell, Note, Style},
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
    /// Of intervals, ranks, changes, what was not tested, and missing seeds; each where there is some.
    notes: [Option<String>; 5],
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

    /// A mean with a star if it changed, and half of its interval.
    pub(super) fn bounded(&self, at: usize, standing: &Standing) -> Cell {
        let Cell { text, number, style } = self.mean(at, standing);
        let has_changed =
            standing.change.is_some_and(|change| change.is_significant() == Some(true));
        let mean = Printed { text, number }.and(if has_changed { "*" } else { "" });
        let half = standing.estimate.half_width().filter(|_| standing.estimate.mean.is_some());
        let half = half.map(|_| format!("\u{a0}±\u{a0}{}", self.half_width(at, standing)));
        Cell::new(mean.and(&half.unwrap_or_default()), style)
    }

    /// What the marks mean and how intervals and tests are made.
    pub(super) fn notes(&self) -> Vec<Note> {
        let [intervals, ranks, changes, untested, incomplete] = self.notes.clone();
        let second = |text| Note { text, is_of_second: true };
        let [intervals, changes, untested] =
            [intervals, changes, untested].map(|note| note.map(second));
        let [ranks, incomplete] = [ranks, incomplete].map(|note| note.map(Note::from));
        [intervals, ranks, changes, untested, incomplete].into_iter().flatten().collect()
    }

    /// The same in a paragraph, for a table without lines of changes.
    pub(super) fn brief_notes(&self) -> Vec<Note> {
        let [intervals, ranks, changes, untested, incomplete] = &self.notes;
        let stars = changes.as_ref().map(|_| {
            "*: changed at 5 % against zero-shot under the same prompt (paired test, Holm over the datasets)."
        });
        let stars = stars.map(str::to_owned);
        let all = [intervals, &stars, ranks, untested, incomplete];
        let all: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
        if all.is_empty() { Vec::new() } else { vec![all.join(" ").into()] }
    }
}

/// How a place is written.
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

fn notes(all: &[Standing], is_ranked: bool) -> [Option<String>; 5] {
    let estimates = || all.iter().map(|standing| standing.estimate);
    let changes: Vec<Change> = all.iter().filter_map(|standing| standing.change).collect();
    let tests: BTreeSet<&str> =
        changes.iter().filter_map(|change| Some(change.tested.ok()?.test.in_words())).collect();
    let there = changes.iter().filter(|change| change.estimate.mean.is_some());
    let untested: BTreeSet<&str> =
        there.filter_map(|change| Some(change.tested.err()?.as_str())).collect();
    let has_bounds = estimates().any(|estimate| estimate.bounds.is_some());
    let has_ranks = is_ranked && all.iter().any(|standing| standing.rank.is_some());
    let has_gaps = estimates().any(|estimate| estimate.is_incomplete());
    [
        has_bounds.then(|| {
            format!("±: half of the 95 % interval{}{}.", kinds(estimates()), counts(all))
        }),
        has_ranks.then(|| {
            "Bold: the best of its kind. Underlined: not significantly worse on the same images (paired test \
             at 5 %, Holm over a method's datasets)."
                .to_owned()
        }),
        (!tests.is_empty()).then(|| {
            format!(
                "Change: in points, against zero-shot under the same prompt, on the same images; *: at 5 % ({}; \
                 Holm over the datasets of a row). Detectable: the smallest change that would have been found \
                 with 80 % power, where none was.",
                list(tests)
            )
        }),
        (!untested.is_empty())
            .then(|| format!("Changes without a paired test: {}.", list(untested))),
        has_gaps.then(|| INCOMPLETE_NOTE.trim().to_owned()),
    ]
}

/// On how many seeds and images the numbers rest.
fn counts(all: &[Standing]) -> String {
    let span = |of: fn(&Estimate) -> usize| -> Option<(usize, usize)> {
        let there = all.iter().map(|standing| &standing.estimate).filter(|one| one.mean.is_some());
        let counts: Vec<usize> = there.map(of).collect();
        Some((counts.iter().copied().min()?, counts.iter().copied().max()?))
    };
    let range_of = |what: &str, span: Option<(usize, usize)>| match span {
        None => String::new(),
        Some((1, 1)) => format!("; n = 1 {what}"),
        Some((one, other)) if one == other => format!("; n = {one} {what}s"),
        Some((least, most)) => format!("; n = {least} to {most} {what}s"),
    };
    range_of("seed", span(|one| one.n_seeds)) + &range_of("image", span(|one| one.n_images))
}

fn list(words: BTreeSet<&str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
