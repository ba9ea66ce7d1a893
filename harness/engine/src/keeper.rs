//! Keeps the middle of a fine-tune: sets it on from the state of an earlier attempt, writes one from time to time, and
//! breaks it off when the trial is asked to end.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use clsrl_spec::{RepeatedStep, StepRecord, StepSeconds, TrialEvent};
use clsrl_vlm::read_tensor_file;
use tch::Device;

use crate::{
    EngineError,
    job::Saving,
    machine::peak_memory_bytes,
    state::{Found, Progress, States},
    timings::{Started, TrainingTimings},
    watch::{LoopState, Sink, Watch},
};

/// When the middle of a trial is kept, and whether the trial is asked to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses<'a> {
    pub(crate) saving: &'a Saving,
    /// Becomes true when the trial is to keep what it has, and to end.
    pub(crate) asked: &'a AtomicBool,
}

impl Pauses<'_> {
    /// Whether the trial is to keep what it has, and to end.
    pub(crate) fn are_asked_for(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether it is time to keep what there is.
    pub(crate) fn are_due(&self, since: Instant) -> bool {
        self.saving.every_s.is_some_and(|every_s| every_s <= since.elapsed().as_secs_f64())
    }
}

/// Keeps the middle of one fine-tune.
pub(crate) struct Keeper<'a> {
    pauses: Pauses<'a>,
    states: States<'a>,
    device: Device,
    on_event: &'a mut Sink<'a>,
    /// What is gone on from.
    found: Option<Found>,
    /// Seconds of this attempt before its first step.
    load_seconds: f64,
    /// Of all attempts so far, but for budgets and timings, which the loop has.
    progress: Progress,
    /// When a state was last written, or the loop began.
    written: Instant,
}

impl<'a> Keeper<'a> {
    /// Finds what there is to go on from.
    pub(crate) fn find(
        pauses: Pauses<'a>,
        n_steps: usize,
        (started, device): (Started, Device),
        on_event: &'a mut Sink<'a>,
    ) -> Result<Self, EngineError> {
        let Saving { dir, training_id, .. } = pauses.saving;
        let states = States { dir, training_id, n_steps };
        let found = states.find(&mut |reason| {
            on_event(TrialEvent::StateUnused { reason }).map_err(EngineError::Sink)
        })?;
        let progress = match &found {
            Some(found) => found.state.progress.clone(),
            None => Progress { started_at: started.times().started_at, ..Progress::default() },
        };
        let (load_seconds, written) = (0.0, Instant::now());
        Ok(Keeper { pauses, states, device, on_event, found, load_seconds, progress, written })
    }

    /// Whether the first step is yet to be taken.
    pub(crate) fn is_at_the_start(&self) -> bool {
        self.found.is_none()
    }

    /// Notes what is known before the first step: what it was repeated for, and the seconds that loading took.
    pub(crate) fn begin(&mut self, repeated_step: Option<RepeatedStep>, load_seconds: f64) {
        if self.is_at_the_start() {
            self.progress.repeated_step = repeated_step;
        }
        self.load_seconds = load_seconds;
        self.written = Instant::now();
    }

    /// What the record says of all attempts, of which the last one took this long; memory is the most so far.
    pub(crate) fn finish(mut self, timings: TrainingTimings) -> Result<Progress, EngineError> {
        self.note(timings)?;
        Ok(self.progress)
    }

    fn note(&mut self, timings: TrainingTimings) -> Result<(), EngineError> {
        self.progress.timings = timings;
        self.progress.timings.seconds.load += self.load_seconds;
        let peak = peak_memory_bytes(self.device)?;
        self.progress.peak_memory_bytes = self.progress.peak_memory_bytes.max(peak);
        Ok(())
    }

    fn send(&mut self, event: TrialEvent) -> Result<(), EngineError> {
        (self.on_event)(event).map_err(EngineError::Sink)
    }

    fn save(&mut self, step: usize, state: LoopState<'_>) -> Result<(), EngineError> {
        self.note(state.timings.clone())?;
        let budgets = state.budgets.iter().map(|budget| budget.fitted()).collect();
        let progress = Progress { budgets, ..self.progress.clone() };
        let saved = self.states.save(step, progress, &state.optimizer.named_tensors());
        self.written = Instant::now();
        let of = self.states.n_steps;
        self.send(match saved {
            Ok(()) => TrialEvent::Saved { cell: None, done: step, of },
            // The fine-tune is worth more than its middle.
            Err(error) => TrialEvent::NotSaved { reason: error.in_one_line() },
        })
    }
}

impl Watch for Keeper<'_> {
    fn resume(&mut self, state: LoopState<'_>) -> Result<usize, EngineError> {
        let Some(found) = self.found.take() else { return Ok(0) };
        let (step, of) = (found.state.step, self.states.n_steps);
        let tensors = state.optimizer.named_tensors();
        read_tensor_file(&found.folder, &found.tensors_name(), &tensors)?;
        *state.timings = found.state.progress.timings;
        for (budget, fitted) in state.budgets.into_iter().zip(found.state.progress.budgets) {
            budget.restore(fitted);
        }
        self.progress.resumed_at.push(step);
        self.send(TrialEvent::Resumed { cell: None, done: step, of })?;
        Ok(step)
    }

    fn hear(
        &mut self,
        (record, seconds): (StepRecord, StepSeconds),
        state: LoopState<'_>,
    ) -> Result<ControlFlow<()>, EngineError> {
        let (step, of) = (record.step, self.states.n_steps);
        self.progress.steps.push(record.clone());
        self.send(TrialEvent::Trained { step: record, seconds, of })?;
        // After the last step the weights themselves are kept.
        if step == of {
            return Ok(ControlFlow::Continue(()));
        }
        let is_asked = self.pauses.are_asked_for();
        if is_asked || self.pauses.are_due(self.written) {
            self.save(step, state)?;
        }
        Ok(if is_asked { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}
