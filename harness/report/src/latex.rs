//! The LaTeX writer: a table in three widths, each as a float and as a bare tabular, and a document that holds them.
//!
//! A file can be read by `\input` into any document of 10 points that loads the packages of [`document()`]; what it
//! takes, its first line says. A tabular names its own letters, none smaller than 5 points, and is never wider than its
//! variant. Labels have the suite's name, so that one paper can have several suites.

mod document;
mod escape;
mod float;
mod layout;
mod marks;
mod matrix;
mod tabular;
mod widths;

pub(crate) use self::{document::document, escape::escape};
use self::{float::Float, layout::Layout};
use crate::{
    page::{Block, Matrix, Page},
    table::Table,
};

/// Where a table is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// In one column of text, as wide as NeurIPS' is.
    Text,
    /// Over both columns of a page like CVPR's.
    Wide,
    /// In one of them, without lines of second rank.
    Compact,
}

impl Variant {
    const ALL: [Variant; 3] = [Variant::Text, Variant::Wide, Variant::Compact];

    /// Its width in TeX's points, of which an inch has 72.27; one less, for rounding.
    fn width(self) -> f64 {
        let inches = match self {
            Variant::Text => 5.5,
            Variant::Wide => 6.875,
            Variant::Compact => 3.25,
        };
        inches * 72.27 - 1.0
    }

    /// What its files' names have before their extension.
    fn suffix(self) -> &'static str {
        match self {
            Variant::Text => "",
            Variant::Wide => ".wide",
            Variant::Compact => ".compact",
        }
    }

    fn environment(self) -> &'static str {
        match self {
            Variant::Text | Variant::Compact => "table",
            Variant::Wide => "table*",
        }
    }
}

/// Renders every table and matrix of a page that has a name: names without an extension, and texts.
pub(crate) fn files(page: &Page, suite: &str) -> Vec<(String, String)> {
    let both = |block: &Block| match block {
        Block::Table(table) => render(table, None, suite),
        Block::Matrix(matrix) => render(&matrix.table, Some(matrix), suite),
        _ => Vec::new(),
    };
    page.blocks().iter().flat_map(both).collect()
}

/// Renders one table in every variant, as a float and bare.
fn render(table: &Table, matrix: Option<&Matrix>, suite: &str) -> Vec<(String, String)> {
    let Some(name) = table.name.as_deref() else { return Vec::new() };
    let of = |variant: Variant| {
        let (tabulars, notes) = match matrix {
            Some(matrix) => matrix::tabular(matrix, variant),
            None => tabulars(table, variant),
        };
        let float = Float::new(table, label(suite, name), notes, variant);
        let stem = format!("{name}{}", variant.suffix());
        let needs = match (matrix, variant) {
            (None, _) => "array, booktabs",
            (Some(_), Variant::Compact) => "booktabs, graphicx, [table]xcolor",
            (Some(_), _) => "booktabs, [table]xcolor",
        };
        let head = format!("% At most {:.1} pt wide; needs {needs}.\n", variant.width() + 1.0);
        let bare = format!("{head}{}\n", tabulars.join("\\par\\medskip\n\\noindent\n"));
        [(stem.clone(), format!("{head}{}", float.render(&tabulars))), (stem + ".tabular", bare)]
    };
    Variant::ALL.into_iter().flat_map(of).collect()
}

/// A table's tabulars, one for each page that it takes, and what stands below them.
fn tabulars(table: &Table, variant: Variant) -> (Vec<String>, Vec<String>) {
    let is_short = variant == Variant::Compact;
    let has_seconds = table.rows.iter().any(|row| tabular::is_second(row));
    let mut notes = notes(table, variant);
    if is_short && has_seconds {
        notes.push("Lines of intervals and changes are left out.".to_owned());
    }
    let mut table = table.clone();
    if is_short {
        table.rows.retain(|row| !tabular::is_second(row));
    }
    (tabular::tabulars(&table, &Layout::new(&table, variant)), notes)
}

/// The notes of what a variant shows.
fn notes(table: &Table, variant: Variant) -> Vec<String> {
    let is_shown = |is_of_second: bool| variant != Variant::Compact || !is_of_second;
    let shown = table.notes.iter().filter(|note| is_shown(note.is_of_second));
    shown.map(|note| note.text.clone()).collect()
}

/// What a table is referred to by: its name and its suite's.
fn label(suite: &str, name: &str) -> String {
    let kept = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    let [suite, name] = [suite, name].map(|text| text.chars().map(kept).collect::<String>());
    format!("tab:{suite}:{name}")
}

#[cfg(test)]
pub(crate) mod tests;
