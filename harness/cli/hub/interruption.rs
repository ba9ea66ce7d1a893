//! How a fetch ends at a signal: what came so far is kept, and that is said.

use std::time::Duration;

use indicatif::MultiProgress;

use crate::{ending::Signals, output::note};

/// How long a fetch may go on after a signal; then it waits for a server that says nothing.
const GRACE: Duration = Duration::from_secs(2);

/// What is said then.
pub const INTERRUPTED: &str =
    "interrupted: what came so far is kept\nhint: run the same command again to go on";

/// Lets the first signal ask a fetch to stop, and ends the program soon after if it does not.
pub fn stop_soon(signals: &Signals, bars: MultiProgress) {
    signals.ask_first();
    signals.end_after(GRACE, move || {
        // It fails only if the terminal is gone.
        let _ = bars.clear();
        note(INTERRUPTED);
    });
}
