//! Interrupts: the first one asks the run to stop, the second ends the program at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use anyhow::Context;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use crate::exit::Exit;

/// What signals said so far.
pub struct Interrupt {
    stop: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Starts to listen to SIGINT and SIGTERM.
    pub fn listen() -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM] {
            // In this order: the flag that arms the hard end is still down at the first signal.
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&stop))
                .and_then(|_| flag::register_usize(number, Arc::clone(&signal), number as usize))
                .and_then(|_| flag::register(number, Arc::clone(&stop)))
                .context("cannot listen to signals")?;
        }
        Ok(Interrupt { stop, signal })
    }

    /// Becomes true at the first signal.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// The exit code that the last signal asks for.
    pub fn exit(&self) -> Exit {
        match self.signal.load(Ordering::Relaxed) {
            number if number == SIGTERM as usize => Exit::Terminated,
            _ => Exit::Interrupted,
        }
    }
}
