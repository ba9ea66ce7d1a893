//! A table of short texts: aligned for a terminal, or as Markdown.

use crate::output::blanks;

/// A header and rows; the first column is a name, the others are numbers.
pub struct Table {
    /// The columns' titles.
    pub header: Vec<String>,
    /// The rows, each as long as the header.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Columns two blanks apart, the first aligned left, the others right.
    pub fn text(&self) -> String {
        let all = || std::iter::once(&self.header).chain(&self.rows);
        let width = |column: usize| {
            all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..self.header.len()).filter_map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| match column {
                0 => format!("{cell}{}", blanks(cell, width)),
                _ => format!("{}{cell}", blanks(cell, width)),
            });
            cells.collect::<Vec<_>>().join("  ") + "\n"
        };
        all().map(line).collect()
    }

    /// The same between pipes.
    pub fn markdown(&self) -> String {
        let line = |row: &[String]| format!("| {} |\n", row.join(" | "));
        let rule: Vec<String> = (0..self.header.len())
            .map(|column| if column == 0 { ":---" } else { "---:" }.to_owned())
            .collect();
        let rows = self.rows.iter().map(|row| line(row));
        [line(&self.header), line(&rule)].into_iter().chain(rows).collect()
    }
}
