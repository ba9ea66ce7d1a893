//! Rows of a frame as text: a CSV record, a line of NDJSON.
//!
//! A null is an empty field in CSV and `null` in NDJSON. Texts are data from elsewhere; quotes, commas
//! and line breaks are left to the encoders, nothing is changed or left out.

use polars::prelude::{Column, DataFrame, DataType};
use serde_json::Value;

use crate::ReportError;

/// The fields of a row.
pub(super) fn csv_record(frame: &DataFrame, row: usize) -> Result<Vec<String>, ReportError> {
    let field = |column: &Column| {
        Ok(match value(column, row)? {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        })
    };
    frame.columns().iter().map(field).collect()
}

/// The line of a row, with its line break; its keys are the columns, in their order.
pub(super) fn ndjson_line(frame: &DataFrame, row: usize) -> Result<String, ReportError> {
    let mut line = String::new();
    for (position, column) in frame.columns().iter().enumerate() {
        line.push(if position == 0 { '{' } else { ',' });
        line.push_str(&Value::from(column.name().as_str()).to_string());
        line.push(':');
        line.push_str(&value(column, row)?.to_string());
    }
    line.push_str("}\n");
    Ok(line)
}

/// One value; a number that is not finite is null.
fn value(column: &Column, row: usize) -> Result<Value, ReportError> {
    Ok(match column.dtype() {
        DataType::String => column.str()?.get(row).into(),
        DataType::Boolean => column.bool()?.get(row).into(),
        DataType::UInt64 => column.u64()?.get(row).into(),
        DataType::Float64 => column.f64()?.get(row).into(),
        _ => column.i64()?.get(row).into(),
    })
}
