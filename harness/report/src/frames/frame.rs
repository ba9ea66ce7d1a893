//! Rows as a polars frame: a column for each field, in their order.

use polars_core::prelude::{Column, DataFrame, NamedFrom, Series};

use crate::{
    ReportError,
    rows::{FrameRow, Kind, Value},
};

/// Makes the frame of some rows; of none, its columns.
pub fn frame<R: FrameRow>(rows: &[R]) -> Result<DataFrame, ReportError> {
    let values: Vec<Vec<Value<'_>>> = rows.iter().map(FrameRow::values).collect();
    let columns = R::columns().into_iter().enumerate();
    let columns =
        columns.map(|(at, of)| column(of.name, of.kind, values.iter().map(|row| row[at])));
    let columns = columns.collect();
    Ok(DataFrame::new(rows.len(), columns)?)
}

fn column<'a>(name: &str, kind: Kind, values: impl Iterator<Item = Value<'a>>) -> Column {
    let name = name.into();
    let series = match kind {
        Kind::Text => Series::new(name, values.map(Value::text).collect::<Vec<_>>()),
        Kind::Count => Series::new(name, values.map(Value::count).collect::<Vec<_>>()),
        Kind::Seed => Series::new(name, values.map(Value::seed).collect::<Vec<_>>()),
        Kind::Number => Series::new(name, values.map(Value::number).collect::<Vec<_>>()),
        Kind::Truth => Series::new(name, values.map(Value::truth).collect::<Vec<_>>()),
    };
    series.into()
}
