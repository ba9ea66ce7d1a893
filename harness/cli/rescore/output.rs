//! What `rescore` prints: in the report, as text, as JSON.

use std::collections::BTreeMap;

use clsrl_report::ScoreChange;
use clsrl_spec::{MethodId, SCORER_VERSION};
use serde_json::{Value, json};

use super::outcome::{Cell, Outcome, Scorers};
use crate::words::{Side, columns, count, thousands};

/// What a report of new verdicts says about them.
pub(super) fn summarize(outcome: &Outcome, named: &str, scorers: Scorers) -> String {
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

/// The sums by method, then over all; if wanted, each cell that changes before them.
pub(super) fn render_text(outcome: &Outcome, scorers: Scorers, names_cells: bool) -> String {
    let changed: Vec<&Cell> = outcome.cells.iter().filter(|cell| cell.change.is_any()).collect();
    let mut text = format!(
        "{} of {} change: {}\n",
        changed.len(),
        count(outcome.cells.len(), "cell"),
        change_text(outcome.total(), scorers)
    );
    if changed.is_empty() {
        return text;
    }
    let heads = ["Method", "Answers", "Right before", "Right now", "Became right", "Became wrong"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    let of_method =
        |method: MethodId| outcome.cells.iter().filter(move |cell| cell.method == method);
    for method in MethodId::ALL.into_iter().filter(|&method| of_method(method).next().is_some()) {
        let mut sum = ScoreChange::default();
        of_method(method).for_each(|cell| sum += cell.change);
        rows.push(row(method.as_str().to_owned(), sum));
    }
    rows.push(row("all".to_owned(), outcome.total()));
    let table = |rows: &[Vec<String>]| {
        let sides = [[Side::Left].as_slice(), &[Side::Right; 5]].concat();
        format!("\n{}", columns(rows, &sides))
    };
    text += &table(&rows);
    let cells: Vec<Vec<String>> = changed
        .iter()
        .map(|cell| row(format!("{} {}", cell.trial, cell.key), cell.change))
        .collect();
    match names_cells {
        true => text += &table(&[&rows[..1], &cells[..]].concat()),
        false => text += "hint: --list names the cells\n",
    }
    text
}

fn row(name: String, change: ScoreChange) -> Vec<String> {
    let ScoreChange { n, n_right_before, n_right_now, n_became_right, n_became_wrong, .. } = change;
    let numbers = [n, n_right_before, n_right_now, n_became_right, n_became_wrong];
    [name].into_iter().chain(numbers.map(thousands)).collect()
}

/// What changed of so many answers, in a sentence.
fn change_text(change: ScoreChange, scorers: Scorers) -> String {
    let ScoreChange { n, n_right_before, n_right_now, n_became_right, n_became_wrong, n_drifted } =
        change;
    let drifted = match n_drifted {
        0 => String::new(),
        _ => format!("\n{n_drifted} judged otherwise than by the scorers of the run"),
    };
    format!(
        "{n_became_right} became right, {n_became_wrong} became wrong\n\
         {n_right_before} of {} right by {} as stored, {n_right_now} by {} now{drifted}",
        count(n, "answer"),
        scorers.before.as_str(),
        scorers.now.as_str(),
    )
}

/// All cells, changed or not.
pub(super) fn render_json(outcome: &Outcome, scorers: Scorers, report: &str) -> Value {
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
