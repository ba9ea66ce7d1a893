//! A transfer matrix as a tabular whose changes have the figure's colours.

use super::{
    Variant, escape,
    marks::split_marks,
    notes,
    widths::{FOOTNOTE, SCRIPT, SIX, SMALL, Size, TINY, width},
};
use crate::{
    figure::Rgb,
    number::fixed,
    page::Matrix,
    table::{Align, Cell, Style},
};

/// Letters, those of half-widths, and the points on either side of a column; from the largest on.
const LETTERS: [(Size, Size, f64); 6] = [
    (SMALL, SCRIPT, 3.0),
    (FOOTNOTE, SIX, 2.0),
    (SCRIPT, TINY, 1.5),
    (SCRIPT, TINY, 0.8),
    (SIX, TINY, 0.8),
    (TINY, TINY, 0.6),
];

/// A cell as it stands.
struct Tile {
    text: String,
    style: Style,
    /// Half of an interval, below its change.
    is_minor: bool,
    colour: Option<Rgb>,
}

/// The tabular, alone, and what stands below it.
pub(super) fn tabular(matrix: &Matrix, variant: Variant) -> (Vec<String>, Vec<String>) {
    let is_compact = variant == Variant::Compact;
    let table = &matrix.table;
    // The narrow one goes without the mean that has the in-domain cell in it.
    let columns: Vec<usize> =
        (0..table.columns.len()).filter(|at| !is_compact || *at != 1).collect();
    let rows = rows(matrix, &columns, is_compact);
    // What the rows are the notes say where there is little room.
    let of = |&at: &usize| if is_compact && at == 0 { "" } else { &table.columns[at].head };
    let heads: Vec<&str> = columns.iter().map(of).collect();
    let (size, minor, separation) = letters(&heads, &rows, variant);
    let head = |(at, head): (usize, &&str)| match (is_compact, at) {
        (false, _) | (_, 0) => escape(head),
        _ => format!("\\rotatebox{{90}}{{{}}}", escape(head)),
    };
    let head: Vec<String> = heads.iter().enumerate().map(head).collect();
    let mean = rows.iter().position(|row| row[0].text == "mean");
    let rule = |at| if mean == Some(at) { "\\addlinespace[2pt]\n" } else { "" };
    let lines: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| format!("{}{}", rule(at), line(row, minor)))
        .collect();
    let text = format!(
        "{{{}\\setlength{{\\tabcolsep}}{{{separation}pt}}%\n\\begin{{tabular}}{{@{{}}l{}@{{}}}}\n\\toprule\n\
         {} \\\\\n\\midrule\n{}\n\\bottomrule\n\\end{{tabular}}}}",
        size.command,
        "c".repeat(columns.len() - 1),
        head.join(" & "),
        lines.join("\n")
    );
    let mut notes = notes(table, variant);
    notes.push(format!("Colours end at ±{} points.", fixed(Some(matrix.scale.limit), 0)));
    if is_compact {
        notes.push("In whole points; intervals are left out.".to_owned());
    }
    (vec![text], notes)
}

fn rows(matrix: &Matrix, columns: &[usize], is_compact: bool) -> Vec<Vec<Tile>> {
    let is_half = |row: &[Cell]| row[0].text == "±";
    let mut rows = Vec::new();
    for (at, cells) in matrix.table.rows.iter().enumerate() {
        let is_half = is_half(cells);
        if is_half && is_compact {
            continue;
        }
        let tile = |&column: &usize| {
            let cell = &cells[column];
            let of = if is_half { at.saturating_sub(1) } else { at };
            let entry = matrix.entries.get(&(of, column));
            let is_number = 0 < column;
            Tile {
                text: if is_compact && is_number { whole(cell) } else { cell.text.clone() },
                style: cell.style,
                is_minor: is_half,
                colour: entry.map(|entry| matrix.scale.colour(entry.points)),
            }
        };
        rows.push(columns.iter().map(tile).collect());
    }
    rows
}

/// A number without decimals and without a plus sign, and its marks.
fn whole(cell: &Cell) -> String {
    match cell.number {
        Some(number) => {
            let (_, marks) = split_marks(cell, Align::Right);
            // The sign of a figure is narrower than that of a sum.
            let text = fixed(Some(number), 0).text.replace('−', "–");
            format!("{text}{marks}")
        }
        None => cell.text.clone(),
    }
}

fn letters(heads: &[&str], rows: &[Vec<Tile>], variant: Variant) -> (Size, Size, f64) {
    let total = |(size, minor, separation): (Size, Size, f64)| {
        let column = |at: usize| {
            let tile = |row: &Vec<Tile>| {
                let size = if row[at].is_minor { minor } else { size };
                width(&row[at].text, size, row[at].style)
            };
            let widest = rows.iter().map(tile).fold(0.0, f64::max);
            // Heads that stand upright are as wide as a line is high.
            match (variant, at) {
                (Variant::Compact, 1..) => widest.max(size.leading),
                _ => widest.max(width(heads[at], size, Style::Plain)),
            }
        };
        (0..heads.len()).map(column).sum::<f64>() + 2.0 * separation * (heads.len() - 1) as f64
    };
    let found = LETTERS.into_iter().find(|&letters| total(letters) <= variant.width());
    found.unwrap_or(LETTERS[LETTERS.len() - 1])
}

fn line(row: &[Tile], minor: Size) -> String {
    let tile = |tile: &Tile| {
        let text = escape(&tile.text);
        if text.trim().is_empty() && tile.colour.is_none() {
            return String::new();
        }
        let text = match tile.style {
            Style::Bold => format!("\\textbf{{{text}}}"),
            Style::Underlined => format!("\\underline{{{text}}}"),
            _ if tile.is_minor => format!("{{{} {text}}}", minor.command),
            Style::Italic => format!("\\textit{{{text}}}"),
            Style::Plain => text,
        };
        let Some(paper) = tile.colour else { return text };
        let text = match paper.ink() {
            Rgb(0, 0, 0) => text,
            _ => format!("\\textcolor{{white}}{{{text}}}"),
        };
        format!("\\cellcolor[HTML]{{{}}}{text}", paper.hex())
    };
    format!("{} \\\\", row.iter().map(tile).collect::<Vec<_>>().join(" & "))
}
