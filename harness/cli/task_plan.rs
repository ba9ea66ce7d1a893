//! A plan in tasks, as a file: what a scheduler's tasks work on, whichever scheduler that is.
//!
//! Model and data were looked at and hashed once, when it was made. A task takes them as they are written here, and its
//! workers hold what they read to the digests. So nothing is walked or hashed again in a hundred places at a time, and
//! every task computes under the same identities.

mod make;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use clsrl_data::BoundDataset;
use clsrl_files::limit;
use clsrl_runner::Store;
use clsrl_spec::{Binding, DatasetId, Trial, sealed_digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::make::{Made, TaskOptions, absolute};
use crate::{exit::Exit, inputs::Inputs, output_files::write_file};

/// The version of the file.
const VERSION: u64 = 1;

/// Digits of a plan's id.
const N_DIGITS: usize = 12;

/// A plan in tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskPlan {
    /// The suite's name, which is that of its results folder.
    pub suite: String,
    /// The folder of that folder.
    #[serde(with = "clsrl_files::path_text")]
    pub results: PathBuf,
    /// The program's commit, for the records.
    pub commit: String,
    /// What was left to do when the plan was made.
    pub trials: Vec<Trial>,
    /// The trials of each task by their index.
    pub tasks: Vec<Vec<usize>>,
    /// How long each trial is expected to take; none where nothing tells.
    pub seconds: Option<Vec<f64>>,
    /// How tasks run their trials.
    pub settings: TaskSettings,
    /// With what.
    pub inputs: TaskInputs,
}

/// How tasks run their trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSettings {
    /// The slots of a task, as `--devices` takes them.
    pub devices: String,
    /// How long a task may run; for ever if none.
    pub time_limit_s: Option<u64>,
    /// How long a claim lasts whose holder is not heard of.
    pub claim_lifetime_s: u64,
    /// How often a task puts itself back into the queue.
    pub max_restarts: usize,
    /// How often the middle of a trial is kept, beside before the time limit.
    pub checkpoint_every_s: Option<u64>,
    /// Whether tuned weights are kept.
    pub keep_checkpoints: bool,
    /// The most bytes of the image cache.
    pub image_cache: Option<u64>,
}

/// Model and data as they were found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskInputs {
    #[serde(with = "clsrl_files::path_text")]
    model_dir: PathBuf,
    model_files: BTreeMap<String, String>,
    #[serde(with = "clsrl_files::path_text")]
    data_dir: PathBuf,
    #[serde(with = "clsrl_files::path_text::optional")]
    few_shot_dir: Option<PathBuf>,
    unlocked: BTreeSet<DatasetId>,
    bound: BTreeMap<DatasetId, BoundDataset>,
    device: String,
    binding: Binding,
}

impl TaskPlan {
    /// Reads a plan; every task may be asked for.
    pub fn read(path: &Path) -> anyhow::Result<(Self, String)> {
        let damaged = |reason: String| {
            Exit::Differs.because(anyhow!(
                "the plan `{}` cannot be used: {reason}\nhint: `slurm submit` and `plan --to` write plans",
                path.display()
            ))
        };
        let bytes = match clsrl_files::read(path, limit::LIST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Exit::Usage.because(anyhow!("there is no plan `{}`", path.display())));
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        };
        let mut file: Value =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        match file["version"].as_u64() {
            Some(VERSION) => {}
            found => {
                let found = found.map_or("none".to_owned(), |found| found.to_string());
                return Err(damaged(format!("its version is {found}, expected {VERSION}")));
            }
        }
        let digest = sealed_digest(&file["plan"]);
        if file["sha256"].as_str() != Some(&digest) {
            return Err(damaged("it is not what its digest has".to_owned()));
        }
        let plan: TaskPlan = serde_json::from_value(file["plan"].take())
            .map_err(|error| damaged(error.to_string()))?;
        let n_trials = plan.trials.len();
        let is_there = |idx: &usize| *idx < n_trials;
        if !plan.tasks.iter().flatten().all(is_there)
            || plan.seconds.as_ref().is_some_and(|seconds| seconds.len() != n_trials)
        {
            return Err(damaged("a task names a trial that it does not have".to_owned()));
        }
        Ok((plan, digest[..N_DIGITS].to_owned()))
    }

    /// Writes the plan; gives its id.
    pub fn write(&self, path: &Path) -> anyhow::Result<String> {
        let plan = serde_json::to_value(self).context("a plan is plain data")?;
        let digest = sealed_digest(&plan);
        let file = json!({ "version": VERSION, "sha256": digest, "plan": plan });
        write_file(path, file.to_string() + "\n")?;
        Ok(digest[..N_DIGITS].to_owned())
    }

    /// The results that the tasks make.
    pub fn store(&self) -> Store {
        Store::new(&self.results, &self.suite)
    }

    /// The trials in the order in which a task looks at them: its own, then those of the tasks that follow it, so that
    /// not all that are done with their own ask for the same. Each with whether it is its own.
    pub fn in_order_of(&self, task: usize) -> impl Iterator<Item = (usize, bool)> {
        let n_tasks = self.tasks.len();
        let others = (1..n_tasks).flat_map(move |n| &self.tasks[(task + n) % n_tasks]);
        let own = self.tasks[task].iter().map(|&idx| (idx, true));
        own.chain(others.map(|&idx| (idx, false)))
    }

    /// How long a claim lasts whose holder is not heard of.
    pub fn claim_lifetime(&self) -> Duration {
        Duration::from_secs(self.settings.claim_lifetime_s.max(1))
    }
}

impl TaskInputs {
    /// What a run would be given.
    pub fn of(inputs: &Inputs) -> Self {
        TaskInputs {
            model_dir: inputs.model_dir.clone(),
            model_files: inputs.model_files.clone(),
            data_dir: inputs.data_dir.clone(),
            few_shot_dir: inputs.few_shot_dir.clone(),
            unlocked: inputs.unlocked.clone(),
            bound: inputs.bound.clone(),
            device: inputs.device.to_string(),
            binding: inputs.binding.clone(),
        }
    }

    /// The same again, with the datasets' lists opened, which must be what they were.
    pub fn open(self) -> anyhow::Result<Inputs> {
        let TaskInputs { model_dir, model_files, data_dir, few_shot_dir, unlocked, bound, .. } =
            self;
        let open = |(&id, bound): (&DatasetId, &BoundDataset)| {
            let dataset = bound.open(id, &data_dir).map_err(|error| {
                Exit::Differs.because(anyhow::Error::new(error).context(format!(
                    "dataset `{id}` in `{}` is not what the plan was made with",
                    data_dir.display()
                )))
            })?;
            Ok((id, dataset))
        };
        let datasets = bound.iter().map(open).collect::<anyhow::Result<_>>()?;
        let device = self.device.parse().map_err(|reason: String| anyhow!(reason))?;
        Ok(Inputs {
            model_dir,
            model_files,
            data_dir,
            datasets,
            unlocked,
            bound,
            few_shot_dir,
            device,
            binding: self.binding,
        })
    }

    /// The folders that a task reads.
    pub fn folders(&self) -> Vec<PathBuf> {
        let given = [&self.model_dir, &self.data_dir].into_iter().chain(&self.few_shot_dir);
        given.cloned().collect()
    }
}
