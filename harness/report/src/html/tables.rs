//! Tables and matrices as HTML: heads that sort, changes that say what stands behind them.

use super::escape::escape;
use crate::{
    figure::Diverging,
    number::MISSING,
    page::{Entry, Matrix},
    table::{Align, Cell, Column, Note, Style, Table},
};

/// How many depths of colour a gain has, and a loss.
const DEPTHS: i32 = 10;

/// The rules of the colours of changes: those of the figures, each with black or white on it.
pub(super) fn colours() -> String {
    let rule = |depth: i32| {
        let colour = Diverging { limit: f64::from(DEPTHS) }.colour(f64::from(depth));
        let (paper, ink) = (colour.hex(), colour.ink().hex());
        format!(".{} {{ background: #{paper}; color: #{ink}; }}\n", class(depth))
    };
    (-DEPTHS..=DEPTHS).map(rule).collect()
}

/// The depth's class: `more3`, `less10`, `more0` for none.
fn class(depth: i32) -> String {
    format!("{}{}", if depth < 0 { "less" } else { "more" }, depth.abs())
}

/// For each column what stands in it, if that is numbers.
pub(super) type Keys = Vec<Option<Vec<Option<f64>>>>;

/// A table's name within the document, the same in every report if it has one of its own.
pub(super) fn id(table: &Table, number: usize) -> String {
    match &table.name {
        Some(name) => format!("table-{}", slug(name)),
        None => format!("table-{number}"),
    }
}

fn slug(text: &str) -> String {
    let kept = |character: char| match character {
        kept if kept.is_ascii_alphanumeric() || matches!(kept, '.' | '-') => kept,
        _ => '-',
    };
    text.chars().map(kept).collect()
}

/// Writes a table, which sorts where its columns have heads and it has several rows to sort.
pub(super) fn render(table: &Table, number: usize) -> String {
    let has_heads = table.columns.iter().any(|column| !column.head.is_empty());
    if !has_heads {
        let rows: String = table.rows.iter().map(|row| self::row(&table.columns, row)).collect();
        return framed(table, number, "facts", &format!("<tbody>\n{rows}</tbody>\n"));
    }
    let bodies = bodies(table);
    let sorts = 1 < bodies.len();
    let written = |body: &&[Vec<Cell>]| -> String {
        body.iter().map(|row| self::row(&table.columns, row)).collect()
    };
    let rows = match bodies.iter().all(|body| body.len() == 1) {
        true => format!("<tbody>\n{}</tbody>\n", bodies.iter().map(written).collect::<String>()),
        false => {
            bodies.iter().map(|body| format!("<tbody>\n{}</tbody>\n", written(body))).collect()
        }
    };
    let heads = format!("{}{rows}", heads(&table.columns, sorts));
    framed(table, number, if sorts { "sorts" } else { "" }, &heads)
}

/// What a table is sorted by, column by column: of numbers that of each body, null where it has none; null alone
/// for a column of texts.
pub(super) fn keys(table: &Table) -> Keys {
    let bodies = bodies(table);
    let is_number =
        |cell: &Cell| cell.number.is_some() || cell.text.is_empty() || cell.text == MISSING;
    let keys = |at: usize| {
        let cells = || bodies.iter().map(|body| &body[0][at]);
        cells().all(is_number).then(|| cells().map(|cell| cell.number).collect())
    };
    (0..table.columns.len()).map(keys).collect()
}

/// Writes a matrix. Its first cell with something behind it is in the order of tabs, the script moves that.
pub(super) fn matrix(matrix: &Matrix, number: usize) -> String {
    let Matrix { table, entries, scale } = matrix;
    let first = entries.keys().next();
    let mut rows = String::new();
    for (row, cells) in table.rows.iter().enumerate() {
        rows.push_str("<tr>");
        for (column, cell) in cells.iter().enumerate() {
            let entry = entries.get(&(row, column));
            rows.push_str(&match entry {
                Some(entry) => {
                    let [row_head, head] = [&cells[0].text, &table.columns[column].head];
                    let id = format!("{}.{}.{}", id(table, number), slug(row_head), slug(head));
                    entry_cell(cell, entry, (*scale, &id), first == Some(&(row, column)))
                }
                None => self::cell(&table.columns[column], cell, column == 0),
            });
        }
        rows.push_str("</tr>\n");
    }
    let body = format!("{}<tbody>\n{rows}</tbody>\n", heads(&table.columns, false));
    framed(table, number, "matrix", &body)
}

