//! For a terminal: what does not pass, every average, and the totals last.

use super::{set_apart, shown, tally};
use crate::{
    baseline::{
        GateOutcome, Row,
        outcome::{overall_word, passing_drop, summarize_alike},
    },
    gate::Overall,
};

impl GateOutcome {
    /// The outcome as plain lines. Control characters of names and reasons are replaced.
    pub fn text(&self) -> String {
        let mut lines = vec![
            format!("{} against {} ({})", self.suite, self.baseline, self.baseline_commit),
            format!(
                "{} score, at most {} points less, level {}",
                self.scorer_name(),
                self.max_drop.points(),
                self.level.get()
            ),
            "[a, b]: the change is above a and below b, each end by itself at the level;"
                .to_owned(),
            "b is corrected for the number of comparisons (Holm)".to_owned(),
        ];
        if self.is_unchanged() {
            lines.push("no verdict differs between the two runs".to_owned());
        }
        for family in &self.families {
            let is_listed = |row: &&Row| family.name == "averages" || !row.is_pass();
            let (apart, together) = set_apart(family.rows.iter().filter(is_listed));
            lines.extend(apart.into_iter().map(|row| format!("  {}", line(row))));
            if !together.is_empty() {
                lines.push(format!("  inconclusive: {}", summarize_alike(&together, family.name)));
            }
        }
        for family in &self.families {
            lines.push(format!("{}: {}", family.name, tally(&self.counts(&family.rows))));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        if let Some(wall_clock) = &self.wall_clock {
            lines.push(format!("wall-clock: {}; {}", wall_clock.word(), wall_clock.reason()));
        }
        lines.push(format!("accuracy: {}", overall_word(self.accuracy())));
        if let (Overall::Inconclusive, Some(drop)) = (self.accuracy(), passing_drop(self.rows())) {
            lines.push(format!(
                "hint: --max-drop {drop:.1} passes with these images; a smaller drop needs more images or seeds"
            ));
        }
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
            " {change} {interval} points, {} images, {} {}",
            measured.n_images,
            measured.n_seeds,
            if measured.n_seeds == 1 { "seed" } else { "seeds" }
        );
    }
    match row.remark() {
        remark if remark.is_empty() => line,
        remark => format!("{line}; {remark}"),
    }
}
