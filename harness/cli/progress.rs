//! Progress on standard error: bars on a terminal, one line per finished trial elsewhere.

mod left;

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    time::{Duration, Instant},
};

use clsrl_runner::{Failure, RunEvent, Slot, Task};
use clsrl_spec::TrialEvent;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

pub use self::left::{Amount, Left, Work};
use crate::{
    output::note,
    terminal::draw_target,
    words::{duration, short, thousands},
};

const OVERALL: &str = "{elapsed_precise} {bar:12} {msg}";
const WHOLE: &str = "  {msg}";
const TRIAL: &str = "  {prefix:30} {bar:6} {pos}/{len} {msg}";
const TRIAL_BEFORE_WORK: &str = "  {prefix:30} {msg}";
const COUNT: &str = "{msg} {wide_bar} {pos}/{len}, {eta} left";
const BAR: &str = "=> ";

/// The longest name of a trial and the longest text behind a bar, so that both fit 80 columns beside it.
const MAX_NAME: usize = 30;
const MAX_TEXT: usize = 30;

/// Parts of the overall bar; its position is the share of the run's time.
const PARTS: u64 = 1000;

/// How often the time left is worked out.
const RECKON: Duration = Duration::from_millis(500);

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
        let bar = ProgressBar::with_draw_target(Some(n as u64), draw_target());
        bar.with_style(style(COUNT)).with_message(what.to_owned())
    }
}

/// The progress of a run.
pub struct Progress<'a> {
    detail: Detail,
    tasks: &'a [Task],
    left: Left,
    began: Instant,
    bars: MultiProgress,
    overall: ProgressBar,
    /// What stands under the overall bar: trials and the time of the slots.
    whole: ProgressBar,
    slots: &'a [Slot],
    running: BTreeMap<usize, (ProgressBar, Instant)>,
    n_ended: usize,
    /// Time that slots have spent on trials that have ended.
    spent: Duration,
    /// When the rest was last worked out, which takes a while for many trials.
    reckoned: Option<Instant>,
}

impl<'a> Progress<'a> {
    /// Begins to show a run of these tasks, of which `left` counts the work.
    pub fn new(detail: Detail, tasks: &'a [Task], left: Left, slots: &'a [Slot]) -> Self {
        let bars = match detail {
            Detail::Bars => MultiProgress::with_draw_target(draw_target()),
            Detail::Lines | Detail::Quiet => {
                MultiProgress::with_draw_target(ProgressDrawTarget::hidden())
            }
        };
        let overall = if detail == Detail::Bars && !tasks.is_empty() {
            let bar = bars.add(ProgressBar::new(PARTS).with_style(style(OVERALL)));
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        } else {
            ProgressBar::hidden()
        };
        let whole = match overall.is_hidden() {
            true => ProgressBar::hidden(),
            false => bars.add(ProgressBar::new(1).with_style(style(WHOLE))),
        };
        let mut progress = Progress {
            detail,
            tasks,
            left,
            began: Instant::now(),
            bars,
            overall,
            whole,
            slots,
            running: BTreeMap::new(),
            n_ended: 0,
            spent: Duration::ZERO,
            reckoned: None,
        };
        progress.show_left();
        progress
    }

