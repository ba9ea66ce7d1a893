//! The number that the published accuracy reward reads in a text, and when two texts agree by it.
//!
//! The released code asks the Python package math-verify to parse whole texts and to compare what
//! comes out. This is its behaviour on texts of the benchmark; its versions 0.5.2 to 0.9.0 agree there,
//! and where they differ the patterns are those of 0.6.1 and later, which an installation without a
//! version gets. Numbers and expressions are searched under five rules, one after the other; under a
//! rule the match that ends last is read first.
//!
//! Deviations. Of 12,026 pairs made around numbers of all kinds (`tests/numbers/make.py`) 156 are judged otherwise
//! than by 0.9.0 and 122 otherwise than by 0.5.2, which differ from each other in 48; 14 of them are paid here alone.
//! - LaTeX is read only where it stands for a number, arithmetic, an equation or one letter ([`latex`]); the package
//!   reads nearly all of it. Other LaTeX is no number, or nothing, as far as that can be decided: 138 pairs, of which 68
//!   have a percent within LaTeX.
//! - Fractions are exact up to 128 bits; a larger one equals nothing, but its text may be equal. Where neither side is
//!   a plain number the package compares floating point to its last bit, and here six places count. Together 18 pairs.
//! - The package gives up after five seconds; here a search gives up after a million steps.

use super::{
    arithmetic::evaluate,
    latex::{self, Piece},
    pattern::{self, Pattern},
    value::Value,
};
use crate::answer::strip;

/// What the reward read in a text: at most a number and the text that it was read from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    value: Option<Value>,
    text: Option<String>,
}

impl Reading {
    /// Reads a whole text.
    pub fn of(text: &str) -> Self {
        let mut reading = Reading::default();
        for rule in pattern::rules() {
            let Some(matches) = matches(rule, text) else { return Reading::default() };
            for found in matches {
                let Some((value, source)) = read(&found) else { return Reading::default() };
                if let Some(source) = source {
                    reading.text.get_or_insert(source);
                }
                if value.is_some() {
                    reading.value = value;
                    return reading;
                }
            }
        }
        reading
    }

    /// Whether there is neither a number nor a text.
    pub fn is_empty(&self) -> bool {
        self.value.is_none() && self.text.is_none()
    }

    /// The text that was read first, if any.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Whether the numbers are equal, or the texts.
    pub fn agrees_with(&self, other: &Reading) -> bool {
        let by_value = self.value.zip(other.value).is_some_and(|(a, b)| a.equals(b));
        let texts = self.text().map(strip).zip(other.text().map(strip));
        by_value || texts.is_some_and(|(a, b)| !a.is_empty() && a == b)
    }
}

/// A match of a pattern: where it lies, and its parts.
struct Found<'t> {
    start: usize,
    end: usize,
    parts: Parts<'t>,
}

enum Parts<'t> {
    Number { integer: &'t str, decimal: &'t str, is_percent: bool },
    Expression(&'t str),
    Latex { content: &'t str, is_percent: bool, is_one_of_several: bool },
}

/// All matches of a rule's patterns, the one that ends last first; of those the one that starts first.
/// Nothing if a search gave up.
fn matches<'t>(rule: &[Pattern], text: &'t str) -> Option<Vec<Found<'t>>> {
    let mut matches = Vec::new();
    for pattern in rule.iter().filter(|pattern| pattern.can_match(text)) {
        for captures in pattern.regex.captures_iter(text) {
            let captures = captures.ok()?;
            let whole = captures.get(0)?;
            let parts = parts(&|name| captures.name(name).map(|part| part.as_str()));
            matches.push(Found { start: whole.start(), end: whole.end(), parts });
        }
    }
    matches.sort_by(|a, b| b.end.cmp(&a.end).then(a.start.cmp(&b.start)));
    Some(matches)
}

fn parts<'t>(group: &dyn Fn(&str) -> Option<&'t str>) -> Parts<'t> {
    let first = |names: &[&str]| names.iter().find_map(|name| group(name)).unwrap_or_default();
    let is_percent = group("percent").is_some();
    if let Some(expression) = group("expr") {
        return Parts::Expression(expression);
    }
    let content = first(&pattern::LATEX_GROUPS);
    if !content.is_empty() {
        return Parts::Latex { content, is_percent, is_one_of_several: group("more").is_some() };
    }
    Parts::Number {
        integer: first(&["integer1", "integer2", "integer3"]),
        decimal: first(&["decimal1", "decimal2", "decimal3"]),
        is_percent,
    }
}

/// The number of a match, if it has one, and its text; nothing at all if reading ends here, without
/// a number for the whole text.
fn read(found: &Found) -> Option<(Option<Value>, Option<String>)> {
    match found.parts {
        Parts::Number { integer, decimal, is_percent } => number(integer, decimal, is_percent),
        Parts::Expression(expression) => {
            let python = expression.replace('\n', " ").replace('^', "**");
            Some((evaluate(&python), Some(expression.to_owned())))
        }
        Parts::Latex { is_one_of_several: true, .. } => None,
        Parts::Latex { content, is_percent, is_one_of_several: false } => {
            Some(match latex::read(content) {
                Piece::Number(value, text) => {
                    (Some(if is_percent { value.percent() } else { value }), Some(text))
                }
                Piece::Other(text) => (Some(Value::Unequal), Some(text)),
                Piece::Nothing(text) => (None, text),
            })
        }
    }
}

fn number(
    integer: &str,
    decimal: &str,
    is_percent: bool,
) -> Option<(Option<Value>, Option<String>)> {
    let digits = integer.replace([',', ' '], "");
    let whole = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let source = format!("{whole}{}", decimal.replace(',', "."));
    if is_refused(&source) {
        return None;
    }
    let value =
        if source.contains('.') { Value::decimal(&source) } else { Value::integer(&source) };
    let value = if is_percent { value.percent() } else { value };
    Some((Some(value), Some(source)))
}

/// An integer such as `-007`, or digits of another script than ASCII's, which the patterns take: sympy reads them as
/// no number, and the parser gives the text up.
fn is_refused(number: &str) -> bool {
    if !number.is_ascii() {
        return true;
    }
    let after_zeros = number.strip_prefix("-0").map(|digits| digits.trim_start_matches('0'));
    !number.contains('.')
        && after_zeros.is_some_and(|digits| digits.starts_with(|c| matches!(c, '1'..='9')))
}
