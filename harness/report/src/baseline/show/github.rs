//! For GitHub Actions: a workflow command for everything that does not pass.

use super::{set_apart, tally, text::line};
use crate::baseline::{
    GateOutcome, Row, WallClockVerdict,
    outcome::{overall_word, summarize_alike},
};
use crate::gate::{Overall, Verdict};

/// A job shows few annotations, and the summary has the rest.
const MOST: usize = 10;

impl GateOutcome {
    /// The outcome as workflow commands, the worst first, a line each.
    pub fn github(&self) -> String {
        let (mut rows, together) = set_apart(self.rows().filter(|row| !row.is_pass()));
        rows.sort_by_key(|row| rank(row));
        let mut lines: Vec<String> = rows
            .iter()
            .take(MOST)
            .map(|row| {
                let title = format!("gate: {}: {}", row.word(), row.judged.name);
                command(kind(row), &title, &line(row))
            })
            .collect();
        if MOST < rows.len() {
            let message =
                format!("{} more do not pass; the job's summary names them", rows.len() - MOST);
            lines.push(command("notice", "gate", &message));
        }
        if !together.is_empty() {
            let message = summarize_alike(&together, "averages and cells");
            lines.push(command("warning", "gate: inconclusive", &message));
        }
        if let Some(wall_clock) = &self.wall_clock {
            let kind = match wall_clock.verdict {
                WallClockVerdict::Fail => "error",
                WallClockVerdict::Inconclusive => "warning",
                WallClockVerdict::Pass => "notice",
            };
            let title = format!("gate: wall-clock: {}", wall_clock.word());
            lines.push(command(kind, &title, &wall_clock.reason()));
        }
        lines.extend(self.notes.iter().map(|note| command("notice", "gate: note", note)));
        let rows: Vec<Row> = self.rows().cloned().collect();
        let kind = match self.accuracy() {
            Overall::Pass => "notice",
            Overall::Inconclusive => "warning",
            _ => "error",
        };
        let title = format!("gate: accuracy: {}", overall_word(self.accuracy()));
        lines.push(command(kind, &title, &tally(&self.counts(&rows))));
        lines.into_iter().map(|line| line + "\n").collect()
    }
}

fn rank(row: &Row) -> usize {
    match row.judged.verdict {
        Verdict::Fail => 0,
        Verdict::Absent(_) => 1,
        Verdict::Inconclusive(_) => 2,
        Verdict::Pass => 3,
    }
}

fn kind(row: &Row) -> &'static str {
    match row.judged.verdict {
        Verdict::Inconclusive(_) => "warning",
        Verdict::Pass => "notice",
        Verdict::Fail | Verdict::Absent(_) => "error",
    }
}

fn command(kind: &str, title: &str, message: &str) -> String {
    format!("::{kind} title={}::{}", escape_property(title), escape_message(message))
}

/// Escapes a command's message: it is one line, and a percent sign starts an escape.
pub(in crate::baseline) fn escape_message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a command's property, which ends at a comma or a colon.
pub(in crate::baseline) fn escape_property(text: &str) -> String {
    escape_message(text).replace(':', "%3A").replace(',', "%2C")
}
