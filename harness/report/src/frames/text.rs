//! Rows as text: a CSV record, a line of NDJSON.
//!
//! A null is an empty field in CSV and `null` in NDJSON. Texts are data from elsewhere; quotes, commas
//! and line breaks are left to the encoders, nothing is changed or left out.

use serde_json::Value as Json;

use crate::rows::{FrameRow, Value};

/// The fields of a row.
pub(super) fn csv_record<R: FrameRow>(row: &R) -> impl Iterator<Item = String> {
    row.values().into_iter().map(|value| match json(value) {
        Json::Null => String::new(),
        Json::String(text) => text,
        other => other.to_string(),
    })
}

/// The line of a row, with its line break; its keys are the columns, in their order.
pub(super) fn ndjson_line<R: FrameRow>(row: &R) -> String {
    let mut line = String::new();
    for (column, value) in R::columns().iter().zip(row.values()) {
        line.push(if line.is_empty() { '{' } else { ',' });
        line.push_str(&Json::from(column.name).to_string());
        line.push(':');
        line.push_str(&json(value).to_string());
    }
    line.push_str("}\n");
    line
}

/// One value; a number that is not finite is null.
fn json(value: Value<'_>) -> Json {
    match value {
        Value::Text(text) => text.into(),
        Value::Count(count) => count.into(),
        Value::Seed(seed) => seed.into(),
        Value::Number(number) => number.into(),
        Value::Truth(truth) => truth.into(),
    }
}
