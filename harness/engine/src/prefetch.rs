//! Prefetch: a thread of its own builds inputs while the device computes.

use std::{
    ops::{ControlFlow, RangeInclusive},
    sync::mpsc::sync_channel,
    thread,
};

use clsrl_spec::StepSeconds;
use tch::Device;

use crate::{
    EngineError,
    order::{EpochOrder, Prepare},
    profiler::{Phase, profile},
    timings::timed,
};

/// Steps whose inputs are prefetched while one runs.
const N_PREFETCHED: usize = 1;

/// Runs these optimizer steps, counted from 1, each with its inputs and with the seconds that it waited for them; to the
/// last one, or to the one that breaks off.
pub fn run_steps<Input: Send>(
    steps: RangeInclusive<usize>,
    device: Device,
    (order, prepare): (&mut EpochOrder, &Prepare<Input>),
    mut take: impl FnMut(usize, StepSeconds, Vec<Input>) -> Result<ControlFlow<()>, EngineError>,
) -> Result<ControlFlow<()>, EngineError> {
    let inputs = steps.clone().map(|_| prepare(&order.next_batch()));
    prefetch(N_PREFETCHED, inputs, |inputs| {
        for step in steps {
            let mut seconds = StepSeconds::default();
            let next = || profile(Phase::Preprocess, device, || inputs.next());
            let chosen = timed(&mut seconds.load, next).expect("each step has its inputs")?;
            if take(step, seconds, chosen)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Builds inputs in order on another thread, `n_waiting` of them before they are asked for, and one more at a time.
pub fn prefetch<Input: Send, R>(
    n_waiting: usize,
    inputs: impl Iterator<Item = Input> + Send,
    take: impl FnOnce(&mut dyn Iterator<Item = Input>) -> R,
) -> R {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(n_waiting);
        scope.spawn(move || {
            for input in inputs {
                if sender.send(input).is_err() {
                    return; // whoever took them has failed and wants nothing more
                }
            }
        });
        take(&mut receiver.into_iter())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn inputs_come_in_order() {
        let taken = prefetch(2, 0..100, |inputs| inputs.collect::<Vec<i32>>());
        assert_eq!(taken, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_nobody_takes_is_not_made() {
        let n_made = AtomicUsize::new(0);
        let made = (0..1000).inspect(|_| {
            n_made.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(prefetch(2, made, |inputs| inputs.next()), Some(0));
        // The one taken, two that wait, and one whose sending failed.
        assert!(n_made.load(Ordering::Relaxed) <= 4);
    }
}
