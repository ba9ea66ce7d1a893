//! Rows as a polars frame: a column for each field, in their order.

use polars_core::prelude::{DataFrame, IntoColumn, Series};

use super::batch::Batch;
use crate::{ReportError, rows::FrameRow};

/// Makes the frame of some rows; of none, its columns.
pub fn frame<R: FrameRow>(rows: &[R]) -> Result<DataFrame, ReportError> {
    let mut batch = Batch::new(&R::columns());
    rows.iter().for_each(|row| batch.push(row));
    let (schema, arrays) = batch.take().into_schema_and_arrays();
    let series = schema.iter_values().zip(arrays).map(Series::try_from);
    let columns = series.map(|series| Ok(series?.into_column()));
    let columns = columns.collect::<Result<_, ReportError>>()?;
    Ok(DataFrame::new(rows.len(), columns)?)
}
