//! For a pull request or a job's summary.

use super::{set_apart, shown, tally};
use crate::{
    baseline::{
        Family, GateOutcome, Row,
        outcome::{overall_word, summarize_alike},
    },
    markdown::escape,
};

/// A job's summary may not grow without bounds.
const MOST_ROWS: usize = 200;

impl GateOutcome {
    /// The outcome as Markdown: every average, and the cells that do not pass.
    pub fn markdown(&self) -> String {
        let mut blocks = vec![
            format!("## Gate: {}", overall_word(self.overall())),
            format!(
                "Suite {} against baseline {} (commit {}), {} score. Allowed: {} points less, level {}.",
                escape(&self.suite),
                escape(&self.baseline),
                escape(&self.baseline_commit),
                self.scorer_name(),
                self.max_drop.points(),
                self.level.get()
            ),
        ];
        if self.is_unchanged() {
            blocks.push("No verdict differs between the two runs.".to_owned());
        }
        blocks.extend(self.families.iter().flat_map(|family| self.family(family)));
        blocks.extend(self.notes.iter().map(|note| format!("Note: {}", escape(note))));
        if let Some(wall_clock) = &self.wall_clock {
            blocks.push(format!(
                "Wall-clock: {}; {}",
                wall_clock.word(),
                escape(&wall_clock.reason())
            ));
        }
        blocks.join("\n\n") + "\n"
    }

    fn family(&self, family: &Family) -> Vec<String> {
        let mut name = family.name.to_owned();
        name[..1].make_ascii_uppercase();
        let mut blocks = vec![format!("**{name}**: {}", tally(&self.counts(&family.rows)))];
        let is_listed = |row: &&Row| family.name == "averages" || !row.is_pass();
        let (rows, together) = set_apart(family.rows.iter().filter(is_listed));
        if !together.is_empty() {
            blocks.push(format!("Inconclusive: {}.", summarize_alike(&together, family.name)));
        }
        if rows.is_empty() {
            return blocks;
        }
        let mut table = "| Verdict | What | Change | Interval | Images | Seeds | Remark |\n\
                         | :-- | :-- | --: | :-- | --: | --: | :-- |"
            .to_owned();
        for row in rows.iter().take(MOST_ROWS) {
            table += &format!("\n{}", line(row));
        }
        blocks.push(table);
        if MOST_ROWS < rows.len() {
            blocks.push(format!("And {} more.", rows.len() - MOST_ROWS));
        }
        blocks
    }
}

fn line(row: &Row) -> String {
    let (change, interval, n_images, n_seeds) = match &row.judged.measured {
        None => Default::default(),
        Some(measured) => {
            let (change, interval) = shown(measured);
            (change, interval, measured.n_images.to_string(), measured.n_seeds.to_string())
        }
    };
    format!(
        "| {} | {} | {change} | {} | {n_images} | {n_seeds} | {} |",
        row.word(),
        escape(&row.judged.name),
        escape(&interval),
        escape(&row.remark())
    )
}
