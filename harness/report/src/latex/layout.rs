//! How a table is laid out so that it fits its width: letters, widths of columns that break into lines, and panels.
//!
//! Every estimate errs to the wide side. Letters are never smaller than a reader takes; a table that is still too wide
//! stands in panels, some of its columns below the others, its first column repeated.

use super::{
    Variant,
    marks::split_marks,
    widths::{FOOTNOTE, PIECE, SCRIPT, SIX, SMALL, Size, width},
};
use crate::table::{Align, Cell, Style, Table};

/// A table's letters, of its numbers and of its lines of second rank, and the points on either side of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Letters {
    pub(super) size: Size,
    pub(super) minor: Size,
    pub(super) separation: f64,
}

/// From the largest on.
const LETTERS: [Letters; 4] = [
    Letters { size: SMALL, minor: SCRIPT, separation: 6.0 },
    Letters { size: FOOTNOTE, minor: SCRIPT, separation: 4.0 },
    Letters { size: SCRIPT, minor: SIX, separation: 3.0 },
    Letters { size: SCRIPT, minor: SIX, separation: 2.0 },
];

/// A table as it will stand.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) letters: Letters,
    /// Each with the table's first column.
    pub(super) panels: Vec<Vec<Place>>,
}

/// A column in a panel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    /// Which of the table's columns.
    pub(super) column: usize,
    /// The points that its lines have, where its texts are broken.
    pub(super) lines: Option<f64>,
}

impl Layout {
    /// The layout of a table in a variant.
    pub(super) fn new(table: &Table, variant: Variant) -> Self {
        let all: Vec<usize> = (0..table.columns.len()).collect();
        let fits = |letters: &Letters| Some((*letters, fit(table, &all, *letters, variant)?));
        if let Some((letters, places)) = LETTERS.iter().find_map(fits) {
            return Layout { letters, panels: vec![places] };
        }
        panels(table, variant)
    }

    /// The height of a row, in lines.
    pub(super) fn lines(&self, row: &[Cell]) -> usize {
        let of = |place: &Place| match place.lines {
            None => 1,
            // Broken lines are ragged: each may be a piece short.
            Some(room) => {
                let text = width(&row[place.column].text, self.letters.size, Style::Plain);
                (text / (room * 0.8)).ceil().max(1.0) as usize
            }
        };
        self.panels.iter().flatten().map(of).max().unwrap_or(1)
    }
}

/// Columns in as few panels as hold them, equally many in each.
fn panels(table: &Table, variant: Variant) -> Layout {
    let letters = LETTERS[2];
    let others: Vec<usize> = (1..table.columns.len()).collect();
    let panel = |columns: &[usize]| -> Vec<usize> { [&[0], columns].concat() };
    for n_panels in 2..=others.len().max(2) {
        let at_once = others.len().div_ceil(n_panels).max(1);
        let fitted: Option<Vec<_>> = others
            .chunks(at_once)
            .map(|columns| fit(table, &panel(columns), letters, variant))
            .collect();
        if let Some(panels) = fitted {
            return Layout { letters, panels };
        }
    }
    // One column each, and none of them can be made narrower.
    let place = |column| Place { column, lines: None };
    let single = |&column: &usize| panel(&[column]).into_iter().map(place).collect();
    Layout { letters, panels: others.iter().map(single).collect() }
}

/// Where columns stand in these letters; none if they do not fit.
fn fit(table: &Table, columns: &[usize], letters: Letters, variant: Variant) -> Option<Vec<Place>> {
    let between = 2.0 * letters.separation * columns.len().saturating_sub(1) as f64;
    let room = variant.width() - between;
    let mut natural: Vec<f64> = columns.iter().map(|&at| natural(table, at, letters)).collect();
    widen_under_groups(table, columns, letters, &mut natural);
    let place = |(&column, lines): (&usize, Option<f64>)| Place { column, lines };
    if natural.iter().sum::<f64>() <= room {
        return Some(columns.iter().zip(natural.iter().map(|_| None)).map(place).collect());
    }
    // What breaks into lines is made as wide as the widest that all of it can be.
    let narrowest = |(&at, natural): (&usize, &f64)| match table.columns[at].align {
        Align::Left => natural.min(PIECE * letters.size.points * letters.size.stretch),
        Align::Right => *natural,
    };
    let narrowest: Vec<f64> = columns.iter().zip(&natural).map(narrowest).collect();
    let total = |most: f64| -> f64 {
        natural.iter().zip(&narrowest).map(|(natural, least)| natural.min(most).max(*least)).sum()
    };
    if room < total(0.0) {
        return None;
    }
    let (mut low, mut high) = (0.0, variant.width());
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if total(middle) <= room { low = middle } else { high = middle }
    }
    let lines = natural.iter().zip(&narrowest).map(|(natural, least)| {
        let given = natural.min(low).max(*least);
        (given < *natural).then(|| (given * 10.0).floor() / 10.0)
    });
    Some(columns.iter().zip(lines).map(place).collect())
}

/// A column's width where nothing is broken.
fn natural(table: &Table, at: usize, letters: Letters) -> f64 {
    let column = &table.columns[at];
    let cell = |cell: &Cell| {
        let size = if cell.style == Style::Italic { letters.minor } else { letters.size };
        let (text, marks) = split_marks(cell, column.align);
        let indent = match (cell.style, column.align) {
            (Style::Italic, Align::Left) => letters.size.points,
            _ => 0.0,
        };
        (indent + width(text, size, cell.style), width(marks, size, cell.style))
    };
    let cells: Vec<(f64, f64)> = table.rows.iter().map(|row| cell(&row[at])).collect();
    let widest = |of: fn(&(f64, f64)) -> f64| cells.iter().map(of).fold(0.0, f64::max);
    // A cell without a mark keeps the room of one.
    (widest(|cell| cell.0) + widest(|cell| cell.1)).max(width(
        &column.head,
        letters.size,
        Style::Plain,
    ))
}

/// A head above several columns may be wider than they are; the last of them gives the room, as TeX does it.
fn widen_under_groups(table: &Table, columns: &[usize], letters: Letters, widths: &mut [f64]) {
    let group = |at: usize| table.columns[columns[at]].group.as_deref();
    let mut start = 0;
    while start < columns.len() {
        let length = (start..columns.len()).take_while(|&at| group(at) == group(start)).count();
        let end = start + length;
        if let Some(name) = group(start) {
            let between = 2.0 * letters.separation * (length - 1) as f64;
            let lacking = width(name, letters.size, Style::Plain)
                - widths[start..end].iter().sum::<f64>()
                - between;
            widths[end - 1] += lacking.max(0.0);
        }
        start = end;
    }
}