    /// Shows what happened.
    pub fn show(&mut self, event: RunEvent<'_>) {
        match event {
            RunEvent::Started(idx, slot) => self.start(idx, slot),
            RunEvent::Trial(idx, event) => self.advance(idx, event),
            RunEvent::Known(idx, event) => {
                let what = match event {
                    TrialEvent::CellDone(record, _) => record.outcome.cell.to_string(),
                    _ => "fine-tune".to_owned(),
                };
                let key = self.tasks[idx].key();
                self.bars.suspend(|| {
                    note(&format!(
                        "{key}: another run published the same {what} first; this one is dropped"
                    ));
                });
            }
            RunEvent::Retried(idx, failure) => {
                self.take_bar(idx);
                self.left.wait_again(idx);
                self.bars.suspend(|| {
                    let Failure { trial, reason, .. } = failure;
                    note(&format!("{trial} is tried once more on another slot: {reason}"));
                });
            }
            RunEvent::Lost(idx) => {
                self.take_bar(idx);
                self.left.wait_again(idx);
                let key = self.tasks[idx].key();
                self.bars.suspend(|| {
                    note(&format!(
                        "{key} is stopped here: another task took it after a long silence"
                    ));
                });
            }
            RunEvent::Closed(slot, failure) => self.bars.suspend(|| {
                let (slot, reason) = (&self.slots[slot].name, &failure.reason);
                note(&format!(
                    "slot {slot} takes no further trial, two failed there in a row: {reason}"
                ));
            }),
            RunEvent::Paused(idx) => {
                self.take_bar(idx);
                self.left.wait_again(idx);
            }
            RunEvent::Finished(idx) => {
                let (n, took) = self.end(idx);
                if self.detail == Detail::Lines {
                    let key = self.tasks[idx].key();
                    let left =
                        match self.left.time(self.began.elapsed()).filter(|_| n < self.tasks.len())
                        {
                            Some(left) => format!(", {} left", duration(left)),
                            None => String::new(),
                        };
                    let took = duration(took);
                    note(&format!("{n}/{} {key} done in {took}{left}", self.tasks.len()));
                }
            }
            RunEvent::Failed(idx, failure) => {
                let (n, took) = self.end(idx);
                self.bars.suspend(|| {
                    let (n_tasks, took) = (self.tasks.len(), duration(took));
                    note(&format!("{n}/{n_tasks} {} failed after {took}", failure.trial));
                    note(&format!("  {}", failure.reason.replace('\n', "\n  ")));
                    failure.tail.iter().for_each(|line| note(&format!("  | {line}")));
                });
            }
        }
        self.show_left();
    }

    /// Tells something beside the bars.
    pub fn note(&self, text: &str) {
        self.bars.suspend(|| note(text));
    }

    /// Takes the bars away, those of trials that were stopped too.
    pub fn close(self) {
        self.overall.disable_steady_tick();
        // It fails only if the terminal is gone.
        let _ = self.bars.clear();
        // Bars that are dropped before their end would draw themselves once more.
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
    }

    fn start(&mut self, idx: usize, slot: usize) {
        let bar = match self.detail {
            Detail::Bars => self.bars.insert_before(&self.overall, ProgressBar::new(1)),
            Detail::Lines | Detail::Quiet => ProgressBar::hidden(),
        };
        bar.set_style(style(TRIAL_BEFORE_WORK));
        bar.set_prefix(self.name(idx, slot));
        self.running.insert(idx, (bar, Instant::now()));
        self.left.start(idx, self.began.elapsed());
    }

    fn advance(&mut self, idx: usize, event: &TrialEvent) {
        self.left.advance(idx, event, self.began.elapsed());
        let Some((bar, _)) = self.running.get(&idx) else { return };
        let place = |done: usize, of: usize, what: String| {
            bar.set_style(style(TRIAL));
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            bar.set_message(short(&what, MAX_TEXT));
        };
        match event {
            TrialEvent::Loading => bar.set_message("loading"),
            TrialEvent::TrainsAgain { reason } => {
                let key = self.tasks[idx].key();
                self.bars.suspend(|| note(&format!("{key} trains again: {reason}")));
            }
            TrialEvent::StateUnused { reason } => {
                let key = self.tasks[idx].key();
                self.bars.suspend(|| note(&format!("{key} does not go on from {reason}")));
            }
            TrialEvent::Resumed { cell, done, of } => {
                let what = match cell {
                    None => "steps".to_owned(),
                    Some(cell) => format!("images of {cell}"),
                };
                if self.detail == Detail::Lines {
                    note(&format!("{} goes on after {done} of {of} {what}", self.tasks[idx].key()));
                }
                place(*done, *of, what);
            }
            TrialEvent::NotSaved { reason } => {
                let key = self.tasks[idx].key();
                self.bars.suspend(|| {
                    note(&format!("warning: the middle of {key} is not kept: {reason}"));
                });
            }
            TrialEvent::Saved { .. } => {}
            TrialEvent::Paused => bar.set_message("paused"),
            TrialEvent::Trained { step, of, .. } => {
                let reward = step.rollout.as_ref().map_or(String::new(), |rollout| {
                    format!(", reward {:.2}", rollout.reward_mean)
                });
                place(step.step, *of, format!("steps, loss {}{reward}", loss_text(step.loss)));
            }
            TrialEvent::TrainingDone(_) => bar.set_message("trained"),
            TrialEvent::Evaluated { cell, done, of } => {
                place(*done, *of, format!("images of {cell}"));
            }
            TrialEvent::CellDone(..) => {}
        }
    }

