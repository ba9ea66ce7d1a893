//! For programs.

use serde_json::{Value, json};

use crate::{
    baseline::{Family, GateOutcome, Row, outcome::overall_word},
    gate::Verdict,
};

/// The version of the format.
const VERSION: u32 = 2;

impl GateOutcome {
    /// The outcome as JSON, every row in it.
    pub fn json(&self) -> String {
        let wall_clock = self.wall_clock.as_ref().map(|wall_clock| {
            json!({
                "verdict": wall_clock.word(),
                "seconds": wall_clock.seconds,
                "n_history": wall_clock.n_history,
                "median_seconds": wall_clock.fence.map(|(median, _)| median),
                "fence_seconds": wall_clock.fence.map(|(_, fence)| fence),
            })
        });
        let [averages, cells] = self.families.each_ref().map(rows);
        let value = json!({
            "version": VERSION,
            "suite": self.suite,
            "baseline": self.baseline,
            "baseline_commit": self.baseline_commit,
            "scorer": self.scorer_name(),
            "max_drop_points": self.max_drop.points(),
            "alpha": self.level.get(),
            "overall": overall_word(self.overall()),
            "accuracy": overall_word(self.accuracy()),
            "averages": averages,
            "cells": cells,
            "wall_clock": wall_clock,
            "notes": self.notes,
        });
        let mut text = serde_json::to_string_pretty(&value).expect("the keys are text");
        text.push('\n');
        text
    }
}

fn rows(family: &Family) -> Vec<Value> {
    family.rows.iter().map(row).collect()
}

fn row(row: &Row) -> Value {
    let measured = row.judged.measured.map(|measured| {
        json!({
            "change_points": measured.change_points,
            "lower_points": measured.interval.lower,
            "upper_points": measured.interval.upper,
            "fail_level": measured.fail_level.get(),
            "n_images": measured.n_images,
            "n_seeds": measured.n_seeds,
        })
    });
    let needed = match row.judged.verdict {
        Verdict::Inconclusive(needed) => {
            Some(json!({ "images": needed.images, "seeds": needed.seeds }))
        }
        _ => None,
    };
    json!({
        "name": row.judged.name,
        "verdict": row.word(),
        "measured": measured,
        "needed": needed,
        "reason": row.reason,
    })
}
