//! Requests until there is an answer: what is tried again, how often, and after how long a wait.

use std::{
    io::Read,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::{
    address::Address,
    client::{Answer, CallError, Client, Rest},
    error::FetchError,
};

/// How often in a row something may fail.
const MAX_ATTEMPTS: u32 = 6;

/// The wait after the first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait that a server may ask for.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// How many bytes show that a connection is worth going on with.
const PROGRESS: u64 = 1 << 20;

/// How long a pause goes on after it was asked to stop, at most.
const STEP: Duration = Duration::from_millis(100);

/// What happens while files are fetched.
#[derive(Debug, Clone, Copy)]
pub enum FetchEvent<'e> {
    /// What lies there of a file is read and compared with its digest.
    Checking {
        /// The file.
        name: &'e str,
        /// Its bytes.
        size: u64,
    },
    /// A file is unpacked.
    Unpacking {
        /// The file.
        name: &'e str,
        /// Its bytes.
        size: u64,
    },
    /// A file begins to come.
    Fetching {
        /// The file.
        name: &'e str,
        /// Its bytes.
        size: u64,
        /// How many of them are there from before.
        from: u64,
    },
    /// This many bytes were read or came.
    Bytes(u64),
    /// What came of the file is of no use; it begins anew.
    Again {
        /// The file.
        name: &'e str,
        /// Why.
        reason: &'e str,
    },
    /// A file has its name.
    Done {
        /// The file.
        name: &'e str,
    },
    /// It failed, and is tried again.
    Waiting {
        /// Why it failed.
        reason: &'e str,
        /// For how long it waits.
        wait: Duration,
    },
    /// Another process is fetching the same file.
    Held {
        /// The file.
        name: &'e str,
    },
}

/// A client at work: with somebody who listens, and who may stop it.
pub struct Session<'s> {
    pub(crate) client: &'s Client,
    stop: &'s AtomicBool,
    pause: &'s dyn Fn(Duration),
    on_event: &'s mut dyn FnMut(FetchEvent<'_>),
    /// Whether anything answered yet. Until then a name that is not found is no passing trouble.
    is_reached: bool,
}

/// How often something failed.
#[derive(Debug)]
pub(crate) struct Attempts {
    what: String,
    n_failed: u32,
    n_bytes: u64,
}

