//! Numbers as tables show them: fixed formats, no NaN, no negative zero; each beside its text.

use std::fmt;

/// What stands in place of a number that is not there.
pub(crate) const MISSING: &str = "–";

/// A text of a table, and the number that it begins with.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Printed {
    pub(crate) text: String,
    /// None where the text shows none.
    pub(crate) number: Option<f64>,
}

/// A number in digits.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fixed {
    decimals: usize,
    /// Whether what is above zero has a sign.
    is_signed: bool,
}

/// What a number in digits is made of.
struct Digits {
    /// In ASCII; empty for zero.
    sign: &'static str,
    whole: String,
    decimals: String,
}

impl Printed {
    /// The same with something behind it.
    pub(crate) fn and(mut self, behind: &str) -> Self {
        if !behind.is_empty() {
            self.text.push_str(behind);
        }
        self
    }

    fn fixed(value: Option<f64>, fixed: Fixed) -> Self {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return MISSING.into();
        };
        let Digits { sign, whole, decimals } = digits(value, fixed);
        let sign = if sign == "-" { "−" } else { sign };
        let point = if decimals.is_empty() { "" } else { "." };
        Printed { text: format!("{sign}{whole}{point}{decimals}"), number: Some(value) }
    }
}

fn digits(value: f64, Fixed { decimals, is_signed }: Fixed) -> Digits {
    // Halves are common (3 of 48 images) and go away from zero, whatever the last bits say.
    let nudge = 1e-6 * 0.1f64.powi(decimals as i32);
    let size = format!("{:.decimals$}", value.abs() + nudge);
    let sign = match size.chars().all(|character| matches!(character, '0' | '.')) {
        true => "",
        false if value < 0.0 => "-",
        false if is_signed => "+",
        false => "",
    };
    let (whole, decimals) = size.split_once('.').unwrap_or((&size, ""));
    Digits { sign, whole: whole.to_owned(), decimals: decimals.to_owned() }
}

impl From<String> for Printed {
    fn from(text: String) -> Self {
        Printed { text, number: None }
    }
}

impl From<&str> for Printed {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// A number with `decimals` digits after the point; `–` if it is missing or not finite.
pub(crate) fn fixed(value: Option<f64>, decimals: usize) -> Printed {
    Printed::fixed(value, Fixed { decimals, is_signed: false })
}

/// A change: as [`fixed`], with a plus sign where it is above zero.
pub(crate) fn signed(value: Option<f64>, decimals: usize) -> Printed {
    Printed::fixed(value, Fixed { decimals, is_signed: true })
}

/// A number that may be off by an error, with as many of `decimals` as are the same whatever it is.
pub(crate) fn certain(value: Option<f64>, error: f64, decimals: usize) -> Printed {
    fixed(value, certain_decimals(value, error, decimals))
}

/// The same with a plus sign where it is above zero.
pub(crate) fn certain_signed(value: f64, error: f64, decimals: usize) -> Printed {
    signed(Some(value), certain_decimals(Some(value), error, decimals))
}

fn certain_decimals(value: Option<f64>, error: f64, decimals: usize) -> usize {
    let is_certain = |decimals: &usize| {
        let printed = |off: f64| fixed(value.map(|value| value + off), *decimals).text;
        printed(-error) == printed(error)
    };
    (1..=decimals).rev().find(is_certain).unwrap_or(0)
}

/// What is smaller is what float32 leaves of a zero.
const ROUNDING: f64 = 1e-6;

/// A number with three significant digits; a large one with all that stand before the point.
pub(crate) fn significant(value: Option<f64>) -> Printed {
    let size = value.map_or(0.0, f64::abs);
    let decimals = match size {
        size if size < ROUNDING => return fixed(value.map(|_| 0.0), 0),
        size if size < 0.001 => return scientific(value),
        size if size < 0.01 => 5,
        size if size < 0.1 => 4,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    fixed(value, decimals)
}

fn scientific(value: Option<f64>) -> Printed {
    match value.filter(|value| value.is_finite()) {
        Some(value) => Printed { text: format!("{value:.1e}"), number: Some(value) },
        None => MISSING.into(),
    }
}

/// A count in digits alone.
pub(crate) fn count(n: usize) -> Printed {
    fixed(Some(n as f64), 0)
}

/// A count with its thousands set apart.
pub(crate) fn thousands(n: usize) -> Printed {
    let plain = count(n);
    if n < 1000 {
        return plain;
    }
    let mut text = String::new();
    for (position, digit) in plain.text.chars().enumerate() {
        if 0 < position && (plain.text.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    Printed { text, number: plain.number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_is_printed_only_if_it_is_certain() {
        let check = |value, error, decimals, expected: &str| {
            assert_eq!(certain(value, error, decimals).text, expected);
        };
        check(Some(2.46), 0.0, 1, "2.5");
        check(Some(2.46), 0.005, 1, "2.5");
        check(Some(2.46), 0.02, 1, "2");
        check(Some(2.463), 0.001, 2, "2.46");
        check(Some(2.463), 0.003, 2, "2.5");
        check(None, 0.1, 1, MISSING);
    }

    #[test]
    fn what_is_not_a_number_is_a_dash() {
        for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
            let missing = Printed { text: MISSING.to_owned(), number: None };
            assert_eq!((fixed(value, 1), signed(value, 1)), (missing.clone(), missing));
            let text = significant(value).text;
            assert!(!text.contains("NaN") && !text.contains("inf"));
        }
    }

    #[test]
    fn a_change_has_a_sign_unless_it_rounds_to_zero() {
        let shown = [4.25, -4.27, 0.04, -0.04, 0.0].map(|value| signed(Some(value), 1).text);
        assert_eq!(shown, ["+4.3", "−4.3", "0.0", "0.0", "0.0"]);
    }

    #[test]
    fn halves_go_away_from_zero_whatever_their_last_bits() {
        let shown =
            [6.25, 31.25 - 25.0, 93.75 - 87.5 - 1e-13].map(|half| fixed(Some(half), 1).text);
        assert_eq!(shown, ["6.3", "6.3", "6.3"]);
        assert_eq!(fixed(Some(6.2499), 1).text, "6.2");
    }

    #[test]
    fn small_numbers_keep_their_digits() {
        let shown = [0.0, -2.3e-9, 0.00012, 0.0123, 1.234, 123.4]
            .map(|value| significant(Some(value)).text);
        assert_eq!(shown, ["0", "0", "1.2e-4", "0.0123", "1.23", "123"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1000, 1234567].map(|n| thousands(n).text),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_number_stays_beside_its_text() {
        let check = |printed: Printed, text: &str, number| {
            assert_eq!((printed.text.as_str(), printed.number), (text, Some(number)));
        };
        check(signed(Some(-3.16), 1), "−3.2", -3.16);
        check(fixed(Some(64.0), 1).and("†"), "64.0†", 64.0);
        check(thousands(1234), "1,234", 1234.0);
        check(significant(Some(0.00012)), "1.2e-4", 0.00012);
    }
}
