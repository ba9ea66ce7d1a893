//! Who watches a training loop: hears of its steps, may set it on from where an earlier one was, and may break it off.

use std::ops::ControlFlow;

use clsrl_spec::{StepRecord, StepSeconds, TrialEvent};

use crate::{AdamW, EngineError, budget::TokenBudget, timings::TrainingTimings};

/// Receives what happens; an error stops the trial.
pub type Sink<'a> = dyn FnMut(TrialEvent) -> std::io::Result<()> + 'a;

/// Where a training loop is between two steps. Weights are the optimizer's parameters; what else a step depends on
/// follows from its number.
pub(crate) struct LoopState<'a> {
    pub(crate) optimizer: &'a AdamW,
    pub(crate) timings: &'a mut TrainingTimings,
    pub(crate) budgets: Vec<&'a mut TokenBudget>,
}

/// Watches a training loop.
pub(crate) trait Watch {
    /// Sets the loop on, if it is to go on from somewhere; gives the number of steps that are done.
    fn resume(&mut self, state: LoopState<'_>) -> Result<usize, EngineError>;

    /// Hears of an optimizer step and of what it took; says whether the loop ends with it.
    fn hear(
        &mut self,
        step: (StepRecord, StepSeconds),
        state: LoopState<'_>,
    ) -> Result<ControlFlow<()>, EngineError>;
}

/// How a training loop ended: its wall-clock, and whether it was broken off.
pub(crate) type Ended = (TrainingTimings, ControlFlow<()>);

/// Hears of steps and no more.
pub(crate) struct Listener<'a>(
    pub(crate) &'a mut dyn FnMut(StepRecord, StepSeconds) -> Result<(), EngineError>,
);

impl Watch for Listener<'_> {
    fn resume(&mut self, _: LoopState<'_>) -> Result<usize, EngineError> {
        Ok(0)
    }

    fn hear(
        &mut self,
        (step, seconds): (StepRecord, StepSeconds),
        _: LoopState<'_>,
    ) -> Result<ControlFlow<()>, EngineError> {
        (self.0)(step, seconds).map(ControlFlow::Continue)
    }
}