impl<'s> Session<'s> {
    /// Begins to work; `pause` waits, see [`sleep_unless`].
    pub fn new(
        client: &'s Client,
        stop: &'s AtomicBool,
        pause: &'s dyn Fn(Duration),
        on_event: &'s mut dyn FnMut(FetchEvent<'_>),
    ) -> Self {
        Session { client, stop, pause, on_event, is_reached: false }
    }

    /// Sends an event to whoever listens.
    pub fn send(&mut self, event: FetchEvent<'_>) {
        (self.on_event)(event);
    }

    pub(crate) fn check_stop(&self) -> Result<(), FetchError> {
        if self.stop.load(Ordering::Relaxed) { Err(FetchError::Stopped) } else { Ok(()) }
    }

    pub(crate) fn pause(&mut self, wait: Duration) -> Result<(), FetchError> {
        self.check_stop()?;
        (self.pause)(wait);
        self.check_stop()
    }

    /// Asks until there is an answer that says something: never one of 408, 429 or 5xx.
    pub(crate) fn get(
        &mut self,
        address: &Address,
        rest: Option<Rest>,
        attempts: &mut Attempts,
    ) -> Result<Answer, FetchError> {
        loop {
            self.check_stop()?;
            let answer = match self.client.get(address, rest) {
                Ok(answer) => answer,
                Err(CallError::Fatal(error)) => return Err(error),
                Err(CallError::Cut(address, error)) if !self.is_reached && is_nobody(&error) => {
                    return Err(FetchError::Unreachable {
                        address: address.to_string(),
                        source: error,
                    });
                }
                Err(CallError::Cut(address, error)) => {
                    attempts.failed(self, &format!("{address}: {error}"), None)?;
                    continue;
                }
            };
            self.is_reached = true;
            if !matches!(answer.status, 408 | 429 | 500..=599) {
                return Ok(answer);
            }
            let asked = answer.header("retry-after").and_then(seconds).map(Duration::from_secs);
            let (status, address) = (answer.status, answer.address.to_string());
            if let Some(wait) = asked.filter(|wait| MAX_WAIT < *wait) {
                return Err(FetchError::Busy { address, seconds: wait.as_secs() });
            }
            let message = answer.message();
            let separator = if message.is_empty() { "" } else { ": " };
            attempts.failed(
                self,
                &format!("{address} answered {status}{separator}{message}"),
                asked,
            )?;
        }
    }

    /// Asks for a text of at most `max_bytes` bytes; an answer but 200 is `refused`.
    pub(crate) fn read(
        &mut self,
        address: &Address,
        what: &str,
        max_bytes: u64,
    ) -> Result<(Vec<u8>, Answer), FetchError> {
        let mut attempts = Attempts::new(what);
        loop {
            let mut answer = self.get(address, None, &mut attempts)?;
            if answer.status != 200 {
                return Err(self.refusal(answer, what));
            }
            let mut bytes = Vec::new();
            let mut reader = answer.body.as_reader().take(max_bytes + 1);
            match reader.read_to_end(&mut bytes) {
                Ok(_) if max_bytes < bytes.len() as u64 => {
                    let what = format!("more than {max_bytes} bytes of {what}");
                    return Err(FetchError::Hostile { address: answer.address.to_string(), what });
                }
                Ok(_) => return Ok((bytes, answer)),
                Err(error) => {
                    attempts.failed(self, &format!("{}: {error}", answer.address), None)?
                }
            }
        }
    }

    /// Says why an answer is not what was asked for.
    pub(crate) fn refusal(&self, answer: Answer, what: &str) -> FetchError {
        let (status, address) = (answer.status, answer.address.to_string());
        let host = answer.address.host().to_owned();
        let code = answer.header("x-error-code").unwrap_or("").to_owned();
        let what = what.to_owned();
        match (code.as_str(), status) {
            ("RepoNotFound" | "RevisionNotFound" | "EntryNotFound", _) | (_, 404 | 410) => {
                FetchError::NotFound { host, what, status }
            }
            (code, 401 | 403 | 451) => {
                let is_gated = code == "GatedRepo";
                FetchError::Denied { host, what, status, message: answer.message(), is_gated }
            }
            _ => FetchError::Status { address, status, message: answer.message() },
        }
    }
}

impl Attempts {
    pub(crate) fn new(what: &str) -> Self {
        Attempts { what: what.to_owned(), n_failed: 0, n_bytes: 0 }
    }

    /// Counts bytes that came and stay; enough of them forgive every failure before.
    pub(crate) fn progressed(&mut self, n_bytes: u64) {
        self.n_bytes += n_bytes;
        if PROGRESS <= self.n_bytes {
            (self.n_failed, self.n_bytes) = (0, 0);
        }
    }

    /// Counts a failure, and waits or gives up.
    pub(crate) fn failed(
        &mut self,
        session: &mut Session,
        reason: &str,
        asked: Option<Duration>,
    ) -> Result<(), FetchError> {
        self.n_failed += 1;
        if MAX_ATTEMPTS <= self.n_failed {
            return Err(FetchError::GaveUp {
                what: self.what.clone(),
                n_attempts: self.n_failed,
                reason: reason.to_owned(),
            });
        }
        let wait = asked.unwrap_or(FIRST_WAIT * (1 << (self.n_failed - 1)));
        session.send(FetchEvent::Waiting { reason, wait });
        session.pause(wait)
    }
}

/// A pause that ends when it is asked to stop.
pub fn sleep_unless(stop: &AtomicBool) -> impl Fn(Duration) + '_ {
    move |mut wait| {
        while !wait.is_zero() && !stop.load(Ordering::Relaxed) {
            let step = wait.min(STEP);
            thread::sleep(step);
            wait -= step;
        }
    }
}

/// Whether there is no such host, or nobody listens there.
fn is_nobody(error: &ureq::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => {
            matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
        }
        _ => false,
    }
}

/// The seconds of a `Retry-After`. A date is not read; the usual wait serves as well.
fn seconds(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
