//! What `rescore` tells: in the report, as text, as JSON.

use std::collections::BTreeMap;

use clsrl_report::ScoreChange;
use clsrl_spec::SCORER_VERSION;
use serde_json::{Value, json};

use super::{Cell, Outcome, Scorers};

/// What a report of new verdicts says about them.
pub(super) fn in_report(outcome: &Outcome, named: &str, scorers: Scorers) -> String {
    let mut n_of_version: BTreeMap<u64, usize> = BTreeMap::new();
    for version in outcome.cells.iter().filter_map(|cell| cell.scored_by) {
        *n_of_version.entry(version).or_default() += 1;
    }
    let versions: Vec<String> =
        n_of_version.iter().map(|(version, n)| format!("{version} ({n} cells)")).collect();
    format!(
        "Rescored: all verdicts were given anew from the stored answers, by scorers of version \
         {SCORER_VERSION}; at the run they were given by version {}. The command is clsrl-bench \
         rescore --suite {named} --scorer {}.",
        versions.join(", "),
        scorers.now.as_str(),
    )
}

/// A line per cell that changes, then the sums.
pub(super) fn as_text(outcome: &Outcome, scorers: Scorers) -> String {
    let changed: Vec<&Cell> = outcome.cells.iter().filter(|cell| cell.change.is_any()).collect();
    let line = |cell: &&Cell| {
        format!("{} {}: {}\n", cell.trial, cell.key, change_text(cell.change, scorers))
    };
    let lines: String = changed.iter().map(line).collect();
    format!(
        "{lines}{} of {} cells change: {}\n",
        changed.len(),
        outcome.cells.len(),
        change_text(outcome.total(), scorers)
    )
}

fn change_text(change: ScoreChange, scorers: Scorers) -> String {
    let ScoreChange { n, n_right_before, n_right_now, n_became_right, n_became_wrong, n_drifted } =
        change;
    let drifted = match n_drifted {
        0 => String::new(),
        _ => format!(", {n_drifted} judged otherwise than by the scorers of the run"),
    };
    format!(
        "{n_right_before} of {n} right ({}, stored), {n_right_now} now ({}): {n_became_right} \
         became right, {n_became_wrong} became wrong{drifted}",
        scorers.before.as_str(),
        scorers.now.as_str(),
    )
}

/// All cells, changed or not.
pub(super) fn as_json(outcome: &Outcome, scorers: Scorers, report: &str) -> Value {
    let cell = |cell: &Cell| {
        json!({
            "trial": cell.trial,
            "cell": cell.key.to_string(),
            "scorer_version_before": cell.scored_by,
            "change": change_json(cell.change),
        })
    };
    json!({
        "scorer_before": scorers.before.as_str(),
        "scorer": scorers.now.as_str(),
        "scorer_version": SCORER_VERSION,
        "report": report,
        "n_left_out": outcome.n_left_out,
        "total": change_json(outcome.total()),
        "cells": outcome.cells.iter().map(cell).collect::<Vec<_>>(),
    })
}

fn change_json(change: ScoreChange) -> Value {
    json!({
        "n": change.n,
        "n_right_before": change.n_right_before,
        "n_right_now": change.n_right_now,
        "n_became_right": change.n_became_right,
        "n_became_wrong": change.n_became_wrong,
        "n_drifted": change.n_drifted,
    })
}
