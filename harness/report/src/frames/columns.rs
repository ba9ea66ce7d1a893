//! Columns from rows: one function per type, used by every frame.

use polars::prelude::{Column, NamedFrom, Series};

/// A count as the frames hold it: signed, so that a reader may subtract.
pub(super) fn count(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

pub(super) fn texts<R>(name: &str, rows: &[R], value: impl Fn(&R) -> Option<String>) -> Column {
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<_>>()).into()
}

pub(super) fn numbers<R>(name: &str, rows: &[R], value: impl Fn(&R) -> Option<i64>) -> Column {
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<_>>()).into()
}

/// A float column: what is not finite is null, so that no NaN reaches a reader.
pub(super) fn floats<R>(name: &str, rows: &[R], value: impl Fn(&R) -> Option<f64>) -> Column {
    let finite = |row| value(row).filter(|value| value.is_finite());
    Series::new(name.into(), rows.iter().map(finite).collect::<Vec<_>>()).into()
}

pub(super) fn seeds<R>(name: &str, rows: &[R], value: impl Fn(&R) -> u64) -> Column {
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<_>>()).into()
}

pub(super) fn truths<R>(name: &str, rows: &[R], value: impl Fn(&R) -> Option<bool>) -> Column {
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<_>>()).into()
}
