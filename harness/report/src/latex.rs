//! The LaTeX writer: a file for every table, and a document that holds all of them. The one place that
//! escapes for LaTeX.
//!
//! A table's file can be read by `\input` into any document that loads the packages of [`PACKAGES`]. Numbers
//! stand in siunitx's columns; what is emphasised or marked is text there, flush with them. Text of
//! other scripts than Latin-1 becomes its code point, because pdflatex's fonts have no more.

use crate::{
    number::MISSING,
    table::{Align, Cell, Column, Style, Table},
};

/// What a document that reads these tables loads.
const PACKAGES: &str = "\\usepackage[T1]{fontenc}
\\usepackage{textcomp}
\\usepackage{booktabs}
\\usepackage{threeparttable}
\\usepackage{siunitx}
";

/// Up to so many columns, letters of a size, smaller ones in lines of second rank, and points between columns.
const SIZES: [(usize, &str, &str, usize); 3] = [
    (8, "\\small", "\\scriptsize", 6),
    (13, "\\footnotesize", "\\scriptsize", 4),
    (usize::MAX, "\\scriptsize", "\\tiny", 3),
];

/// Writes one table as a float.
pub(crate) fn written(table: &Table, suite: &str) -> String {
    let name = table.name.as_deref().unwrap_or_default();
    let n_columns = table.columns.len();
    let fits = SIZES.into_iter().find(|(most, ..)| n_columns <= *most);
    let (_, size, minor, tabcolsep) = fits.expect("the last of them takes any number of columns");
    let mut lines = vec![
        "\\begin{table}[htbp]".to_owned(),
        "\\centering".to_owned(),
        "\\begin{threeparttable}".to_owned(),
        format!("\\caption{{{}}}", escape(&table.caption)),
        format!("\\label{{tab:{}:{}}}", label(suite), label(name)),
        format!("{size}\\setlength{{\\tabcolsep}}{{{}pt}}", tabcolsep),
        "\\sisetup{table-number-alignment=right,table-text-alignment=right}".to_owned(),
        format!("\\begin{{tabular}}{{@{{}}{}@{{}}}}", columns(table)),
        "\\toprule".to_owned(),
    ];
    lines.extend(group_heads(&table.columns));
    lines.push(row(&table.columns.iter().map(head).collect::<Vec<_>>()));
    lines.push("\\midrule".to_owned());
    for (position, cells) in table.rows.iter().enumerate() {
        if 0 < position && starts_a_group(table, position) {
            lines.push("\\addlinespace[2pt]".to_owned());
        }
        let shown =
            cells.iter().zip(&table.columns).map(|(cell, column)| shown(cell, column, minor));
        lines.push(row(&shown.collect::<Vec<_>>()));
    }
    lines.push("\\bottomrule".to_owned());
    lines.push("\\end{tabular}".to_owned());
    if !table.notes.is_empty() {
        lines.push("\\begin{tablenotes}[flushleft]\\scriptsize".to_owned());
        lines.extend(table.notes.iter().map(|note| format!("\\item {}", escape(note))));
        lines.push("\\end{tablenotes}".to_owned());
    }
    lines.push("\\end{threeparttable}".to_owned());
    lines.push("\\end{table}\n".to_owned());
    lines.join("\n")
}

/// Writes a document that reads the files of these tables.
pub(crate) fn document(title: &str, tables: &[&Table]) -> String {
    let names = tables.iter().filter_map(|table| table.name.as_deref());
    let inputs: String = names.map(|name| format!("\\input{{tables/{name}}}\n")).collect();
    format!(
        "\\documentclass[a4paper,10pt]{{article}}\n{PACKAGES}\\usepackage[margin=18mm]{{geometry}}\n\
         \\usepackage[skip=4pt,font=small,labelfont=bf]{{caption}}\n\
         \\begin{{document}}\n\\section*{{{}}}\n{inputs}\\end{{document}}\n",
        escape(title)
    )
}

