//! The CSV writer: a row for every number of a table, for programs. A table without numbers is written as it
//! is printed.
//!
//! Texts stay as they are, but for those that a spreadsheet would compute; quotes, commas and line breaks are left
//! to the encoder.

use crate::{
    datum::Datum,
    estimate::Estimate,
    number::MISSING,
    spreadsheet,
    table::{Cell, Column, Table},
};

const HEADS: [&str; 21] = [
    "method",
    "shots",
    "form",
    "prompt",
    "dataset",
    "quantity",
    "value",
    "lower",
    "upper",
    "interval",
    "sd",
    "n_seeds",
    "n_planned",
    "n_images",
    "test",
    "p",
    "p_holm",
    "detectable",
    "remark",
    "table",
    "suite",
];

/// Writes a table's numbers, or its texts.
pub(crate) fn render(table: &Table, suite: &str) -> String {
    let name = table.name.as_deref().unwrap_or_default();
    match table.data.is_empty() {
        true => {
            let heads: Vec<String> = table.columns.iter().map(Column::full_head).collect();
            let has_heads = heads.iter().any(|head| !head.is_empty());
            let row = |row: &Vec<Cell>| row.iter().map(text).collect();
            encoded(has_heads.then_some(heads).into_iter().chain(table.rows.iter().map(row)))
        }
        false => {
            let heads = HEADS.map(str::to_owned).to_vec();
            let records = table.data.iter().map(|datum| record(datum, name, suite).to_vec());
            encoded(std::iter::once(heads).chain(records))
        }
    }
}

fn encoded(records: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        let fields = record.into_iter().map(spreadsheet::field);
        writer.write_record(fields).expect("memory takes every record, and all have one length");
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("texts are UTF-8, and so is what stands between them")
}

fn record(datum: &Datum, table: &str, suite: &str) -> [String; HEADS.len()] {
    let Datum { group, form, prompt, dataset, quantity, value, estimate, tested, remark } = datum;
    let estimate = estimate.filter(|_| value.is_some());
    let bounds = estimate.and_then(|estimate| estimate.bounds);
    let count = |value: fn(Estimate) -> usize| {
        estimate.map_or_else(String::new, |estimate| value(estimate).to_string())
    };
    let tested = *tested;
    [
        group.map_or_else(String::new, |group| group.method.to_string()),
        group.map_or_else(String::new, |group| group.shots.to_string()),
        form.map_or_else(String::new, |form| form.to_string()),
        prompt.map_or_else(String::new, |prompt| prompt.to_string()),
        dataset.clone(),
        quantity.clone(),
        number(*value),
        number(bounds.map(|bounds| bounds.interval.lower)),
        number(bounds.map(|bounds| bounds.interval.upper)),
        bounds.map_or("", |bounds| bounds.kind.as_str()).to_owned(),
        number(estimate.and_then(|estimate| estimate.sd)),
        count(|estimate| estimate.n_seeds),
        count(|estimate| estimate.n_planned),
        count(|estimate| estimate.n_images),
        tested.map_or("", |tested| tested.test.as_str()).to_owned(),
        number(tested.map(|tested| tested.p.get())),
        number(tested.map(|tested| tested.p_holm.get())),
        number(tested.and_then(|tested| tested.detectable)),
        remark.clone(),
        table.to_owned(),
        suite.to_owned(),
    ]
}

/// What a cell says; empty where it says that there is nothing.
fn text(cell: &Cell) -> String {
    if cell.text == MISSING { String::new() } else { cell.text.clone() }
}

/// Six decimals, empty where there is no number.
fn number(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        None => String::new(),
        // What rounds to zero has no sign.
        Some(value) if value.abs() < 5e-7 => "0.000000".to_owned(),
        Some(value) => format!("{value:.6}"),
    }
}

#[cfg(test)]
mod tests;
