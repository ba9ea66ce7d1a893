//! How the program ends before its verb does: signals, and panics, which are bugs.
//!
//! Whatever the reason, the process ends without exit handlers and without C++ destructors: libtorch's would run
//! under the feet of threads that still compute, and some of those ends are aborts.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    io,
    panic::{self, PanicHookInfo, UnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ},
    flag, low_level,
};

use crate::{exit::Exit, output::note};

/// What asks the program to end, and the code that it ends with.
const ENDINGS: [(i32, Exit); 3] =
    [(SIGINT, Exit::Interrupted), (SIGTERM, Exit::Terminated), (SIGHUP, Exit::Terminated)];

/// How often it is looked whether there was a signal.
const LOOK: Duration = Duration::from_millis(100);

/// Whether any thread has panicked over something that nobody expected.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// What signals do, from the program's start to its end.
pub struct Signals {
    /// While true, a signal ends the program at once.
    at_once: Arc<AtomicBool>,
    /// Becomes true at the first signal that does not.
    stop: Arc<AtomicBool>,
    /// Which one that was.
    number: Arc<AtomicUsize>,
    /// Becomes true when the program is to end where it can go on.
    pause: Arc<AtomicBool>,
}

impl Signals {
    /// Lets SIGINT, SIGTERM and SIGHUP end the program at once, with their codes; writing to a full disk, or past
    /// the largest file that is allowed, is an error and no signal.
    ///
    /// To be called before any thread is started.
    pub fn listen() -> anyhow::Result<Self> {
        keep_from_threads_that_compute()?;
        let signals = Signals {
            at_once: Arc::new(AtomicBool::new(true)),
            stop: Arc::default(),
            number: Arc::default(),
            pause: Arc::default(),
        };
        for (number, exit) in ENDINGS {
            // Under `nohup` it stays ignored.
            if number != SIGHUP || !is_ignored(number) {
                signals.register(number, exit).context("cannot listen to signals")?;
            }
        }
        disregard(SIGXFSZ)?;
        Ok(signals)
    }

    /// Lets the first signal ask to stop instead; the second one ends the program at once all the same.
    pub fn ask_first(&self) {
        self.at_once.store(false, Ordering::SeqCst);
    }

    /// Ends the program, printing the message, if it still works so long after the first signal: it may wait
    /// for something that never comes. What it works on must be whole, or resumable, at any moment.
    pub fn end_after(&self, grace: Duration, message: impl FnOnce() + Send + 'static) {
        let (at_once, stop) = (Arc::clone(&self.at_once), Arc::clone(&self.stop));
        let number = Arc::clone(&self.number);
        thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                thread::sleep(LOOK);
            }
            thread::sleep(grace);
            if !at_once.load(Ordering::SeqCst) {
                message();
                leave(exit_of(number.load(Ordering::SeqCst)).unwrap_or(Exit::Interrupted));
            }
        });
    }

    /// Lets signals end the program at once again; the code to end with if there was one.
    pub fn end_at_once(&self) -> Option<Exit> {
        self.at_once.store(true, Ordering::SeqCst);
        self.requested_exit()
    }

    /// Becomes true when the program is to stop.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Lets SIGUSR1, which schedulers send some time before they end a job, ask to end where it can go on; so does the
    /// end of a time, if there is one.
    pub fn pause_if_asked(&self, after: Option<Duration>) -> anyhow::Result<()> {
        flag::register(SIGUSR1, Arc::clone(&self.pause)).context("cannot listen to signals")?;
        if let Some(after) = after {
            let pause = Arc::clone(&self.pause);
            thread::spawn(move || {
                thread::sleep(after);
                pause.store(true, Ordering::SeqCst);
            });
        }
        Ok(())
    }

    /// Becomes true when the program is to end where it can go on.
    pub fn pause(&self) -> &AtomicBool {
        &self.pause
    }

    fn requested_exit(&self) -> Option<Exit> {
        exit_of(self.number.load(Ordering::SeqCst)).filter(|_| self.stop.load(Ordering::SeqCst))
    }

    fn register(&self, number: i32, exit: Exit) -> io::Result<()> {
        // In this order: the flag that arms the hard end is still down at the first signal.
        for end_if in [&self.at_once, &self.stop] {
            flag::register_conditional_shutdown(number, exit as i32, Arc::clone(end_if))?;
        }
        flag::register_usize(number, Arc::clone(&self.number), number as usize)?;
        flag::register(number, Arc::clone(&self.stop))?;
        Ok(())
    }
}