/// Escapes plain text so that LaTeX shows it as it is, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => {
                escaped.push('\\');
                escaped.push(character);
            }
            // Two of them would become one other sign.
            '-' | ',' if characters.peek() == Some(&character) => {
                escaped.push(character);
                escaped.push_str("{}");
            }
            ' '..='~' => match command(character) {
                Some(command) => escaped.push_str(&format!("\\{command}{{}}")),
                None => escaped.push(character),
            },
            'À'..='ÿ' => escaped.push(character),
            control if control.is_control() => escaped.push(' '),
            other => match command(other) {
                Some(command) => escaped.push_str(&format!("\\{command}{{}}")),
                None => escaped.push_str(&format!("\\texttt{{U+{:04X}}}", other as u32)),
            },
        }
    }
    escaped
}

fn command(character: char) -> Option<&'static str> {
    Some(match character {
        '\\' => "textbackslash",
        '^' => "textasciicircum",
        '~' => "textasciitilde",
        '<' => "textless",
        '>' => "textgreater",
        '|' => "textbar",
        '"' => "textquotedbl",
        '`' => "textasciigrave",
        '\'' => "textquotesingle",
        '−' => "textminus",
        '–' => "textendash",
        '—' => "textemdash",
        '±' => "textpm",
        '†' => "textdagger",
        '→' => "textrightarrow",
        '·' => "textperiodcentered",
        '’' => "textquoteright",
        '…' => "textellipsis",
        '\u{a0}' => "nobreakspace",
        _ => return None,
    })
}

fn label(name: &str) -> String {
    let kept = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    name.chars().map(kept).collect()
}

/// A column of numbers is siunitx's, wide enough for all of them.
fn columns(table: &Table) -> String {
    let column = |position: usize| {
        let cells = table.rows.iter().map(|row| row[position].text.as_str());
        let numbers: Vec<Number<'_>> = cells.filter_map(number).collect();
        match (table.columns[position].align, numbers.is_empty()) {
            (Align::Left, _) => "l".to_owned(),
            (Align::Right, true) => "r".to_owned(),
            (Align::Right, false) => {
                let widest =
                    |of: fn(&Number<'_>) -> usize| numbers.iter().map(of).max().unwrap_or(0);
                let sign =
                    if numbers.iter().any(|number| !number.sign.is_empty()) { "+" } else { "" };
                let (whole, decimals) = (widest(|n| n.whole.len()), widest(|n| n.decimals.len()));
                format!("S[table-format={sign}{whole}.{decimals}]")
            }
        }
    };
    (0..table.columns.len()).map(column).collect::<Vec<_>>().join("")
}

/// A number's parts, as tables print them.
struct Number<'a> {
    sign: &'static str,
    whole: &'a str,
    decimals: &'a str,
}

fn number(text: &str) -> Option<Number<'_>> {
    let (sign, size) = match text.chars().next()? {
        '+' => ("+", &text['+'.len_utf8()..]),
        '−' => ("-", &text['−'.len_utf8()..]),
        _ => ("", text),
    };
    let (whole, decimals) = size.split_once('.').unwrap_or((size, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    let is_whole = !whole.is_empty() && is_number(whole) && is_number(decimals);
    (is_whole && !size.ends_with('.')).then_some(Number { sign, whole, decimals })
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
    format!("{} \\\\", cells.join(" & "))
}

/// A row of second rank belongs to the one above it.
fn starts_a_group(table: &Table, position: usize) -> bool {
    let is_second = |row: &Vec<Cell>| row[0].style == Style::Italic;
    is_second(&table.rows[position - 1]) && !is_second(&table.rows[position])
}

fn shown(cell: &Cell, column: &Column, minor: &str) -> String {
    let text = cell.text.as_str();
    if text.trim().is_empty() {
        return String::new();
    }
    if let (Style::Plain, Align::Right, Some(number)) = (cell.style, column.align, number(text)) {
        let point = if number.decimals.is_empty() { "" } else { "." };
        return format!("{}{}{point}{}", number.sign, number.whole, number.decimals);
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
