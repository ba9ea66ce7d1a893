//! Wall-clock, throughput and memory, by method.

use std::collections::BTreeMap;

use clsrl_spec::DatasetId;
use polars::{
    lazy::dsl::max_horizontal,
    prelude::{DataFrame, IntoLazy, col, len},
};

use super::{
    Group,
    read::{Reader, counted, grouped},
};
use crate::ReportError;

/// What one group's trials took, in seconds unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clock {
    pub(crate) n_trials: usize,
    pub(crate) load: Option<f64>,
    pub(crate) rollout: Option<f64>,
    pub(crate) update: Option<f64>,
    pub(crate) evaluate: Option<f64>,
    pub(crate) total: Option<f64>,
    /// Training and evaluation on a GPU; none on a CPU.
    pub(crate) gpu: Option<f64>,
    pub(crate) train_images_per_second: Option<f64>,
    pub(crate) train_tokens_per_second: Option<f64>,
    pub(crate) evaluate_images_per_second: Option<f64>,
    pub(crate) evaluate_tokens_per_second: Option<f64>,
    pub(crate) peak_memory_bytes: usize,
}

/// The clocks of all groups that have a finished cell.
pub(crate) struct Clocks {
    /// By method and shots.
    pub(crate) by_group: BTreeMap<Group, Clock>,
    /// Mean seconds of rollout and update of a trial, by method, shots and dataset.
    pub(crate) training: BTreeMap<(Group, DatasetId), Option<f64>>,
}

impl Clocks {
    /// Sums the cells of each fine-tune, then the fine-tunes of each method.
    pub(crate) fn new(cells: &DataFrame) -> Result<Self, ReportError> {
        let trials = trials(cells)?;
        let sums = ["load_s", "rollout_s", "update_s", "optimize_s", "evaluate_s", "total_s"];
        let works = ["train_images", "train_tokens", "evaluate_images", "evaluate_tokens"];
        let mut aggregations: Vec<_> =
            sums.iter().chain(&works).map(|&name| col(name).sum()).collect();
        aggregations.push(col("peak_memory_bytes").max());
        aggregations.push(col("gpu_s").sum());
        aggregations.push(counted(col("gpu_s").count()).alias("n_on_gpu"));
        aggregations.push(counted(len()).alias("n_trials"));
        let by_group =
            grouped(trials.clone().lazy(), &["method", "shots"], aggregations).collect()?;
        let trained = trials.lazy().filter(col("train_on").is_not_null());
        let training = [col("optimize_s").mean()];
        let training = grouped(trained, &["method", "shots", "train_on"], training).collect()?;
        Ok(Clocks {
            by_group: read_groups(&Reader(&by_group))?,
            training: read_training(&Reader(&training))?,
        })
    }
}

/// One row per fine-tune: its phases, its evaluation summed over its cells, and the work done.
fn trials(cells: &DataFrame) -> Result<DataFrame, ReportError> {
    let phases = ["load_s", "rollout_s", "update_s"].map(|name| col(name).first());
    let rates =
        ["train_images_per_second", "train_tokens_per_second"].map(|name| col(name).first());
    let evaluated = [
        col("evaluate_s").sum(),
        col("n").sum().alias("evaluate_images"),
        (col("train_gpu_s").first() + col("evaluate_gpu_s").sum()).alias("gpu_s"),
        (col("n") * col("mean_tokens")).sum().alias("evaluate_tokens"),
        max_horizontal([col("peak_memory_bytes"), col("train_peak_memory_bytes")])?
            .max()
            .alias("peak_memory_bytes"),
    ];
    let by = ["training_id", "method", "train_on", "shots", "seed"];
    let optimize = col("rollout_s") + col("update_s");
    let trials = grouped(cells.clone().lazy(), &by, [&phases[..], &rates, &evaluated].concat())
        .with_column(optimize.alias("optimize_s"))
        .with_columns([
            (col("load_s") + col("optimize_s") + col("evaluate_s")).alias("total_s"),
            (col("train_images_per_second") * col("optimize_s")).alias("train_images"),
            (col("train_tokens_per_second") * col("optimize_s")).alias("train_tokens"),
        ]);
    Ok(trials.collect()?)
}

fn read_groups(reader: &Reader<'_>) -> Result<BTreeMap<Group, Clock>, ReportError> {
    let entry = |row| {
        let rate = |work: Option<f64>, seconds: Option<f64>| {
            Some(work? / seconds?).filter(|rate| rate.is_finite() && 0.0 < *rate)
        };
        let evaluate = reader.float("evaluate_s", row)?;
        let optimize = reader.float("optimize_s", row)?;
        let images = reader.count("evaluate_images", row)? as f64;
        let clock = Clock {
            n_trials: reader.count("n_trials", row)?,
            load: reader.float("load_s", row)?,
            rollout: reader.float("rollout_s", row)?,
            update: reader.float("update_s", row)?,
            evaluate,
            total: reader.float("total_s", row)?,
            gpu: match reader.count("n_on_gpu", row)? {
                0 => None,
                _ => reader.float("gpu_s", row)?,
            },
            train_images_per_second: rate(reader.float("train_images", row)?, optimize),
            train_tokens_per_second: rate(reader.float("train_tokens", row)?, optimize),
            evaluate_images_per_second: rate(Some(images), evaluate),
            evaluate_tokens_per_second: rate(reader.float("evaluate_tokens", row)?, evaluate),
            peak_memory_bytes: reader.count("peak_memory_bytes", row)?,
        };
        Ok((reader.group(row)?, clock))
    };
    (0..reader.height()).map(entry).collect()
}

fn read_training(
    reader: &Reader<'_>,
) -> Result<BTreeMap<(Group, DatasetId), Option<f64>>, ReportError> {
    let entry = |row| {
        let key = (reader.group(row)?, reader.id("train_on", row)?);
        Ok((key, reader.float("optimize_s", row)?))
    };
    (0..reader.height()).map(entry).collect()
}
