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
    gate::Measured,
    number::{fixed, signed},
};

/// A change and its interval, in points.
fn shown(measured: &Measured) -> (String, String) {
    let end = |points| fixed(Some(points), 1);
    let interval = format!("[{}, {}]", end(measured.interval.lower), end(measured.interval.upper));
    (signed(Some(measured.change_points), 1).text, interval)
}

/// `6 fail, 1 pass`.
fn tally(counts: &[(&'static str, usize)]) -> String {
    let one = |(word, n): &(&str, usize)| format!("{n} {word}");
    match counts {
        [] => "none".to_owned(),
        counts => counts.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}
