//! A time limit in Slurm's own notation.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The longest limit.
const MAX: u64 = 365 * DAY;

/// How long a job may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeLimit {
    seconds: u64,
}

impl TimeLimit {
    /// The limit as a time.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

impl FromStr for TimeLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        seconds(text)
            .filter(|seconds| (1..=MAX).contains(seconds))
            .map(|seconds| TimeLimit { seconds })
            .ok_or_else(|| {
                "expected a time as Slurm writes it: 90 (minutes), 8:00:00 or 1-12:00:00".to_owned()
            })
    }
}

/// `90`, `90:00`, `1:30:00`, `1-12`, `1-12:00` or `1-12:00:00`.
fn seconds(text: &str) -> Option<u64> {
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(number(days)?), rest),
        None => (None, text),
    };
    let parts: Vec<u64> = rest.split(':').map(number).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match (days, parts.as_slice()) {
        (None, &[minutes]) => (0, minutes, 0),
        (None, &[minutes, seconds]) => (0, minutes, seconds),
        (Some(_), &[hours]) => (hours, 0, 0),
        (Some(_), &[hours, minutes]) => (hours, minutes, 0),
        (_, &[hours, minutes, seconds]) => (hours, minutes, seconds),
        _ => return None,
    };
    Some(days.unwrap_or(0) * DAY + hours * HOUR + minutes * MINUTE + seconds)
}

/// A number that cannot overflow a sum.
fn number(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.len() <= 9 && text.chars().all(|c| c.is_ascii_digit());
    is_plain.then(|| text.parse().ok())?
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.seconds / DAY, self.seconds % DAY);
        let (hours, minutes, seconds) = (rest / HOUR, rest % HOUR / MINUTE, rest % MINUTE);
        match days {
            0 => write!(f, "{hours}:{minutes:02}:{seconds:02}"),
            _ => write!(f, "{days}-{hours:02}:{minutes:02}:{seconds:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_slurm_is_read() {
        for (text, expected) in [
            ("90", "1:30:00"),
            ("90:30", "1:30:30"),
            ("8:00:00", "8:00:00"),
            ("1-12", "1-12:00:00"),
            ("1-12:30", "1-12:30:00"),
            ("2-00:00:01", "2-00:00:01"),
            ("36:00:00", "1-12:00:00"),
        ] {
            let limit: TimeLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), expected, "{text}");
            assert_eq!(limit.to_string().parse(), Ok(limit), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "0", "8h", "1:2:3:4", "1-", "-1", "1-1:1:1:1", "9999999999", "366-0", "+5"]
        {
            assert!(text.parse::<TimeLimit>().is_err(), "{text}");
        }
    }
}
