//! What a table's columns are in LaTeX, and in which letters a table fits onto a page.

use crate::{
    number::{Digits, Number},
    table::{Align, Cell, Style, Table},
};

/// A table's letters: of its numbers, and of its lines of second rank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Letters {
    /// The command for most of the table.
    pub(super) size: &'static str,
    /// The command for lines of second rank.
    pub(super) minor: &'static str,
    /// Points between columns, on either side.
    pub(super) separation: usize,
    /// Up to so many columns are set like this.
    most_columns: usize,
    /// The width of an average letter, in points.
    letter: f64,
}

/// From the largest on.
const LETTERS: [Letters; 4] = [
    Letters { size: "\\small", minor: "\\scriptsize", separation: 6, most_columns: 8, letter: 4.3 },
    Letters {
        size: "\\footnotesize",
        minor: "\\scriptsize",
        separation: 4,
        most_columns: 13,
        letter: 3.9,
    },
    Letters {
        size: "\\scriptsize",
        minor: "\\tiny",
        separation: 3,
        most_columns: usize::MAX,
        letter: 3.55,
    },
    Letters {
        size: "\\tiny",
        minor: "\\tiny",
        separation: 2,
        most_columns: usize::MAX,
        letter: 2.9,
    },
];

/// The width of a page's text, in points: A4 with margins of 18 mm.
const TEXT_WIDTH: f64 = 495.0;

/// A text longer than this may be broken into lines.
const LONG_TEXT: usize = 40;

/// Lines that a broken text should not exceed by much, in letters.
const NARROWEST: usize = 20;

/// A table's columns, as `tabular` and `longtable` are told of them, in the largest letters that fit.
pub(super) fn fitted(table: &Table) -> (Letters, String) {
    let n_columns = table.columns.len();
    let widths: Vec<usize> = (0..n_columns).map(|at| widest(table, at)).collect();
    let is_long = |at: usize| table.columns[at].align == Align::Left && LONG_TEXT < widths[at];
    let n_long = (0..n_columns).filter(|&at| is_long(at)).count();
    let n_short: usize = (0..n_columns).filter(|&at| !is_long(at)).map(|at| widths[at]).sum();
    // What the other columns leave to those of long texts.
    let rest = |letters: &Letters| {
        let between = 2 * letters.separation * n_columns.saturating_sub(1);
        TEXT_WIDTH - n_short as f64 * letters.letter - between as f64
    };
    let fits = |letters: &&Letters| {
        let least = (n_long * NARROWEST) as f64 * letters.letter;
        n_columns <= letters.most_columns && least <= rest(letters)
    };
    let letters = LETTERS.iter().find(fits).unwrap_or(&LETTERS[LETTERS.len() - 1]);
    let column = |at: usize| match is_long(at) {
        false => column(table, at),
        true => {
            let own = widths[at] as f64 * letters.letter;
            let share = own.min(rest(letters) / n_long as f64) / TEXT_WIDTH;
            format!(">{{\\raggedright\\arraybackslash}}p{{{share:.2}\\linewidth}}")
        }
    };
    (*letters, (0..n_columns).map(column).collect())
}

/// The letters of a column's longest text; bold ones are wider.
fn widest(table: &Table, at: usize) -> usize {
    let width = |cell: &Cell| match (cell.text.chars().count(), cell.style) {
        (n, Style::Bold) => n + n.div_ceil(6),
        (n, _) => n,
    };
    let cells = table.rows.iter().map(|row| width(&row[at]));
    cells.chain([table.columns[at].head.chars().count()]).max().unwrap_or(0)
}

/// A column of numbers is siunitx's, wide enough for all of them.
fn column(table: &Table, at: usize) -> String {
    let cells = table.rows.iter().filter_map(|row| row[at].number.as_ref());
    let numbers: Vec<Digits> = cells.filter_map(Number::digits).collect();
    match (table.columns[at].align, numbers.is_empty()) {
        (Align::Left, _) => "l".to_owned(),
        (Align::Right, true) => "r".to_owned(),
        (Align::Right, false) => {
            let widest = |of: fn(&Digits) -> usize| numbers.iter().map(of).max().unwrap_or(0);
            let sign = if numbers.iter().any(|number| !number.sign.is_empty()) { "+" } else { "" };
            let (whole, decimals) = (widest(|n| n.whole.len()), widest(|n| n.decimals.len()));
            format!("S[table-format={sign}{whole}.{decimals}]")
        }
    }
}
