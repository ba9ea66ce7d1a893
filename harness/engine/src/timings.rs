//! Wall-clock of a fine-tune by phase, and its throughput.

use std::time::{Instant, SystemTime};

use clsrl_spec::{Fitted, StepSeconds, Times, TrainingSeconds};
use serde::{Deserialize, Serialize};

/// Wall-clock and counts of a fine-tune.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingTimings {
    /// Wall-clock by phase.
    pub seconds: TrainingSeconds,
    /// Wall-clock of each optimizer step.
    pub steps: Vec<StepSeconds>,
    /// Images that the optimizer has seen.
    pub n_images: usize,
    /// Tokens of completions (GRPO) or of examples (SFT).
    pub n_tokens: usize,
    /// How its steps fitted the device's memory.
    pub fitted: Fitted,
}

impl TrainingTimings {
    /// Counts an optimizer step.
    pub fn add_step(&mut self, step: StepSeconds) {
        self.seconds.load += step.load;
        self.seconds.rollout += step.rollout;
        self.seconds.update += step.update;
        self.steps.push(step);
    }

    /// Per second of rollout and update; 0 where there was neither.
    pub fn per_second(&self, n: usize) -> f64 {
        let busy = self.seconds.rollout + self.seconds.update;
        if 0.0 < busy { n as f64 / busy } else { 0.0 }
    }
}

/// When something began: by the calendar, and by a clock that nobody sets back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    at: SystemTime,
    clock: Instant,
}

impl Started {
    pub(crate) fn now() -> Self {
        Started { at: SystemTime::now(), clock: Instant::now() }
    }

    /// Wall-clock since then, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.clock.elapsed().as_secs_f64()
    }

    /// From then to now.
    pub(crate) fn times(&self) -> Times {
        Times::between(self.at, SystemTime::now())
    }
}

/// Does some work and adds its wall-clock to a phase.
pub(crate) fn timed<T>(phase: &mut f64, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    *phase += started.elapsed().as_secs_f64();
    result
}
