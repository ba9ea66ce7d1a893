//! Numbers within bounds.

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
