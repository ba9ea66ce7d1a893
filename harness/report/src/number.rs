//! Numbers as tables show them: fixed formats, no NaN, no negative zero.

/// What stands in place of a number that is not there.
pub(crate) const MISSING: &str = "–";

/// A number with `digits` decimals; `–` if it is missing or not finite.
pub(crate) fn fixed(value: Option<f64>, digits: usize) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return MISSING.to_owned();
    };
    // Halves are common (3 of 48 pictures) and go away from zero, whatever the last bits say.
    let nudge = (1e-6 * 0.1f64.powi(digits as i32)).copysign(value);
    let text = format!("{:.digits$}", value + nudge);
    match text.strip_prefix('-') {
        None => text,
        Some(size) if is_zero(size) => size.to_owned(),
        Some(size) => format!("−{size}"),
    }
}

/// A change: as [`fixed`], with a plus sign where it is above zero.
pub(crate) fn signed(value: Option<f64>, digits: usize) -> String {
    let text = fixed(value, digits);
    match value.is_some_and(|value| value.is_finite() && 0.0 < value) && !is_zero(&text) {
        true => format!("+{text}"),
        false => text,
    }
}

/// What is smaller is what float32 leaves of a zero.
const ROUNDING: f64 = 1e-6;

/// A small number with three significant digits.
pub(crate) fn significant(value: Option<f64>) -> String {
    let size = value.map_or(0.0, f64::abs);
    let digits = match size {
        size if size < ROUNDING => return fixed(value.map(|_| 0.0), 0),
        size if size < 0.001 => return fixed_or_scientific(value),
        size if size < 0.1 => 4,
        size if size < 10.0 => 2,
        _ => 1,
    };
    fixed(value, digits)
}

/// A count with its thousands set apart.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if 0 < position && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn fixed_or_scientific(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        Some(value) => format!("{value:.1e}"),
        None => MISSING.to_owned(),
    }
}

fn is_zero(digits: &str) -> bool {
    digits.chars().all(|character| matches!(character, '0' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_a_dash() {
        for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
            assert_eq!((fixed(value, 1), signed(value, 1)), (MISSING.into(), MISSING.into()));
            assert!(!significant(value).contains("NaN") && !significant(value).contains("inf"));
        }
    }

    #[test]
    fn a_change_has_a_sign_unless_it_rounds_to_zero() {
        let shown = [4.25, -4.27, 0.04, -0.04, 0.0].map(|value| signed(Some(value), 1));
        assert_eq!(shown, ["+4.3", "−4.3", "0.0", "0.0", "0.0"]);
    }

    #[test]
    fn halves_go_away_from_zero_whatever_their_last_bits() {
        let shown = [6.25, 31.25 - 25.0, 93.75 - 87.5 - 1e-13].map(|half| fixed(Some(half), 1));
        assert_eq!(shown, ["6.3", "6.3", "6.3"]);
        assert_eq!(fixed(Some(6.2499), 1), "6.2");
    }

    #[test]
    fn small_numbers_keep_their_digits() {
        let shown =
            [0.0, -2.3e-9, 0.00012, 0.0123, 1.234, 123.4].map(|value| significant(Some(value)));
        assert_eq!(shown, ["0", "0", "1.2e-4", "0.0123", "1.23", "123.4"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1234567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
