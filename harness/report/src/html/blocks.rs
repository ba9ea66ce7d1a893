//! One part of a document as HTML.

use super::{escape::escape, tables};
use crate::page::{Block, Figure, Fold};

/// Writes a part; `n_tables` counts the tables so far.
pub(super) fn render(block: &Block, n_tables: &mut usize) -> String {
    match block {
        Block::Heading(level, text) => {
            let level = level.clamp(&1, &6);
            format!("<h{level}>{}</h{level}>\n", escape(text))
        }
        Block::Paragraph(text) => format!("<p>{}</p>\n", escape(text)),
        Block::Warning(text) => format!("<p class=\"warning\">{}</p>\n", escape(text)),
        Block::Verbatim(text) => format!("<pre>{}</pre>\n", escape(text)),
        Block::Table(table) | Block::Long(table) => {
            *n_tables += 1;
            tables::render(table, *n_tables)
        }
        Block::Matrix(matrix) => {
            *n_tables += 1;
            tables::matrix(matrix, *n_tables)
        }
        Block::Fold(Fold { text, is_long: true }) => {
            format!("<details>\n<summary>{}</summary>\n", escape(text))
        }
        Block::EndFold(Fold { is_long: true, .. }) => "</details>\n".to_owned(),
        Block::Brief(_) | Block::Fold(_) | Block::EndFold(_) | Block::Files => String::new(),
        // Within HTML an SVG needs no name of its kind, which would look like an address.
        Block::Figure(Figure { svg, .. }) => {
            let svg = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
            format!("<figure>\n{svg}</figure>\n")
        }
    }
}
