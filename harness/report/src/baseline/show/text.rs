//! For a terminal: what does not pass, every average, and the tally.

use super::{shown, tally};
use crate::baseline::{GateOutcome, Row, outcome::overall_word};

impl GateOutcome {
    /// The outcome as plain lines. Control characters of names and reasons are replaced.
    pub fn text(&self) -> String {
        let mut lines = vec![format!(
            "{} against {} ({}): {} score, at most {} points less, level {}",
            self.suite,
            self.baseline,
            self.baseline_commit,
            self.scorer_name(),
            self.max_drop.points(),
            self.level.get()
        )];
        for family in &self.families {
            lines.push(format!("{}: {}", family.name, tally(&self.counts(&family.rows))));
            let is_told = |row: &&Row| family.name == "averages" || !row.is_pass();
            lines.extend(family.rows.iter().filter(is_told).map(|row| format!("  {}", line(row))));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        if let Some(wall_clock) = &self.wall_clock {
            lines.push(format!("wall-clock: {}; {}", wall_clock.word(), wall_clock.reason()));
        }
        lines.push(format!("accuracy: {}", overall_word(self.accuracy())));
        let printable = |line: String| -> String {
            line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        lines.into_iter().map(|line| printable(line) + "\n").collect()
    }
}

/// A row in a line.
pub(super) fn line(row: &Row) -> String {
    let mut line = format!("{}: {}", row.word(), row.judged.name);
    if let Some(measured) = &row.judged.measured {
        let (change, interval) = shown(measured);
        line += &format!(
            " {change} {interval} points, {} pictures, {} {}",
            measured.n_pictures,
            measured.n_seeds,
            if measured.n_seeds == 1 { "seed" } else { "seeds" }
        );
    }
    match row.remark() {
        remark if remark.is_empty() => line,
        remark => format!("{line}; {remark}"),
    }
}