fn entry_cell(
    cell: &Cell,
    entry: &Entry,
    (scale, id): (Diverging, &str),
    is_first: bool,
) -> String {
    let share = (entry.points / scale.limit).clamp(-1.0, 1.0);
    let colour = class((share * f64::from(DEPTHS)).round() as i32);
    let home = if entry.is_home { " home" } else { "" };
    format!(
        "<td id=\"{id}\" class=\"n {colour}{home}\" tabindex=\"{}\" data-tip=\"{}\">{}</td>",
        if is_first { 0 } else { -1 },
        escape(&entry.behind.join("\n")),
        escape(&cell.text)
    )
}

/// The rows that move together: one, and those below it whose first cell is set as of second rank.
fn bodies(table: &Table) -> Vec<&[Vec<Cell>]> {
    let starts = |row: &Vec<Cell>| row.first().is_none_or(|cell| cell.style != Style::Italic);
    let mut bodies = Vec::new();
    let mut rest = table.rows.as_slice();
    while !rest.is_empty() {
        let length = rest[1..].iter().position(starts).map_or(rest.len(), |others| others + 1);
        let (body, after) = rest.split_at(length);
        bodies.push(body);
        rest = after;
    }
    bodies
}

fn framed(table: &Table, number: usize, class: &str, rows: &str) -> String {
    let id = id(table, number);
    format!(
        "<div class=\"table\">\n<p class=\"caption\" id=\"{id}\"><b>Table {number}.</b> {} \
         <a class=\"here\" href=\"#{id}\" aria-label=\"Link to table {number}\">#</a></p>\n\
         <div class=\"wide-table\" role=\"region\" aria-labelledby=\"{id}\" tabindex=\"0\">\n\
         <table class=\"{class}\" aria-labelledby=\"{id}\">\n{rows}</table>\n</div>\n</div>\n",
        escape(&table.caption)
    ) + &notes(table)
}

/// What stands below a table.
fn notes(table: &Table) -> String {
    let note = |note: &Note| format!("<p class=\"caption\">{}</p>\n", escape(&note.text));
    table.notes.iter().map(note).collect()
}

fn heads(columns: &[Column], sorts: bool) -> String {
    let head = |column: &Column| {
        let class = if column.align == Align::Right { " class=\"n\"" } else { "" };
        let text = escape(&column.full_head());
        match (sorts, column.head.is_empty()) {
            (_, true) => format!("<td{class}></td>"),
            (true, false) => format!(
                "<th scope=\"col\"{class} aria-sort=\"none\"><button type=\"button\">{text}</button></th>"
            ),
            (false, false) => format!("<th scope=\"col\"{class}>{text}</th>"),
        }
    };
    let heads: String = columns.iter().map(head).collect();
    format!("<thead><tr>{heads}</tr></thead>\n")
}

fn row(columns: &[Column], cells: &[Cell]) -> String {
    let cells = columns.iter().zip(cells).enumerate();
    let written: String =
        cells.map(|(position, (column, cell))| self::cell(column, cell, position == 0)).collect();
    format!("<tr>{written}</tr>\n")
}

/// A cell; the first of a row is the row's head.
fn cell(column: &Column, cell: &Cell, is_head: bool) -> String {
    let align = if column.align == Align::Right { Some("n") } else { None };
    let rank = if cell.style == Style::Italic { Some("minor") } else { None };
    let classes: Vec<&str> = align.into_iter().chain(rank).collect();
    let class = match classes.is_empty() {
        true => String::new(),
        false => format!(" class=\"{}\"", classes.join(" ")),
    };
    let text = escape(&cell.text);
    let text = match cell.style {
        Style::Bold => format!("<b>{text}</b>"),
        Style::Underlined => format!("<u>{text}</u>"),
        Style::Plain | Style::Italic => text,
    };
    match is_head {
        true => format!("<th scope=\"row\"{class}>{text}</th>"),
        false => format!("<td{class}>{text}</td>"),
    }
}
