//! What a run says before it starts: what there is to do, how long that takes, and what it writes where.

use std::{fmt::Write, path::Path, time::Duration};

use clsrl_runner::Task;
use indicatif::DecimalBytes;

use super::room::Room;
use crate::{
    options::KeptWeights,
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
    /// What is kept of weights.
    pub kept: KeptWeights,
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

    /// Room for weights; empty where none is needed.
    fn disk(&self) -> String {
        let trials = self.tasks.iter().map(|task| &task.trial);
        let room = Room::needed(trials, self.n_jobs, self.model_dir, self.kept);
        let Some(room) = room.filter(|room| 0 < room.n_bytes) else { return String::new() };
        let free = match clsrl_files::free_bytes(self.results_dir) {
            Ok(free) if free < room.n_bytes => format!("only {} free", DecimalBytes(free)),
            Ok(free) => format!("{} free", DecimalBytes(free)),
            Err(_) => "free room unknown".to_owned(),
        };
        format!("disk:    {}; {free}", room.render())
    }
}

fn place(what: &str, path: &Path) -> String {
    let what = format!("{what}:");
    format!("{what:<9}{}", path.display())
}
