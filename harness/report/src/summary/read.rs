//! From aggregated frames back to values, checked.

use std::str::FromStr;

use clsrl_spec::{DatasetId, Seed};
use polars::prelude::{
    DataFrame, DataType, Expr, JoinArgs, JoinType, LazyFrame, MaintainOrderJoin, col,
};

use super::{Arm, Group};
use crate::ReportError;

/// Reads single values of a frame.
pub(super) struct Reader<'a>(pub(super) &'a DataFrame);

impl Reader<'_> {
    pub(super) fn height(&self) -> usize {
        self.0.height()
    }

    pub(super) fn text(&self, column: &str, row: usize) -> Result<Option<&str>, ReportError> {
        Ok(self.0.column(column)?.str()?.get(row))
    }

    pub(super) fn float(&self, column: &str, row: usize) -> Result<Option<f64>, ReportError> {
        Ok(self.0.column(column)?.f64()?.get(row).filter(|value| value.is_finite()))
    }

    pub(super) fn count(&self, column: &'static str, row: usize) -> Result<usize, ReportError> {
        let value = self.0.column(column)?.i64()?.get(row);
        value
            .and_then(|value| usize::try_from(value).ok())
            .ok_or_else(|| ReportError::BadValue { column, found: format!("{value:?}") })
    }

    pub(super) fn seed(&self, row: usize) -> Result<Seed, ReportError> {
        let missing = || ReportError::BadValue { column: "seed", found: "null".to_owned() };
        self.0.column("seed")?.u64()?.get(row).ok_or_else(missing)
    }

    pub(super) fn id<T: FromStr>(
        &self,
        column: &'static str,
        row: usize,
    ) -> Result<T, ReportError> {
        let text = self.text(column, row)?.unwrap_or("null");
        text.parse().map_err(|_| ReportError::BadValue { column, found: text.to_owned() })
    }

    pub(super) fn train_on(&self, row: usize) -> Result<Option<DatasetId>, ReportError> {
        match self.text("train_on", row)? {
            None => Ok(None),
            Some(_) => self.id("train_on", row).map(Some),
        }
    }

    pub(super) fn group(&self, row: usize) -> Result<Group, ReportError> {
        Ok(Group { method: self.id("method", row)?, shots: self.count("shots", row)? })
    }

    pub(super) fn arm(&self, row: usize) -> Result<Arm, ReportError> {
        Ok(Arm::new(self.group(row)?, self.id("form", row)?, self.id("prompt", row)?))
    }
}

/// A count as the frames hold it.
pub(crate) fn counted(expression: Expr) -> Expr {
    expression.cast(DataType::Int64)
}

/// Groups by columns, in order of first appearance: the same rows give the same sums.
pub(crate) fn grouped(
    frame: LazyFrame,
    by: &[&str],
    aggregations: impl AsRef<[Expr]>,
) -> LazyFrame {
    let by: Vec<Expr> = by.iter().map(|&name| col(name)).collect();
    frame.group_by_stable(by).agg(aggregations)
}

/// Joins from the left on columns of both; a null equals a null; the left order stays.
pub(super) fn joined(left: LazyFrame, right: LazyFrame, on: &[&str]) -> LazyFrame {
    let on: Vec<Expr> = on.iter().map(|&name| col(name)).collect();
    let mut how = JoinArgs::new(JoinType::Left);
    how.nulls_equal = true;
    how.maintain_order = MaintainOrderJoin::Left;
    left.join(right, on.clone(), on, how)
}
