//! `run --tensorboard`: event files of every trial while it runs.
//!
//! They are an onlooker's: one that cannot be written is told of once, and the run goes on without.

use std::{collections::BTreeMap, path::PathBuf};

use clsrl_report::{EventFile, ReportError, StepRow};
use clsrl_runner::{RunEvent, Task};
use clsrl_spec::{Binding, TrialEvent, training_identity};

use crate::{request::Request, version};

/// The event files of a run.
pub struct TensorBoard<'a> {
    dir: PathBuf,
    request: &'a Request,
    model: String,
    binding: &'a Binding,
    tasks: &'a [Task],
    /// Of the trials that are running, by the index of their tasks.
    files: BTreeMap<usize, EventFile>,
    has_failed: bool,
}

/// The folder of a suite's event files: one for each trial, which is what TensorBoard calls a run.
pub fn events_dir(request: &Request) -> PathBuf {
    request.places.results.join(format!("{}.tensorboard", request.suite.name))
}

impl<'a> TensorBoard<'a> {
    /// Begins to listen to a run of these tasks.
    pub fn new(
        request: &'a Request,
        model: String,
        binding: &'a Binding,
        tasks: &'a [Task],
    ) -> Self {
        TensorBoard {
            dir: events_dir(request),
            request,
            model,
            binding,
            tasks,
            files: BTreeMap::new(),
            has_failed: false,
        }
    }

    /// Writes what happened; tells once why it cannot.
    pub fn write(&mut self, event: &RunEvent<'_>) -> Option<String> {
        if self.has_failed {
            return None;
        }
        let error = self.try_write(event).err()?;
        self.has_failed = true;
        let reason = anyhow::Error::from(error);
        Some(format!("warning: TensorBoard's event files end here: {reason:#}"))
    }

    fn try_write(&mut self, event: &RunEvent<'_>) -> Result<(), ReportError> {
        match *event {
            RunEvent::Started(idx, _)
            | RunEvent::Retried(idx, _)
            | RunEvent::Lost(idx)
            | RunEvent::Finished(idx)
            | RunEvent::Failed(idx, _)
            | RunEvent::Paused(idx)
            | RunEvent::Trial(idx, TrialEvent::TrainsAgain { .. }) => {
                self.files.remove(&idx);
            }
            RunEvent::Trial(idx, TrialEvent::Trained { step, seconds, .. }) => {
                let Some(task) = self.tasks.get(idx) else { return Ok(()) };
                let id = training_identity(&task.trial, self.binding).id();
                let row = StepRow::of((&task.trial, &id), step, Some(seconds));
                self.file(idx, task, || Start::Anew)?.add_step(&row)?;
            }
            // What an attempt took after what it last kept is dropped by the new file's first event.
            RunEvent::Trial(idx, TrialEvent::Resumed { cell: None, done, .. }) => {
                let Some(task) = self.tasks.get(idx) else { return Ok(()) };
                self.file(idx, task, || Start::After(*done))?;
            }
            RunEvent::Trial(idx, TrialEvent::CellDone(record, _)) => {
                let Some(task) = self.tasks.get(idx) else { return Ok(()) };
                let n_steps = || task.trained.as_ref().map_or(0, |done| done.outcome.steps.len());
                self.file(idx, task, || Start::After(n_steps()))?.add_cell(&record.outcome)?;
            }
            RunEvent::Trial(..) | RunEvent::Known(..) | RunEvent::Closed(..) => {}
        }
        Ok(())
    }

    /// The file of a trial that is running, with its description if it is new.
    fn file(
        &mut self,
        idx: usize,
        task: &Task,
        start: impl FnOnce() -> Start,
    ) -> Result<&mut EventFile, ReportError> {
        if !self.files.contains_key(&idx) {
            let dir = self.dir.join(task.key());
            let mut file = match start() {
                Start::Anew => EventFile::begin(&dir)?,
                Start::After(n_steps) => EventFile::go_on(&dir, n_steps)?,
            };
            file.add_text("trial", &self.describe(task))?;
            self.files.insert(idx, file);
        }
        Ok(self.files.get_mut(&idx).expect("it was put there if it was not"))
    }

    /// What a trial's numbers are of, as a Markdown table and the identity of its fine-tune.
    fn describe(&self, task: &Task) -> String {
        let identity = training_identity(&task.trial, self.binding);
        let rows = [
            ("suite", self.request.suite.name.clone()),
            ("protocol", task.trial.protocol.name.clone()),
            ("trial", task.key()),
            ("fine-tune", identity.id()),
            ("start model", self.model.clone()),
            ("start weights", self.binding.base_weights.clone()),
            ("commit", version::commit()),
        ];
        let rows: String =
            rows.into_iter().map(|(name, value)| format!("| {name} | `{value}` |\n")).collect();
        let identity = format!("{:#}", identity.json());
        format!("| | |\n|---|---|\n{rows}\n```json\n{identity}\n```\n")
    }
}

/// Whether a trial's file stands for all of its fine-tune.
enum Start {
    /// Its steps come first, and those of an earlier attempt go.
    Anew,
    /// So many steps were taken before.
    After(usize),
}
