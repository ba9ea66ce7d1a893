//! A bare tabular, which says its letters itself and can be read by `\input` wherever its width is there.

use super::{
    escape,
    escape::breakable,
    layout::{Layout, Letters, Place},
    marks::split_marks,
};
use crate::{
    number::MISSING,
    table::{Align, Cell, Column, Style, Table},
};

/// Points that a part of a table may be high, with room for a caption and notes on the page.
const HIGHEST: f64 = 470.0;

/// A table's tabulars, of one page each at most.
pub(super) fn tabulars(table: &Table, layout: &Layout) -> Vec<String> {
    let parts = parts(table, layout);
    parts.into_iter().map(|rows| tabular(table, layout, rows)).collect()
}

/// Rows that stand on a page together. None begins with a row of second rank.
fn parts<'a>(table: &'a Table, layout: &Layout) -> Vec<&'a [Vec<Cell>]> {
    let n_panels = layout.panels.len();
    let most_lines = (HIGHEST / layout.letters.size.leading) as usize / n_panels;
    let most_lines = most_lines.saturating_sub(3).max(1);
    let mut parts = Vec::new();
    let (mut rest, mut n_lines, mut at) = (table.rows.as_slice(), 0, 0);
    while at < rest.len() {
        let seconds = rest[at + 1..].iter().take_while(|row| is_second(row)).count();
        let end = at + 1 + seconds;
        let more: usize = rest[at..end].iter().map(|row| layout.lines(row)).sum();
        if 0 < at && most_lines < n_lines + more {
            parts.push(&rest[..at]);
            (rest, n_lines, at) = (&rest[at..], 0, 0);
            continue;
        }
        (n_lines, at) = (n_lines + more, end);
    }
    parts.push(rest);
    parts
}

fn tabular(table: &Table, layout: &Layout, rows: &[Vec<Cell>]) -> String {
    let Letters { size, separation, .. } = layout.letters;
    let one = |places: &Vec<Place>| {
        let columns: String = places.iter().map(|place| column(table, place)).collect();
        format!(
            "\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n{}\n{}\n\\bottomrule\n\\end{{tabular}}",
            heads(table, places),
            lines(table, layout, places, rows)
        )
    };
    let panels: Vec<String> = layout.panels.iter().map(one).collect();
    format!(
        "{{{}\\setlength{{\\tabcolsep}}{{{separation}pt}}%\n{}}}",
        size.command,
        panels.join("\\par\\vspace{4pt}\\noindent\n")
    )
}

fn column(table: &Table, place: &Place) -> String {
    match (table.columns[place.column].align, place.lines) {
        (_, Some(points)) => {
            format!(">{{\\raggedright\\arraybackslash}}p{{{points}pt}}")
        }
        (Align::Left, None) => "l".to_owned(),
        (Align::Right, None) => "r".to_owned(),
    }
}

/// The heads and the rules around them; a table without heads has one rule.
fn heads(table: &Table, places: &[Place]) -> String {
    let columns: Vec<&Column> = places.iter().map(|place| &table.columns[place.column]).collect();
    let mut lines = vec!["\\toprule".to_owned()];
    if columns.iter().any(|column| !column.head.is_empty()) {
        lines.extend(group_heads(&columns));
        let heads = places.iter().zip(&columns).map(|(place, column)| match place.lines {
            Some(_) => breakable(&column.head),
            None => escape(&column.head),
        });
        lines.push(row(&heads.collect::<Vec<_>>()));
        lines.push("\\midrule".to_owned());
    }
    lines.join("\n")
}

/// The line of heads above the heads, if any column has one, and the rules below it.
fn group_heads(columns: &[&Column]) -> Vec<String> {
    let mut groups: Vec<(&str, usize, usize)> = Vec::new();
    for (position, column) in columns.iter().enumerate() {
        let name = column.group.as_deref().unwrap_or_default();
        match groups.last_mut() {
            Some((last, _, end)) if *last == name && !name.is_empty() => *end = position,
            _ => groups.push((name, position, position)),
        }
    }
    if groups.iter().all(|(name, ..)| name.is_empty()) {
        return Vec::new();
    }
    let head = |(name, start, end): &(&str, usize, usize)| match name.is_empty() {
        true => String::new(),
        false => format!("\\multicolumn{{{}}}{{c}}{{{}}}", end - start + 1, escape(name)),
    };
    let rule = |(_, start, end): &(&str, usize, usize)| {
        format!("\\cmidrule(lr){{{}-{}}}", start + 1, end + 1)
    };
    let named = groups.iter().filter(|(name, ..)| !name.is_empty());
    vec![row(&groups.iter().map(head).collect::<Vec<_>>()), named.map(rule).collect()]
}

fn lines(table: &Table, layout: &Layout, places: &[Place], rows: &[Vec<Cell>]) -> String {
    let marks: Vec<&str> = places.iter().map(|place| widest_marks(table, place)).collect();
    let mut lines = Vec::new();
    for (position, cells) in rows.iter().enumerate() {
        if 0 < position && is_second(&rows[position - 1]) && !is_second(cells) {
            lines.push("\\addlinespace[2pt]".to_owned());
        }
        let shown = places.iter().zip(&marks).map(|(place, marks)| {
            let align = table.columns[place.column].align;
            shown(&cells[place.column], align, place.lines.is_some(), marks, layout.letters)
        });
        lines.push(row(&shown.collect::<Vec<_>>()));
    }
    lines.join("\n")
}

/// Of a column the marks that take the most room.
fn widest_marks<'a>(table: &'a Table, place: &Place) -> &'a str {
    let Place { column, .. } = *place;
    let align = table.columns[column].align;
    let marks = table.rows.iter().map(|row| split_marks(&row[column], align).1);
    marks.max_by_key(|marks| marks.chars().count()).unwrap_or_default()
}

fn row(cells: &[String]) -> String {
    // After the line above, a bracket or a star would belong to its end.
    let guard = if cells[0].trim_start().starts_with(['[', '*']) { "{}" } else { "" };
    format!("{guard}{} \\\\", cells.join(" & "))
}

pub(super) fn is_second(row: &[Cell]) -> bool {
    row[0].style == Style::Italic
}

fn shown(
    cell: &Cell,
    align: Align,
    is_broken: bool,
    column_marks: &str,
    letters: Letters,
) -> String {
    if cell.text.trim().is_empty() {
        return String::new();
    }
    let (text, marks) = split_marks(cell, align);
    let text = if is_broken { breakable(text) } else { escape(text) };
    let text = format!("{text}{}", escape(marks));
    let styled = match cell.style {
        Style::Plain => text,
        Style::Bold => format!("\\textbf{{{text}}}"),
        Style::Underlined => format!("\\underline{{{text}}}"),
        Style::Italic if cell.text == MISSING => text,
        Style::Italic => format!("{{{} {text}}}", letters.minor.command),
    };
    // Numbers with and without a mark stand below each other.
    let lacking: String = column_marks.chars().skip(marks.chars().count()).collect();
    match (align, cell.style, lacking.is_empty()) {
        (Align::Left, Style::Italic, _) => format!("\\hspace*{{1em}}{styled}"),
        (Align::Left, ..) | (_, _, true) => styled,
        _ => format!("{styled}\\hphantom{{{}}}", escape(&lacking)),
    }
}
