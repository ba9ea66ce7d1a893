//! A profiler of the phases of a step, which measures only where somebody asked for it.
//!
//! The trainers and the evaluation name their phases with [`profile`]. Nobody measures in a trial: then it
//! costs a look at a thread's own flag, and the device is never waited for.

use std::{cell::RefCell, collections::BTreeMap, time::Instant};

use tch::{Cuda, Device};

/// A part of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// From images and texts to patches and tokens.
    Preprocess,
    /// The forward pass of prompts.
    Prefill,
    /// New tokens, sampling included.
    Decode,
    /// The forward pass of the reference model.
    Reference,
    /// Forward and backward pass of the trained model.
    Update,
    /// Clipping and the optimizer's step.
    Optimizer,
}

/// Seconds by phase, and of everything since the times were last taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhaseTimes {
    /// Seconds of each phase that occurred; a phase within another one counts for itself alone.
    pub phases: BTreeMap<Phase, f64>,
    /// Seconds between this taking and the one before.
    pub total: f64,
}

impl PhaseTimes {
    /// Seconds of a phase; 0 if it did not occur.
    pub fn of(&self, phase: Phase) -> f64 {
        self.phases.get(&phase).copied().unwrap_or(0.0)
    }
}

/// A profiler's state on its thread.
struct Running {
    times: PhaseTimes,
    since: Instant,
    /// Seconds that the phases within the current one took.
    inner: f64,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// Measures this thread's phases as long as it lives.
pub struct Profiler {
    device: Device,
}

impl Profiler {
    /// Begins to measure.
    pub fn start(device: Device) -> Self {
        wait_for(device);
        let running = Running { times: PhaseTimes::default(), since: Instant::now(), inner: 0.0 };
        RUNNING.with(|cell| cell.replace(Some(running)));
        Profiler { device }
    }

    /// Returns the times since the start or the last call.
    pub fn take(&self) -> PhaseTimes {
        wait_for(self.device);
        RUNNING.with(|cell| match cell.borrow_mut().as_mut() {
            None => PhaseTimes::default(),
            Some(running) => {
                let mut times = std::mem::take(&mut running.times);
                times.total = running.since.elapsed().as_secs_f64();
                running.since = Instant::now();
                running.inner = 0.0;
                times
            }
        })
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        RUNNING.with(|cell| cell.replace(None));
    }
}

/// Does the work of a phase, and measures it if somebody wants to know.
pub fn profile<T>(phase: Phase, device: Device, work: impl FnOnce() -> T) -> T {
    let Some(outer_inner) = enter() else { return work() };
    wait_for(device);
    let started = Instant::now();
    let result = work();
    wait_for(device);
    leave(phase, started.elapsed().as_secs_f64(), outer_inner);
    result
}

/// Begins a phase; returns what the phases beside it took so far, or nothing where nobody measures.
fn enter() -> Option<f64> {
    RUNNING.with(|cell| Some(std::mem::take(&mut cell.borrow_mut().as_mut()?.inner)))
}

fn leave(phase: Phase, seconds: f64, outer_inner: f64) {
    RUNNING.with(|cell| {
        let mut running = cell.borrow_mut();
        let Some(running) = running.as_mut() else { return };
        *running.times.phases.entry(phase).or_default() += seconds - running.inner;
        running.inner = outer_inner + seconds;
    });
}

/// Waits until a GPU has done all it was given.
fn wait_for(device: Device) {
    if let Device::Cuda(idx) = device {
        Cuda::synchronize(idx as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spin(seconds: f64) {
        let started = Instant::now();
        while started.elapsed().as_secs_f64() < seconds {}
    }

    #[test]
    fn a_phase_within_another_counts_for_itself_alone() {
        let profiler = Profiler::start(Device::Cpu);
        let cpu = Device::Cpu;
        profile(Phase::Update, cpu, || {
            spin(0.01);
            profile(Phase::Reference, cpu, || spin(0.02));
            profile(Phase::Reference, cpu, || spin(0.02));
        });
        profile(Phase::Optimizer, cpu, || spin(0.01));
        let times = profiler.take();
        assert!(0.04 <= times.of(Phase::Reference), "{times:?}");
        assert!(0.01 <= times.of(Phase::Update), "{times:?}");
        let sum: f64 = times.phases.values().sum();
        assert!(sum <= times.total, "nothing counts twice: {times:?}");
        assert!(profiler.take().phases.is_empty(), "taken times are gone");
    }

    #[test]
    fn nothing_is_measured_where_nobody_asks() {
        profile(Phase::Update, Device::Cpu, || ());
        let profiler = Profiler::start(Device::Cpu);
        assert_eq!(profiler.take().phases, BTreeMap::new());
        drop(profiler);
        profile(Phase::Update, Device::Cpu, || ());
        assert!(RUNNING.with(|cell| cell.borrow().is_none()));
    }
}
