//! Progress on standard error: bars on a terminal, one line per finished trial elsewhere.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    time::{Duration, Instant},
};

use clsrl_runner::{RunEvent, Task};
use clsrl_spec::TrialEvent;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output::note;

const OVERALL: &str = "{elapsed_precise} {bar:30} {pos}/{len} cells ({per_sec}, {eta} left)";
const TRIAL: &str = "  {prefix} {bar:20} {pos}/{len} {msg}";
const COUNT: &str = "{msg} {bar:30} {pos}/{len} ({per_sec}, {eta} left)";
const BAR: &str = "=> ";

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Nothing but failures.
    Quiet,
    /// Plain lines.
    Lines,
    /// Bars.
    Bars,
}

impl Detail {
    /// Bars only where somebody can see them.
    pub fn new(quiet: bool) -> Self {
        match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Bars,
            (false, false) => Detail::Lines,
        }
    }

    /// Tells something, unless it is to be quiet.
    pub fn say(self, text: &str) {
        if self != Detail::Quiet {
            note(text);
        }
    }

    /// A bar that counts one long piece of work, hidden where there are no bars.
    pub fn count(self, what: &str, n: usize) -> ProgressBar {
        if self != Detail::Bars {
            return ProgressBar::hidden();
        }
        ProgressBar::new(n as u64).with_style(style(COUNT)).with_message(what.to_owned())
    }
}

/// The progress of a run.
pub struct Progress<'a> {
    detail: Detail,
    tasks: &'a [Task],
    bars: MultiProgress,
    overall: ProgressBar,
    running: BTreeMap<usize, (ProgressBar, Instant)>,
    n_ended: usize,
}

impl<'a> Progress<'a> {
    /// Begins to show a run of these tasks.
    pub fn new(detail: Detail, tasks: &'a [Task]) -> Self {
        let bars = MultiProgress::new();
        let n_cells: usize = tasks.iter().map(|task| task.cells.len()).sum();
        let overall = if detail == Detail::Bars && 0 < n_cells {
            let bar = bars.add(ProgressBar::new(n_cells as u64).with_style(style(OVERALL)));
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        } else {
            ProgressBar::hidden()
        };
        Progress { detail, tasks, bars, overall, running: BTreeMap::new(), n_ended: 0 }
    }

    /// Shows what happened.
    pub fn show(&mut self, event: RunEvent<'_>) {
        match event {
            RunEvent::Started(idx) => self.start(idx),
            RunEvent::Trial(idx, event) => self.advance(idx, event),
            RunEvent::Finished(idx) => {
                let (n, took) = self.end(idx);
                if self.detail == Detail::Lines {
                    let key = self.tasks[idx].key();
                    note(&format!("{n}/{} {key} done in {took:.0} s", self.tasks.len()));
                }
            }
            RunEvent::Failed(idx, failure) => {
                let (n, took) = self.end(idx);
                self.bars.suspend(|| {
                    let n_tasks = self.tasks.len();
                    note(&format!("{n}/{n_tasks} {} failed after {took:.0} s", failure.trial));
                    note(&format!("  {}", failure.reason.replace('\n', "\n  ")));
                    failure.tail.iter().for_each(|line| note(&format!("  | {line}")));
                });
            }
        }
    }

    /// Takes the bars away.
    pub fn close(self) {
        self.overall.finish_and_clear();
        // It fails only if the terminal is gone.
        let _ = self.bars.clear();
    }

    fn start(&mut self, idx: usize) {
        let bar = match self.detail {
            Detail::Bars => self.bars.insert_before(&self.overall, ProgressBar::new(1)),
            Detail::Lines | Detail::Quiet => ProgressBar::hidden(),
        };
        bar.set_style(style(TRIAL));
        bar.set_prefix(self.tasks[idx].key());
        self.running.insert(idx, (bar, Instant::now()));
    }

    fn advance(&mut self, idx: usize, event: &TrialEvent) {
        let Some((bar, _)) = self.running.get(&idx) else { return };
        let place = |done: usize, of: usize, what: String| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            bar.set_message(what);
        };
        match event {
            TrialEvent::Loading => bar.set_message("loading"),
            TrialEvent::TrainsAgain { reason } => {
                let key = self.tasks[idx].key();
                self.bars.suspend(|| note(&format!("{key} trains again: {reason}")));
            }
            TrialEvent::Trained { step, of, loss, reward } => {
                let reward = reward.map_or(String::new(), |reward| format!(", reward {reward:.2}"));
                place(*step, *of, format!("steps, loss {loss:.3}{reward}"));
            }
            TrialEvent::TrainingDone(_) => bar.set_message("trained"),
            TrialEvent::Evaluated { cell, done, of } => {
                place(*done, *of, format!("pictures of {cell}"));
            }
            TrialEvent::CellDone(..) => self.overall.inc(1),
        }
    }

    fn end(&mut self, idx: usize) -> (usize, f64) {
        self.n_ended += 1;
        let Some((bar, started)) = self.running.remove(&idx) else { return (self.n_ended, 0.0) };
        bar.finish_and_clear();
        self.bars.remove(&bar);
        (self.n_ended, started.elapsed().as_secs_f64())
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the templates above are valid");
    style.progress_chars(BAR)
}
