//! The marks of a number: stars and signs that stand behind it.

use crate::table::{Align, Cell};

/// A cell's text and its marks, which numbers of a column stand before.
pub(super) fn split_marks(cell: &Cell, align: Align) -> (&str, &str) {
    match align {
        Align::Left => (&cell.text, ""),
        Align::Right => {
            let text = cell.text.trim_end_matches(['*', '†', '°']);
            (text, &cell.text[text.len()..])
        }
    }
}
