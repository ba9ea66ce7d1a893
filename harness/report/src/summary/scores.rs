//! In-domain accuracy: each fine-tune on the dataset that it was trained on, zero-shot on all of them.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, Form, MethodId, Scorer};
use polars::prelude::{Expr, col, lit};

use super::{
    Arm, Asked, Counts, Stat, Survey,
    read::{Reader, counted, grouped, is_among, joined, picked, stat},
};
use crate::ReportError;

/// One of the two verdicts on an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Score {
    /// The published extraction and match.
    Published,
    /// Equality after normalisation.
    Strict,
}

impl Score {
    /// The verdict that a protocol counts.
    pub(crate) fn of(scorer: Scorer) -> Self {
        match scorer {
            Scorer::Published => Score::Published,
            Scorer::Strict => Score::Strict,
        }
    }

    /// What a record counts as right.
    pub(crate) fn n_right(self, counts: Counts) -> usize {
        match self {
            Score::Published => counts.n_published,
            Score::Strict => counts.n_strict,
        }
    }

    /// The one that it does not.
    pub(crate) fn other(self) -> Self {
        match self {
            Score::Published => Score::Strict,
            Score::Strict => Score::Published,
        }
    }

    /// Its name in captions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Score::Published => "published",
            Score::Strict => "strict",
        }
    }

    /// What it asks of an answer, for captions.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Score::Published => "the label is somewhere in the extracted answer",
            Score::Strict => "the answer equals the label after normalisation",
        }
    }

    /// Its column in the cells' frame.
    pub(super) fn column(self) -> &'static str {
        match self {
            Score::Published => "published_pct",
            Score::Strict => "strict_pct",
        }
    }
}

/// In-domain accuracy in percent, by arm.
pub(crate) struct Scores {
    /// Which verdict counts.
    pub(crate) score: Score,
    averages: BTreeMap<Arm, Stat>,
    chances: BTreeMap<Asked, Option<f64>>,
}

impl Scores {
    /// Averages over seeds, then over the survey's in-domain datasets.
    pub(crate) fn new(survey: &Survey, score: Score) -> Result<Self, ReportError> {
        let in_domain = col("train_on").is_null().or(col("train_on").eq(col("target")));
        let kept = picked(&survey.frame, in_domain.and(is_among("target", &survey.in_domain)))
            .with_column(col(score.column()).alias("value"));
        let arm = ["method", "form", "prompt", "shots"];
        let by_dataset =
            grouped(kept.clone(), &["method", "form", "prompt", "shots", "target"], stat("value"));
        // The spread of an average is that of whole seeds: one with a gap has no average.
        let whole = [col("value").mean().alias("mean"), col("value").count().alias("n_here")];
        let per_seed = grouped(kept, &["method", "form", "prompt", "shots", "seed"], whole)
            .filter(col("n_here").eq(lit(survey.in_domain.len() as u64)));
        let spread = grouped(per_seed, &arm, [col("mean").std(1).alias("sd")]);
        let means = [
            col("mean").mean(),
            counted(col("mean").count()).alias("n_datasets"),
            col("n_values").sum(),
            col("n_planned").sum(),
        ];
        let averages = joined(grouped(by_dataset, &arm, means), spread, &arm).collect()?;
        Ok(Scores {
            score,
            averages: read_averages(&Reader(&averages), survey.in_domain.len())?,
            chances: survey.chances()?,
        })
    }

    /// An arm's average over the datasets; no mean unless every dataset has one.
    pub(crate) fn average(&self, arm: Arm) -> Stat {
        self.averages.get(&arm).copied().unwrap_or_default()
    }

    /// The score of guessing among the listed names of a dataset.
    pub(crate) fn chance(&self, form: Form, dataset: DatasetId) -> Option<f64> {
        self.chances.get(&(form, dataset)).copied().flatten()
    }

    /// The zero-shot arm in an arm's form under its prompt.
    pub(crate) fn zero_shot_of(&self, arm: Arm) -> Option<Arm> {
        let asked = |arm: Arm| (arm.form, arm.prompt());
        let is_reference = |zero: &&Arm| !zero.is_trained() && asked(**zero) == asked(arm);
        self.averages.keys().find(is_reference).copied()
    }
}

fn read_averages(
    reader: &Reader<'_>,
    n_datasets: usize,
) -> Result<BTreeMap<Arm, Stat>, ReportError> {
    let entry = |row| {
        let mut stat = reader.stat(row)?;
        if reader.count("n_datasets", row)? < n_datasets {
            (stat.mean, stat.sd) = (None, None);
        }
        Ok((reader.arm(row)?, stat))
    };
    (0..reader.height()).map(entry).collect()
}

/// The condition that a row belongs to zero-shot.
pub(super) fn is_zero_shot() -> Expr {
    col("method").eq(lit(MethodId::ZeroShot.as_str()))
}
