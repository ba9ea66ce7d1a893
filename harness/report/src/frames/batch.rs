//! Rows column by column, as Arrow has them: what frames and Parquet files are made of.

use std::{collections::BTreeMap, sync::Arc};

use polars_core::{
    prelude::{ArrowDataType, ArrowField, ArrowSchema, PlSmallStr},
    utils::arrow::{
        array::{
            ArrayRef, MutableArray, MutableBooleanArray, MutablePrimitiveArray, MutableUtf8Array,
        },
        record_batch::RecordBatch,
    },
};

use crate::rows::{Column, FrameRow, Kind, Value};

/// Rows that grow, as one Arrow array for each column.
///
/// Texts are Arrow's `LargeUtf8`, as readers have known them longest: pyarrow before 16 opens no file whose schema has
/// views.
pub(super) struct Batch {
    schema: Arc<ArrowSchema>,
    columns: Vec<Growing>,
    n_rows: usize,
}

/// The array of a column, of its kind.
enum Growing {
    Text(MutableUtf8Array<i64>),
    Count(MutablePrimitiveArray<i64>),
    Seed(MutablePrimitiveArray<u64>),
    Number(MutablePrimitiveArray<f64>),
    Truth(MutableBooleanArray),
}

impl Batch {
    /// A batch of these columns, without a row.
    pub(super) fn new(columns: &[Column]) -> Self {
        let field = |column: &Column| {
            let name = PlSmallStr::from(column.name);
            let field = ArrowField::new(name.clone(), data_type(column.kind), true);
            (name, field.with_metadata(describe(column)))
        };
        Batch {
            schema: Arc::new(columns.iter().map(field).collect()),
            columns: columns.iter().map(|column| Growing::new(column.kind)).collect(),
            n_rows: 0,
        }
    }

    /// The columns' names and types, with unit and meaning of each.
    pub(super) fn schema(&self) -> &ArrowSchema {
        &self.schema
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Adds a row. Panics if it is of another type than the columns.
    pub(super) fn push<R: FrameRow>(&mut self, row: &R) {
        let values = row.values();
        assert_eq!(values.len(), self.columns.len(), "a row of another type");
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        self.n_rows += 1;
    }

    /// Takes the rows out; the columns stay.
    pub(super) fn take(&mut self) -> RecordBatch {
        let arrays = self.columns.iter_mut().map(Growing::take).collect();
        RecordBatch::new(std::mem::take(&mut self.n_rows), Arc::clone(&self.schema), arrays)
    }
}

impl Growing {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Growing::Text(MutableUtf8Array::new()),
            Kind::Count => Growing::Count(MutablePrimitiveArray::new()),
            Kind::Seed => Growing::Seed(MutablePrimitiveArray::new()),
            Kind::Number => Growing::Number(MutablePrimitiveArray::new()),
            Kind::Truth => Growing::Truth(MutableBooleanArray::new()),
        }
    }

    fn push(&mut self, value: Value<'_>) {
        match self {
            Growing::Text(array) => array.push(value.text()),
            Growing::Count(array) => array.push(value.count()),
            Growing::Seed(array) => array.push(value.seed()),
            Growing::Number(array) => array.push(value.number()),
            Growing::Truth(array) => array.push(value.truth()),
        }
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Growing::Text(array) => std::mem::take(array).as_box(),
            Growing::Count(array) => std::mem::take(array).as_box(),
            Growing::Seed(array) => std::mem::take(array).as_box(),
            Growing::Number(array) => std::mem::take(array).as_box(),
            Growing::Truth(array) => std::mem::take(array).as_box(),
        }
    }
}

fn data_type(kind: Kind) -> ArrowDataType {
    match kind {
        Kind::Text => ArrowDataType::LargeUtf8,
        Kind::Count => ArrowDataType::Int64,
        Kind::Seed => ArrowDataType::UInt64,
        Kind::Number => ArrowDataType::Float64,
        Kind::Truth => ArrowDataType::Boolean,
    }
}

/// A column's unit, if it has one, and what it means.
fn describe(column: &Column) -> BTreeMap<PlSmallStr, PlSmallStr> {
    let unit = Some(("unit", column.unit)).filter(|(_, unit)| !unit.is_empty());
    let all = unit.into_iter().chain([("description", column.meaning)]);
    all.map(|(key, text)| (key.into(), text.into())).collect()
}
