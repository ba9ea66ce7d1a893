//! What the gate shows. Names and reasons are untrusted text: every format escapes what it is given.

mod text;
mod markdown;
mod github;
mod junit;
mod json;

#[cfg(test)]
pub(super) use self::{
    github::{escape_message, escape_property},
    junit::escape_xml,
};
use crate::{
    baseline::Row,
    gate::Measured,
    number::{fixed, signed},
};

/// A change and its interval, in points.
fn shown(measured: &Measured) -> (String, String) {
    let end = |points| fixed(Some(points), 1);
    let interval = format!("[{}, {}]", end(measured.interval.lower), end(measured.interval.upper));
    (signed(Some(measured.change_points), 1).text, interval)
}

/// The rows that are listed one by one, and those that are listed together, because nothing can be said of one that
/// does not hold for all.
fn set_apart<'r>(rows: impl IntoIterator<Item = &'r Row>) -> (Vec<&'r Row>, Vec<&'r Row>) {
    let (together, mut apart): (Vec<&Row>, Vec<&Row>) =
        rows.into_iter().partition(|row| row.is_open_unchanged());
    match together.len() {
        0 | 1 => {
            apart.extend(together);
            (apart, Vec::new())
        }
        _ => (apart, together),
    }
}

/// `6 fail, 1 pass`.
fn tally(counts: &[(&'static str, usize)]) -> String {
    let one = |(word, n): &(&str, usize)| format!("{n} {word}");
    match counts {
        [] => "none".to_owned(),
        counts => counts.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}
