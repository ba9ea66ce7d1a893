//! Counting samples: from the samples' file to a row per group.

use std::{fs::File, path::Path};

use clsrl_spec::{ParseStatus, ThoughtNames};
use polars::prelude::{DataFrame, Expr, IntoLazy, col, len, lit};
use polars_io::{SerReader, parquet::read::ParquetReader};

use crate::{
    ReportError,
    summary::read::{counted, grouped},
};

/// The columns that are counted.
const COUNTED: [&str; 5] =
    ["correct_published", "correct_strict", "parse_status", "ambiguous", "thought_names"];

/// Counts the samples of a Parquet file by some of its columns, for example by `cell_id`, or by `method`
/// and `prompt`; groups stand in the order of their first rows.
///
/// Beside the columns grouped by there are `n`, `n_correct_published`, `n_correct_strict`, one
/// `n_parse_…` per parse status, `n_ambiguous`, and one `n_thought_…` per thing that a thought names.
/// Only the columns that are needed are read.
pub fn tally_samples(path: &Path, by: &[&str]) -> Result<DataFrame, ReportError> {
    let file =
        File::open(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    let columns = by.iter().chain(&COUNTED).map(|&name| name.to_owned()).collect();
    let samples = ParquetReader::new(file)
        .with_columns(Some(columns))
        .finish()
        .map_err(|source| ReportError::Decode { path: path.to_owned(), source })?;
    tally(samples, by)
}

/// Counts the samples of a frame, as [`tally_samples`] does.
fn tally(samples: DataFrame, by: &[&str]) -> Result<DataFrame, ReportError> {
    let n = |condition: Expr, name: String| counted(condition.sum()).alias(name);
    let parse = ParseStatus::ALL.map(|status| {
        let name = format!("n_parse_{}", status.as_str().replace('-', "_"));
        n(col("parse_status").eq(lit(status.as_str())), name)
    });
    let thought = ThoughtNames::ALL
        .map(|names| n(col("thought_names").eq(lit(names.as_str())), format!("n_thought_{names}")));
    let mut aggregations = vec![
        counted(len()).alias("n"),
        n(col("correct_published"), "n_correct_published".to_owned()),
        n(col("correct_strict"), "n_correct_strict".to_owned()),
    ];
    aggregations.extend(parse);
    aggregations.push(n(col("ambiguous"), "n_ambiguous".to_owned()));
    aggregations.extend(thought);
    Ok(grouped(samples.lazy(), by, aggregations).collect()?)
}

#[cfg(test)]
mod tests;
