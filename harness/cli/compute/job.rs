//! The job that a worker gets for a trial, and how workers are started.

use std::{env, time::Duration};

use anyhow::Context;
use clsrl_data::image::CacheSpace;
use clsrl_engine::{Saving, TrialJob};
use clsrl_runner::{Task, WorkerCommand};
use clsrl_vlm::Precision;

use super::environment;
use crate::{cache::cache_dir, exit::Exit, inputs::Inputs, output::note};

/// What all jobs of a run have in common.
pub struct Jobs<'a> {
    /// What the trials compute with.
    pub inputs: &'a Inputs,
    /// The image cache, if there is one.
    pub image_cache: Option<CacheSpace>,
    /// The program's commit, for the records.
    pub commit: String,
    /// How often the middle of a trial is kept, beside when the run is asked to end.
    pub checkpoint_every: Option<Duration>,
}

impl Jobs<'_> {
    /// A trial's job.
    pub fn job(&self, task: &Task) -> TrialJob {
        let picks_key = task.trial.picks_key();
        TrialJob {
            trial: task.trial.clone(),
            model_dir: self.inputs.model_dir.clone(),
            model_files: self.inputs.model_files.clone(),
            data_dir: self.inputs.data_dir.clone(),
            few_shot_dir: self.inputs.few_shot_dir.clone(),
            data: self.inputs.bound_for(&task.trial, &task.cells),
            picks: picks_key.and_then(|key| self.inputs.binding.picks.get(&key).cloned()),
            unlocked: self.inputs.unlocked.clone(),
            device: self.inputs.device.to_string().parse().expect("an argument was checked"),
            precision: Precision::named(&self.inputs.binding.precision)
                .expect("a suite names no other precision"),
            threads: self.inputs.binding.threads,
            deterministic: self.inputs.binding.deterministic,
            recompute: self.inputs.binding.recompute,
            image_cache: self.image_cache.clone(),
            cells: task.cells.clone(),
            checkpoint_dir: task.checkpoint_dir.clone(),
            saving: Saving {
                dir: task.state_dir.clone(),
                training_id: task.training_id(),
                cell_ids: task.cell_ids(),
                every_s: self.checkpoint_every.map(|every| every.as_secs_f64()),
            },
            trained: task.trained.clone(),
            commit: self.commit.clone(),
        }
    }

    /// A trial's job as the line that its worker reads.
    pub fn line(&self, task: &Task) -> String {
        serde_json::to_string(&self.job(task)).expect("a job is plain data")
    }

    /// How workers are started.
    pub fn worker(&self) -> anyhow::Result<WorkerCommand> {
        let threads = self.inputs.binding.threads.to_string();
        let threads = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"].map(|name| (name, threads.clone()));
        let of_trials = environment::of_trials().map(|(name, value)| (name, value.to_owned()));
        let set = |(name, value): (&str, String)| (name.to_owned(), value);
        Ok(WorkerCommand {
            program: env::current_exe().context("the program cannot find itself")?,
            args: vec!["trial".to_owned(), "--of-run".to_owned()],
            env: threads.into_iter().chain(of_trials).map(set).collect(),
            differs: Exit::Differs as i32,
        })
    }
}

/// The image cache of so many bytes. Workers say nothing of one that cannot be written to, so it is reported here,
/// once.
pub fn image_cache(n_bytes: Option<u64>) -> anyhow::Result<Option<CacheSpace>> {
    let Some(n_bytes) = n_bytes else { return Ok(None) };
    let dir = cache_dir().context("there is no folder for an image cache")?.join("pictures");
    let space = CacheSpace { dir, n_bytes };
    if let Err(error) = space.prepare() {
        note(&format!(
            "nothing new is kept in the image cache `{}`: {error}\n\
             hint: the run goes on, and decodes what is not there already",
            space.dir.display()
        ));
    }
    Ok(Some(space))
}