    /// A trial's name, after that of its slot where slots have names of their own.
    fn name(&self, idx: usize, slot: usize) -> String {
        let (key, slot) = (self.tasks[idx].key(), &self.slots[slot].name);
        match self.slots.iter().filter(|other| other.name == *slot).count() {
            1 if 1 < self.slots.len() => {
                let room = MAX_NAME.saturating_sub(slot.len() + 1);
                format!("{slot} {}", short(&key, room))
            }
            _ => short(&key, MAX_NAME),
        }
    }

    fn end(&mut self, idx: usize) -> (usize, Duration) {
        self.n_ended += 1;
        self.left.end(idx);
        (self.n_ended, self.take_bar(idx))
    }

    /// Takes a trial's bar away; gives how long it ran.
    fn take_bar(&mut self, idx: usize) -> Duration {
        let Some((bar, started)) = self.running.remove(&idx) else { return Duration::ZERO };
        bar.finish_and_clear();
        self.bars.remove(&bar);
        let took = started.elapsed();
        self.spent += took;
        took
    }

    fn show_left(&mut self) {
        let is_recent = self.reckoned.is_some_and(|reckoned| reckoned.elapsed() < RECKON);
        if self.overall.is_hidden() || is_recent {
            return;
        }
        self.reckoned = Some(Instant::now());
        let (elapsed, left) = (self.began.elapsed(), self.left.time(self.began.elapsed()));
        let share = left.map_or(0.0, |left| {
            elapsed.as_secs_f64() / (elapsed + left).as_secs_f64().max(f64::MIN_POSITIVE)
        });
        let spent = self.running.values().fold(self.spent, |sum, (_, began)| sum + began.elapsed());
        let is_gpu = self.slots.first().is_some_and(|slot| slot.name.starts_with("cuda"));
        self.whole.set_message(format!(
            "{}/{} trials done, {} running, {:.1} {} used",
            thousands(self.n_ended),
            thousands(self.tasks.len()),
            self.running.len(),
            spent.as_secs_f64() / 3600.0,
            if is_gpu { "GPU-hours" } else { "slot-hours" },
        ));
        self.overall.set_position((share * PARTS as f64) as u64);
        self.overall.set_message(describe_work(self.left.done(), self.left.all(), left));
    }
}

/// `210/572 steps, 5,280/18,480 images, 3 min left`; in thousands where there are many.
fn describe_work(done: Amount, all: Amount, left: Option<Duration>) -> String {
    let of = |done: usize, all: usize, what: &str| match all {
        0 => String::new(),
        _ => format!("{}/{} {what}, ", few(done), few(all)),
    };
    let left = left.map_or_else(|| "time unknown".to_owned(), |left| duration(left) + " left");
    of(done.steps, all.steps, "steps") + &of(done.images, all.images, "images") + &left
}

/// A number in at most six characters or so.
fn few(n: usize) -> String {
    match n {
        0..=99_999 => thousands(n),
        100_000..=9_999_999 => format!("{}k", thousands(n / 1000)),
        _ => format!("{}M", thousands(n / 1_000_000)),
    }
}

/// A loss without a sign where it is zero as shown.
fn loss_text(loss: f64) -> String {
    let text = format!("{loss:.3}");
    if text == "-0.000" { "0.000".to_owned() } else { text }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the templates above are valid");
    style.progress_chars(BAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_fits_beside_a_bar_in_80_columns() {
        let amount = |n| Amount { steps: n, images: n };
        let text_of =
            |n| describe_work(amount(n / 2), amount(n), Some(Duration::from_secs(273_600)));
        for n in [1, 999, 99_999, 773_679, 8_289_152, 99_999_999] {
            let text = text_of(n);
            assert!(text.chars().count() + "00:00:00 ".len() + 12 < 78, "{text}");
        }
        let text = describe_work(
            Amount { steps: 210, images: 5280 },
            Amount { steps: 572, images: 18_480 },
            None,
        );
        assert_eq!(text, "210/572 steps, 5,280/18,480 images, time unknown");
        let none = describe_work(
            Amount::default(),
            Amount { steps: 0, images: 16 },
            Some(Duration::from_secs(9)),
        );
        assert_eq!(none, "0/16 images, 9 s left");
    }

    #[test]
    fn a_trial_fits_80_columns_with_its_numbers() {
        let widest = "  ".len() + MAX_NAME + 1 + 6 + 1 + "48/48".len() + 1 + MAX_TEXT;
        assert!(widest <= 78);
        assert_eq!(loss_text(-0.0001), "0.000");
        assert_eq!(loss_text(-0.123), "-0.123");
    }
}
