//! A table as it is meant, before any format: caption, columns, rows, emphasis.

/// A table. Every row has one cell per column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// What it shows, in plain text.
    pub(crate) caption: String,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its rows.
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// A column's head and alignment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// The head, in plain text.
    pub(crate) head: String,
    /// Where its cells stand.
    pub(crate) align: Align,
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
    /// How it says it.
    pub(crate) style: Style,
}

/// A cell's emphasis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// None.
    Plain,
    /// The one to look at.
    Bold,
    /// Of second rank.
    Italic,
}

impl Table {
    /// An empty table whose first column holds texts and whose other columns hold numbers.
    pub(crate) fn of_numbers(caption: String, heads: &[&str]) -> Self {
        let column = |(position, head): (usize, &&str)| Column {
            head: (*head).to_owned(),
            align: if position == 0 { Align::Left } else { Align::Right },
        };
        let columns = heads.iter().enumerate().map(column).collect();
        Table { caption, columns, rows: Vec::new() }
    }

    /// An empty table of texts.
    pub(crate) fn of_texts(caption: String, heads: &[&str]) -> Self {
        let column = |head: &&str| Column { head: (*head).to_owned(), align: Align::Left };
        Table { caption, columns: heads.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row. Panics if it has not one cell per column.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(
            row.len(),
            self.columns.len(),
            "a row of `{}` has the wrong length",
            self.caption
        );
        self.rows.push(row);
    }

    /// Adds a row of plain cells.
    pub(crate) fn push_plain(&mut self, row: impl IntoIterator<Item = String>) {
        self.push(row.into_iter().map(Cell::plain).collect());
    }
}

impl Cell {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Cell { text: text.into(), style: Style::Plain }
    }

    pub(crate) fn bold(text: impl Into<String>) -> Self {
        Cell { text: text.into(), style: Style::Bold }
    }

    pub(crate) fn italic(text: impl Into<String>) -> Self {
        Cell { text: text.into(), style: Style::Italic }
    }
}
