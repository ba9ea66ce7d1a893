//! Whether a run took longer than runs of the same cells on such a machine usually do.
//!
//! The fence is Tukey's: the upper quartile and one and a half times the distance between the quartiles,
//! which are interpolated linearly. Accuracy verdicts know nothing of it.

use clsrl_spec::{CellRecord, Place, TrainingRecord};
use serde::{Deserialize, Serialize};

use crate::gate::Overall;

/// With fewer there are no quartiles worth the name.
const FEWEST: usize = 5;

/// Older entries go.
const MOST: usize = 50;

/// How long a run of all cells took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// The program's commit.
    pub commit: String,
    /// `cpu` or `cuda`.
    pub device_kind: String,
    /// The device and the processor, as the system names them.
    pub machine: String,
    /// Seconds of all fine-tunes and evaluations, summed.
    pub seconds: f64,
}

/// The word on a run's wall-clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WallClockVerdict {
    /// Not above the fence.
    Pass,
    /// Above it.
    Fail,
    /// There are too few runs to compare with, or nothing to compare.
    Inconclusive,
}

/// A run's wall-clock against others.
#[derive(Debug, Clone, PartialEq)]
pub struct WallClock {
    /// The word on it.
    pub verdict: WallClockVerdict,
    /// Its seconds; none if the run is not of the baseline's cells, or of several machines.
    pub seconds: Option<f64>,
    /// Runs of the same kind of device and processor.
    pub n_history: usize,
    /// Their median and the fence, in seconds; none where there are too few.
    pub fence: Option<(f64, f64)>,
}

impl Timing {
    /// Sums up a run; none if nothing ran, or on machines of different names.
    pub fn of<'a>(
        device_kind: &str,
        trainings: impl IntoIterator<Item = &'a TrainingRecord>,
        cells: impl IntoIterator<Item = &'a CellRecord>,
    ) -> Option<Self> {
        let mut seconds = 0.0;
        let mut places: Vec<&Place> = Vec::new();
        for TrainingRecord { run, .. } in trainings {
            seconds += run.seconds.load + run.seconds.rollout + run.seconds.update;
            places.push(&run.place);
        }
        for CellRecord { run, .. } in cells {
            seconds += run.evaluate_seconds;
            places.push(&run.place);
        }
        let (first, others) = places.split_first()?;
        let machine = machine(first);
        let is_one = others.iter().all(|place| self::machine(place) == machine);
        is_one.then(|| Timing {
            commit: first.commit.clone(),
            device_kind: device_kind.to_owned(),
            machine,
            // To the millisecond: the rest is noise, and a line to be read.
            seconds: (1000.0 * seconds).round() / 1000.0,
        })
    }

    /// Adds this run to a history, unless its last entry is this very run; the oldest entries go.
    pub fn add_to(self, history: &mut Vec<Timing>) {
        if history.last() != Some(&self) {
            history.push(self);
        }
        let n_old = history.len().saturating_sub(MOST);
        history.drain(..n_old);
    }
}

impl WallClock {
    /// Holds a run to a history.
    pub fn judge(run: Option<&Timing>, history: &[Timing]) -> Self {
        let Some(run) = run else {
            let verdict = WallClockVerdict::Inconclusive;
            return WallClock { verdict, seconds: None, n_history: 0, fence: None };
        };
        let is_alike = |timing: &&Timing| {
            timing.device_kind == run.device_kind && timing.machine == run.machine
        };
        let mut alike: Vec<f64> = history.iter().filter(is_alike).map(|one| one.seconds).collect();
        alike.sort_by(f64::total_cmp);
        let seconds = Some(run.seconds);
        let n_history = alike.len();
        if n_history < FEWEST {
            let verdict = WallClockVerdict::Inconclusive;
            return WallClock { verdict, seconds, n_history, fence: None };
        }
        let [lower, median, upper] = [0.25, 0.5, 0.75].map(|share| quantile(&alike, share));
        let fence = upper + 1.5 * (upper - lower);
        let verdict = match fence < run.seconds {
            true => WallClockVerdict::Fail,
            false => WallClockVerdict::Pass,
        };
        WallClock { verdict, seconds, n_history, fence: Some((median, fence)) }
    }

    /// The word as the gate's exit code takes it.
    pub fn overall(&self) -> Overall {
        match self.verdict {
            WallClockVerdict::Pass => Overall::Pass,
            WallClockVerdict::Fail => Overall::Fail,
            WallClockVerdict::Inconclusive => Overall::Inconclusive,
        }
    }

    /// `pass`, `fail` or `inconclusive`.
    pub fn word(&self) -> &'static str {
        match self.verdict {
            WallClockVerdict::Pass => "pass",
            WallClockVerdict::Fail => "fail",
            WallClockVerdict::Inconclusive => "inconclusive",
        }
    }

    /// What it rests on, in a line.
    pub fn reason(&self) -> String {
        match (self.seconds, self.fence) {
            (None, _) => {
                "not all cells of the baseline were run alone, or on one kind of machine".to_owned()
            }
            (Some(seconds), None) => format!(
                "{seconds:.1} s; {} runs on such a machine are known, expected at least {FEWEST}",
                self.n_history
            ),
            (Some(seconds), Some((median, fence))) => format!(
                "{seconds:.1} s; median {median:.1} s and fence {fence:.1} s of {} runs",
                self.n_history
            ),
        }
    }
}

fn machine(place: &Place) -> String {
    let Place { device, processor, .. } = place;
    match device == "cpu" {
        true => processor.clone(),
        false => format!("{device}, {processor}"),
    }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = at.ceil() as usize;
    sorted[below] + (at - at.floor()) * (sorted[above] - sorted[below])
}
