//! Free-lunch transfer: what training on one dataset changes on the others.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, Form, PromptStyle};
use polars::prelude::{NULL, col, len, lit, when};

use super::{
    Arm, Score, Stat, Survey,
    read::{Reader, grouped, is_zero_shot, joined, picked, stat},
};
use crate::ReportError;

/// Changes in points of accuracy against zero-shot under the same prompt.
pub(crate) struct Transfer {
    /// Which verdict counts.
    pub(crate) score: Score,
    zero_shot: BTreeMap<(Form, PromptStyle, DatasetId), Stat>,
    changes: BTreeMap<(Arm, DatasetId, DatasetId), Stat>,
    others: BTreeMap<Arm, Stat>,
}

impl Transfer {
    /// Joins every trained cell with the zero-shot mean of its target and prompt.
    pub(crate) fn new(survey: &Survey, score: Score) -> Result<Self, ReportError> {
        let value = col(score.column()).alias("value");
        let zero_shot = grouped(
            picked(&survey.frame, is_zero_shot()).with_column(value.clone()),
            &["method", "shots", "form", "prompt", "target"],
            stat("value"),
        );
        let asked = ["form", "prompt", "target"];
        let zero = zero_shot.clone().select(
            asked.map(col).into_iter().chain([col("mean").alias("zero")]).collect::<Vec<_>>(),
        );
        let trained = picked(&survey.frame, is_zero_shot().not()).with_column(value);
        let trained =
            joined(trained, zero, &asked).with_column((col("value") - col("zero")).alias("change"));
        let changes = grouped(
            trained.clone(),
            &["method", "form", "prompt", "shots", "train_on", "target"],
            stat("change"),
        );
        let off_diagonal = trained.filter(col("train_on").neq(col("target")));
        let whole = [col("change").mean(), col("change").count().alias("n"), len().alias("of")];
        let per_seed = grouped(off_diagonal, &["method", "form", "prompt", "shots", "seed"], whole)
            .with_column(when(col("n").eq(col("of"))).then(col("change")).otherwise(lit(NULL)));
        let others = grouped(per_seed, &["method", "form", "prompt", "shots"], stat("change"));
        Ok(Transfer {
            score,
            zero_shot: read_zero_shot(&Reader(&zero_shot.collect()?))?,
            changes: read_changes(&Reader(&changes.collect()?))?,
            others: read_others(&Reader(&others.collect()?))?,
        })
    }

    /// Zero-shot accuracy on a target, asked as this arm is.
    pub(crate) fn zero_shot(&self, arm: Arm, target: DatasetId) -> Stat {
        self.zero_shot.get(&(arm.form, arm.prompt(), target)).copied().unwrap_or_default()
    }

    /// What training an arm on one dataset changes on a target.
    pub(crate) fn change(&self, arm: Arm, train_on: DatasetId, target: DatasetId) -> Stat {
        self.changes.get(&(arm, train_on, target)).copied().unwrap_or_default()
    }

    /// The mean change off the diagonal, over the seeds that have every cell of it.
    pub(crate) fn others(&self, arm: Arm) -> Stat {
        self.others.get(&arm).copied().unwrap_or_default()
    }

    /// Of the cells off the diagonal: how many have a change, how many a change below zero.
    pub(crate) fn n_below_zero(&self, arm: Arm) -> (usize, usize) {
        let off_diagonal = self
            .changes
            .iter()
            .filter(|((of, train_on, target), _)| *of == arm && train_on != target);
        let changes: Vec<f64> = off_diagonal.filter_map(|(_, stat)| stat.mean).collect();
        (changes.len(), changes.iter().filter(|&&change| change < 0.0).count())
    }
}

fn read_zero_shot(
    reader: &Reader<'_>,
) -> Result<BTreeMap<(Form, PromptStyle, DatasetId), Stat>, ReportError> {
    let entry = |row| {
        let arm = reader.arm(row)?;
        Ok(((arm.form, arm.prompt(), reader.id("target", row)?), reader.stat(row)?))
    };
    (0..reader.height()).map(entry).collect()
}

fn read_changes(
    reader: &Reader<'_>,
) -> Result<BTreeMap<(Arm, DatasetId, DatasetId), Stat>, ReportError> {
    let entry = |row| {
        let key = (reader.arm(row)?, reader.id("train_on", row)?, reader.id("target", row)?);
        Ok((key, reader.stat(row)?))
    };
    (0..reader.height()).map(entry).collect()
}

fn read_others(reader: &Reader<'_>) -> Result<BTreeMap<Arm, Stat>, ReportError> {
    (0..reader.height()).map(|row| Ok((reader.arm(row)?, reader.stat(row)?))).collect()
}
