//! A table as it is meant, before any format: caption, columns, rows, emphasis, notes, and its numbers.

use crate::{datum::Datum, number::Printed};

/// The longest text of a cell, in characters; of longer ones the beginning is shown.
const MAX_CHARS: usize = 4096;

/// A table. Every row has one cell per column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// The name of its files, if it has any: letters, digits, hyphens and points.
    pub(crate) name: Option<String>,
    /// What it shows, in plain text.
    pub(crate) caption: String,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its rows.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What stands below it, a paragraph each, in plain text.
    pub(crate) notes: Vec<Note>,
    /// Its numbers as data.
    pub(crate) data: Vec<Datum>,
}

/// A paragraph below a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Note {
    /// In plain text.
    pub(crate) text: String,
    /// Whether it is about lines of second rank alone, and goes where they go.
    pub(crate) is_of_second: bool,
}

impl<T: Into<String>> From<T> for Note {
    fn from(text: T) -> Self {
        Note { text: text.into(), is_of_second: false }
    }
}

/// A column's head and alignment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// The head, in plain text.
    pub(crate) head: String,
    /// A head above those of neighbours, which name the same one; in plain text.
    pub(crate) group: Option<String>,
    /// Where its cells stand.
    pub(crate) align: Align,
}

impl Column {
    /// Both heads, for a format that has one line of them.
    pub(crate) fn full_head(&self) -> String {
        match &self.group {
            None => self.head.clone(),
            Some(group) => format!("{group} {}", self.head),
        }
    }
}

/// Where a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// A cell, in plain text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// What it says.
    pub(crate) text: String,
    /// The number that it begins with.
    pub(crate) number: Option<f64>,
    /// How it says it.
    pub(crate) style: Style,
}

/// A cell's emphasis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// None.
    Plain,
    /// The best of its kind.
    Bold,
    /// Not significantly worse than the best.
    Underlined,
    /// Of second rank.
    Italic,
}

impl Table {
    /// An empty table whose first column holds texts and whose other columns hold numbers.
    pub(crate) fn of_numbers(caption: String, heads: &[&str]) -> Self {
        let column = |(position, head): (usize, &&str)| Column {
            head: (*head).to_owned(),
            group: None,
            align: if position == 0 { Align::Left } else { Align::Right },
        };
        let columns = heads.iter().enumerate().map(column).collect();
        Self::new(caption, columns)
    }

    /// An empty table of texts.
    pub(crate) fn of_texts(caption: String, heads: &[&str]) -> Self {
        let head = |head: &&str| (*head).to_owned();
        let column = |name| Column { head: head(name), group: None, align: Align::Left };
        Self::new(caption, heads.iter().map(column).collect())
    }

    fn new(caption: String, columns: Vec<Column>) -> Self {
        Table {
            name: None,
            caption,
            columns,
            rows: Vec::new(),
            notes: Vec::new(),
            data: Vec::new(),
        }
    }

    /// The same table with files of its own.
    pub(crate) fn named(self, name: impl Into<String>) -> Self {
        Table { name: Some(name.into()), ..self }
    }

    /// Adds a row. Panics if it has not one cell per column.
    pub(crate) fn push(&mut self, mut row: Vec<Cell>) {
        row.iter_mut().for_each(Cell::cut);
        assert_eq!(
            row.len(),
            self.columns.len(),
            "a row of `{}` has the wrong length",
            self.caption
        );
        self.rows.push(row);
    }

    /// Adds a row of plain cells.
    pub(crate) fn push_plain(&mut self, row: impl IntoIterator<Item = impl Into<Printed>>) {
        self.push(row.into_iter().map(Cell::plain).collect());
    }
}

impl Cell {
    /// Keeps the beginning of a text that no table could show.
    fn cut(&mut self) {
        if let Some((end, _)) = self.text.char_indices().nth(MAX_CHARS) {
            self.text.truncate(end);
            self.text.push('…');
        }
    }

    pub(crate) fn new(shown: impl Into<Printed>, style: Style) -> Self {
        let Printed { text, number } = shown.into();
        Cell { text, number, style }
    }

    pub(crate) fn plain(shown: impl Into<Printed>) -> Self {
        Cell::new(shown, Style::Plain)
    }

    pub(crate) fn bold(shown: impl Into<Printed>) -> Self {
        Cell::new(shown, Style::Bold)
    }

    pub(crate) fn italic(shown: impl Into<Printed>) -> Self {
        Cell::new(shown, Style::Italic)
    }
}
