//! What a run says before it starts: what there is to do, how long that takes, and what it writes where.

use std::{fmt::Write, path::Path, time::Duration};

use clsrl_runner::Task;
use clsrl_spec::Training;
use indicatif::DecimalBytes;

use crate::{
    model::float32_bytes,
    progress::Left,
    request::Request,
    words::{count, duration, thousands},
};

/// A run that is about to start.
pub struct Announcement<'a> {
    /// What was asked for.
    pub request: &'a Request,
    /// Cells of all trials, done or not.
    pub n_cells: usize,
    /// What is left.
    pub tasks: &'a [Task],
    /// The work of it.
    pub left: &'a Left,
    /// Trials at a time.
    pub n_jobs: usize,
    /// The start model.
    pub model_dir: &'a Path,
    /// Whether fine-tuned weights are kept.
    pub keep_checkpoints: bool,
    /// Whether the middle of trials is kept from time to time.
    pub keeps_states: bool,
    /// The folder of TensorBoard's event files; none if they are not wanted.
    pub events_dir: Option<&'a Path>,
    /// The suite's results folder.
    pub results_dir: &'a Path,
}

impl Announcement<'_> {
    /// Renders at most six lines, of 80 columns but for long paths.
    pub fn render(&self) -> String {
        let Announcement { request, tasks, .. } = self;
        let n_left: usize = tasks.iter().map(|task| task.cells.len()).sum();
        let mut text = format!(
            "{}: {}, {}, {} of them to run",
            request.suite.name,
            count(request.trials.len(), "trial"),
            count(self.n_cells, "cell"),
            thousands(n_left),
        );
        if tasks.is_empty() {
            return text;
        }
        let report = request.places.reports.join(format!("{}.md", request.suite.name));
        let lines = [
            self.work(),
            self.disk(),
            place("results", self.results_dir),
            place("report", &report),
            self.events_dir.map_or(String::new(), |dir| place("events", dir)),
        ];
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            write!(text, "\n  {line}").expect("a string takes every text");
        }
        text
    }

    fn work(&self) -> String {
        let all = self.left.all();
        let steps = match all.steps {
            0 => String::new(),
            n => format!("{}, ", count(n, "optimizer step")),
        };
        let time = match self.left.time(Duration::ZERO) {
            Some(time) => format!("about {}", duration(time)),
            None => "time not known yet".to_owned(),
        };
        format!("work:    {steps}{}; {time}", count(all.images, "image"))
    }

    /// Room for checkpoints, which are float32, and for states, which have two moments beside the weights and of which there
    /// are two; those of adapters are small. Empty where none is written.
    fn disk(&self) -> String {
        let trains = |task: &&Task| !matches!(task.trial.training, Training::None);
        let n_trained = self.tasks.iter().filter(trains).count();
        let n_at_once = if self.keep_checkpoints { n_trained } else { n_trained.min(self.n_jobs) };
        let Some(n_bytes) = float32_bytes(self.model_dir).filter(|_| 0 < n_at_once) else {
            return String::new();
        };
        let of_all_weights = |task: &&Task| trains(task) && task.trial.protocol.lora.is_none();
        let n_large = self.tasks.iter().filter(of_all_weights).count().min(self.n_jobs);
        let n_states = if self.keeps_states { n_large } else { 0 };
        let needed = n_bytes.saturating_mul((n_at_once + 2 * 3 * n_states) as u64);
        let what = match (n_states, self.keep_checkpoints) {
            (0, true) => "checkpoints, kept",
            (0, false) => "checkpoints, until a trial is done",
            (_, true) => "kept weights and of states",
            (_, false) => "weights and states till a trial is done",
        };
        let free = match clsrl_files::free_bytes(self.results_dir) {
            Ok(free) if free < needed => format!("only {} free", DecimalBytes(free)),
            Ok(free) => format!("{} free", DecimalBytes(free)),
            Err(_) => "free room unknown".to_owned(),
        };
        format!("disk:    {} of {what}; {free}", DecimalBytes(needed))
    }
}

fn place(what: &str, path: &Path) -> String {
    let what = format!("{what}:");
    format!("{what:<9}{}", path.display())
}
