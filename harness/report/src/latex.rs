//! The LaTeX writer: a file for every table, and documents that hold them.
//!
//! A table's file can be read by `\input` into any document that loads the packages of [`document()`].
//! Numbers stand in siunitx's columns; what is emphasised or marked is text there, flush with them. A table
//! that is longer than a page is no float: it goes on over the pages, its heads repeated.

mod columns;
mod document;
mod escape;

use self::columns::fitted;
pub(crate) use self::{document::document, escape::escape};
use crate::{
    number::{Digits, MISSING},
    table::{Align, Cell, Column, Style, Table},
};

/// From so many lines on a table goes on over pages.
const LONG: usize = 50;

/// Writes one table.
pub(crate) fn written(table: &Table, suite: &str) -> String {
    let (letters, columns) = fitted(table);
    let name = table.name.as_deref().unwrap_or_default();
    let parts = Parts {
        caption: format!("\\caption{{{}}}", escape(&table.caption)),
        label: format!("\\label{{{}}}", label(suite, name)),
        setting: format!(
            "{}\\setlength{{\\tabcolsep}}{{{}pt}}\n\
             \\sisetup{{table-number-alignment=right,table-text-alignment=right,retain-explicit-plus}}",
            letters.size, letters.separation
        ),
        columns: format!("@{{}}{columns}@{{}}"),
        heads: heads(table),
        rows: rows(table, letters.minor),
        notes: notes(table),
    };
    if is_long(table) { parts.over_pages() } else { parts.float() }
}

/// What a table is made of, whichever way.
struct Parts {
    caption: String,
    label: String,
    setting: String,
    columns: String,
    heads: String,
    rows: String,
    /// Items of a list; empty where there is none.
    notes: String,
}

impl Parts {
    fn float(self) -> String {
        let Parts { caption, label, setting, columns, heads, rows, notes } = self;
        let notes = match notes.is_empty() {
            true => String::new(),
            false => format!(
                "\\begin{{tablenotes}}[flushleft]\\scriptsize\n{notes}\n\\end{{tablenotes}}\n"
            ),
        };
        format!(
            "\\begin{{table}}\n\\centering\n\\begin{{threeparttable}}\n{caption}\n{label}\n{setting}\n\
             \\begin{{tabular}}{{{columns}}}\n{heads}\n{rows}\n\\bottomrule\n\\end{{tabular}}\n{notes}\
             \\end{{threeparttable}}\n\\end{{table}}\n"
        )
    }

    fn over_pages(self) -> String {
        let Parts { caption, label, setting, columns, heads, rows, notes } = self;
        let notes = match notes.is_empty() {
            true => String::new(),
            false => format!(
                "\\begin{{list}}{{}}{{\\leftmargin0pt}}\\scriptsize\n{notes}\n\\end{{list}}\n"
            ),
        };
        format!(
            "\\begingroup\n{setting}\n\\setlength{{\\LTcapwidth}}{{\\linewidth}}\n\
             \\begin{{longtable}}{{{columns}}}\n{caption}{label}\\\\\n{heads}\n\\endfirsthead\n{heads}\n\
             \\endhead\n\\bottomrule\n\\endfoot\n{rows}\n\\end{{longtable}}\n{notes}\\endgroup\n"
        )
    }
}

fn is_long(table: &Table) -> bool {
    LONG <= table.rows.len()
}

/// The heads and the rules around them; a table without heads has one rule.
fn heads(table: &Table) -> String {
    let mut lines = vec!["\\toprule".to_owned()];
    if table.columns.iter().any(|column| !column.head.is_empty()) {
        lines.extend(group_heads(&table.columns));
        lines.push(row(&table.columns.iter().map(head).collect::<Vec<_>>()));
        lines.push("\\midrule".to_owned());
    }
    lines.join("\n")
}

fn rows(table: &Table, minor: &str) -> String {
    let mut lines = Vec::new();
    for (position, cells) in table.rows.iter().enumerate() {
        if 0 < position && starts_a_group(table, position) {
            lines.push("\\addlinespace[2pt]".to_owned());
        }
        let cells = cells.iter().zip(&table.columns);
        let shown: Vec<String> = cells.map(|(cell, column)| shown(cell, column, minor)).collect();
        // No page ends between a row and the lines of second rank below it.
        let is_kept =
            is_long(table) && table.rows.get(position + 1).is_some_and(|row| is_second(row));
        lines.push(format!("{}{}", row(&shown), if is_kept { "*" } else { "" }));
    }
    lines.join("\n")
}

fn notes(table: &Table) -> String {
    // An item that began with a bracket would be named by what stands in it.
    let guard = |note: &str| if note.starts_with('[') { "{}" } else { "" };
    let items = table.notes.iter().map(|note| format!("\\item {}{}", guard(note), escape(note)));
    items.collect::<Vec<_>>().join("\n")
}

/// What a table is referred to by: its name and its suite's, so that one paper can have several suites.
pub(crate) fn label(suite: &str, name: &str) -> String {
    let kept = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    let [suite, name] = [suite, name].map(|text| text.chars().map(kept).collect::<String>());
    format!("tab:{suite}:{name}")
}

fn head(column: &Column) -> String {
    format!("{{{}}}", escape(&column.head))
}

/// The line of heads above the heads, if any column has one, and the rules below it.
fn group_heads(columns: &[Column]) -> Vec<String> {
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

fn row(cells: &[String]) -> String {
    // After the line above, a bracket or a star would belong to its end.
    let guard = if cells[0].starts_with(['[', '*']) { "{}" } else { "" };
    format!("{guard}{} \\\\", cells.join(" & "))
}

/// A row of second rank belongs to the one above it.
fn starts_a_group(table: &Table, position: usize) -> bool {
    is_second(&table.rows[position - 1]) && !is_second(&table.rows[position])
}

fn is_second(row: &[Cell]) -> bool {
    row[0].style == Style::Italic
}

fn shown(cell: &Cell, column: &Column, minor: &str) -> String {
    let text = cell.text.as_str();
    if text.trim().is_empty() {
        return String::new();
    }
    let number = cell.number.and_then(|number| number.digits());
    if let (Style::Plain, Align::Right, Some(digits)) = (cell.style, column.align, number) {
        let Digits { sign, whole, decimals } = digits;
        let point = if decimals.is_empty() { "" } else { "." };
        return format!("{sign}{whole}{point}{decimals}");
    }
    // A mark hangs over, so that numbers with and without one stand below each other.
    let marks = text.trim_end_matches(['*', '†']);
    let hung = match (column.align, &text[marks.len()..]) {
        (Align::Left, _) | (_, "") => escape(text),
        (Align::Right, hung) => format!("{}\\rlap{{{}}}", escape(marks), escape(hung)),
    };
    let styled = match cell.style {
        Style::Plain => hung,
        Style::Bold => format!("\\textbf{{{hung}}}"),
        Style::Underlined => format!("\\underline{{{hung}}}"),
        Style::Italic if text == MISSING => hung,
        Style::Italic => format!("{minor} {hung}"),
    };
    match (column.align, cell.style) {
        (Align::Left, Style::Italic) => format!("\\quad{{{styled}}}"),
        (Align::Left, _) => styled,
        (Align::Right, _) => format!("{{{styled}}}"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