fn exit_of(number: usize) -> Option<Exit> {
    let found = ENDINGS.into_iter().find(|&(ending, _)| ending as usize == number);
    found.map(|(_, exit)| exit)
}

/// Lets a worker obey its standard input alone: who stops a whole process group, or a job on a cluster, stops the
/// run, and the run its workers.
///
/// To be called instead of [`Signals::listen`].
pub fn obey_standard_input_alone() -> anyhow::Result<()> {
    keep_from_threads_that_compute()?;
    for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXFSZ] {
        disregard(number)?;
    }
    Ok(())
}

/// Lets signals interrupt a thread of their own and no other.
///
/// A kernel writes what a handler needs below the stack pointer of the thread that it interrupts. Products of matrices
/// in libtorch keep other things there: of workers that got signals while they trained, each ended with a damaged heap.
fn keep_from_threads_that_compute() -> anyhow::Result<()> {
    let numbers =
        [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];
    let signals: SigSet = numbers.into_iter().collect();
    // Threads that are started later block what this one does; processes start with nothing blocked.
    signals.thread_block().context("cannot block signals")?;
    let takes_them = move || {
        if let Err(error) = signals.thread_unblock() {
            note(&format!("signals are not answered: {error}"));
        }
        loop {
            thread::park();
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(takes_them)
        .context("cannot start a thread for signals")?;
    Ok(())
}

/// A handler that does nothing rather than ignoring, so that children start as they would otherwise.
fn disregard(number: i32) -> anyhow::Result<()> {
    flag::register(number, Arc::default()).context("cannot listen to signals")?;
    Ok(())
}

fn is_ignored(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (number - 1)) != 0)
}

/// Runs a verb; a panic in it is reported and ends with code 1, as does one in any other thread.
pub fn without_panics(verb: impl FnOnce() -> Exit + UnwindSafe) -> Exit {
    panic::set_hook(Box::new(tell_panic));
    match panic::catch_unwind(verb) {
        Ok(Exit::Ok) if PANICKED.load(Ordering::SeqCst) => Exit::Unexpected,
        Ok(exit) => exit,
        Err(_) => Exit::Unexpected,
    }
}

/// Ends the process; everything that it prints is flushed where it is printed.
pub fn leave(exit: Exit) -> ! {
    low_level::exit(exit as i32)
}

fn tell_panic(panic: &PanicHookInfo<'_>) {
    PANICKED.store(true, Ordering::SeqCst);
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace = match backtrace.status() {
        BacktraceStatus::Captured => format!("{backtrace}"),
        _ => String::new(),
    };
    note(&(report(message(panic.payload()), &place, thread::current().name()) + &backtrace));
}

fn report(message: &str, place: &str, thread: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let thread = thread.unwrap_or("of no name");
    format!(
        "error: this is a bug: {}\n  in clsrl-bench {version} at {place}, thread {thread}\n\
         hint: please report these lines and the command; RUST_BACKTRACE=1 tells more",
        message.trim_end()
    )
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command};

    use rayon::prelude::*;

    use super::*;

    /// Set for the processes in which a panic is wanted.
    const WANTED: &str = "CLSRL_TEST_PANIC";

    fn panics(kind: &str) -> Exit {
        match kind {
            "here" => panic!("as wanted \u{1b}[31m"),

            "rayon" => (0..8).into_par_iter().for_each(|n| assert!(n < 5, "as wanted")),
            _ => drop(thread::spawn(|| panic!("as wanted")).join()),
        }
        Exit::Ok
    }

    #[test]
    fn a_panic_in_any_thread_ends_with_1_and_a_report() {
        if let Ok(kind) = env::var(WANTED) {
            leave(without_panics(|| panics(&kind)));
        }
        for kind in ["here", "rayon", "thread"] {
            let name = "ending::tests::a_panic_in_any_thread_ends_with_1_and_a_report";
            let output = Command::new(env::current_exe().unwrap())
                .args(["--exact", name, "--nocapture"])
                .env(WANTED, kind)
                .env_remove("RUST_BACKTRACE")
                .output()
                .unwrap();
            let message = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{kind}: {message}");
            assert!(message.starts_with("error: this is a bug: "), "{message}");
            assert!(
                message.contains("ending.rs") && message.contains("please report"),
                "{message}"
            );
            assert!(
                !message.contains('\u{1b}') && !message.contains("RUST_BACKTRACE=full"),
                "{message}"
            );
        }
    }
}
