//! Numbers within bounds.

use std::time::Duration;

use clsrl_spec::ranges::MAX_NUMBER;

/// A whole number within bounds.
pub fn whole<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (LEAST..=MOST).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from {LEAST} to {MOST}")),
    }
}

/// A number that is neither negative nor beyond all bounds.
pub fn parse_number(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=MAX_NUMBER).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to 1e30".to_owned()),
    }
}

/// A share of less than all.
pub fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to below 1".to_owned()),
    }
}

/// A time with its units: `20m`, `7h 30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "expected a time with its unit, as in 90s, 20m or 7h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(parse_duration("20m"), Ok(Duration::from_secs(1200)));
        assert_eq!(parse_duration("7h30m"), Ok(Duration::from_secs(27_000)));
        assert_eq!(parse_duration("7h 30m"), Ok(Duration::from_secs(27_000)));
        assert_eq!(parse_duration("1.5h"), Ok(Duration::from_secs(5400)));
        for text in ["", "20", "-1m", "m", "20 parsecs", "99999999999999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
