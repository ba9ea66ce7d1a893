//! One worker process: a trial's job goes in on its standard input, events come out as JSON lines.
//!
//! The worker's standard input stays open while it is wanted. When it closes, because this process
//! stopped it or died, the worker ends itself; so no worker outlives its run. A line [`PAUSE`] on it asks the worker to
//! keep the middle of its trial, and to end.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::Sender,
    thread::{self, JoinHandle},
};

use clsrl_files::limit;
use clsrl_spec::TrialEvent;

use crate::{
    StoreError,
    failure::{Failed, FailureKind},
};

/// The signal that cannot be caught.
const KILL: i32 = 9;

/// The line that asks a worker to keep the middle of its trial, and to end.
pub const PAUSE: &str = "pause";

/// Lines of a failed worker's standard error that are kept.
const N_TAIL_LINES: usize = 20;

/// What libtorch, CUDA and its libraries say of a GPU that does not do what it should.
const GPU_FAILED: [&str; 6] = [
    "CUDA error",
    "CUDA driver error",
    "CUDA_ERROR_",
    "CUBLAS_STATUS_",
    "CUDNN_STATUS_",
    "device `cuda",
];

/// What they say where a GPU's memory has run out.
const OUT_OF_MEMORY: [&str; 3] =
    ["out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "STATUS_NOT_INITIALIZED"];

/// SIGHUP, SIGINT and SIGTERM: what a worker dies of only before it has begun to disregard them.
const ENDING_SIGNALS: [i32; 3] = [1, 2, 15];

/// The most bytes of a line of them.
const MAX_TAIL_LINE: u64 = 1 << 16;

/// How a worker is started.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables set in its environment.
    pub env: Vec<(String, String)>,
    /// The exit code by which it says that weights or data are not what they should be.
    pub differs: i32,
}

/// Why a run ends before its last trial.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The results folder fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No worker can be started.
    #[error("cannot start the worker `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What a worker sends, with the index of its task.
pub(crate) enum Message {
    /// An event of the trial.
    Event(usize, TrialEvent),
    /// Its standard output is closed: it ended, or is about to.
    Closed(usize),
}

/// A worker that runs.
pub(crate) struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    tail: Option<JoinHandle<Vec<String>>>,
    differs: i32,
}

impl Worker {
    /// Starts a worker on a job; its messages go to the channel.
    pub fn start(
        (command, env): (&WorkerCommand, &[(String, String)]),
        job: &str,
        task_idx: usize,
        messages: Sender<Message>,
    ) -> Result<Self, RunError> {
        let start_error = |source| RunError::Start { program: command.program.clone(), source };
        let mut to_start = Command::new(&command.program);
        to_start
            .args(&command.args)
            .envs(command.env.iter().chain(env).map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // An interrupt from the terminal reaches this process alone, which then stops its workers.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut to_start, 0);
        let mut child = to_start.spawn().map_err(start_error)?;
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let tail = thread::spawn(move || last_lines(stderr));
        thread::spawn(move || forward_events(stdout, task_idx, &messages));
        // A worker that dies before it reads its job shows up as closed; that report is the better one.
        let _ = writeln!(stdin, "{job}").and_then(|()| stdin.flush());
        Ok(Worker { child, stdin: Some(stdin), tail: Some(tail), differs: command.differs })
    }

    /// Asks the worker to keep the middle of its trial, and to end. One that has ended already needs not be asked.
    pub fn ask_to_pause(&mut self) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{PAUSE}").and_then(|()| stdin.flush());
        }
    }

    /// Waits for the worker's end; returns how it failed, if so, and the last lines of its standard error.
    pub fn finish(mut self) -> (Result<(), Failed>, Vec<String>) {
        self.stdin.take();
        let ended = self.child.wait();
        let tail = self.tail.take().and_then(|tail| tail.join().ok()).unwrap_or_default();
        let ended = match ended {
            Ok(status) => ended_well(status, self.differs, &tail),
            Err(error) => {
                let reason = format!("its worker cannot be waited for: {error}");
                Err(Failed { kind: FailureKind::Reported, reason })
            }
        };
        (ended, tail)
    }
}

fn ended_well(status: ExitStatus, differs: i32, tail: &[String]) -> Result<(), Failed> {
    let (kind, reason) = match (status.code(), status.signal()) {
        (Some(0), _) => return Ok(()),
        (Some(code), _) if code == differs => {
            (FailureKind::Differs, "weights or data are not what they should be".to_owned())
        }
        // Nothing else is as eager to end a process that was not asked to.
        (_, Some(KILL)) => {
            let reason = format!(
                "its worker ended with {status}: the system had too little memory, as it seems"
            );
            (FailureKind::Killed, reason)
        }
        (_, Some(signal)) if ENDING_SIGNALS.contains(&signal) => {
            (FailureKind::Signalled, format!("its worker ended with {status}"))
        }
        (_, Some(_)) => (FailureKind::Crashed, format!("its worker ended with {status}")),
        _ if is_of_gpu(tail) => {
            (FailureKind::Device, format!("its GPU failed, and its worker ended with {status}"))
        }
        _ => (FailureKind::Reported, format!("its worker ended with {status}")),
    };
    Err(Failed { kind, reason })
}

/// Whether a worker's last words are of CUDA and its libraries, but for memory, which is the trial's own affair.
fn is_of_gpu(tail: &[String]) -> bool {
    let says =
        |words: &[&str]| tail.iter().any(|line| words.iter().any(|word| line.contains(word)));
    says(&GPU_FAILED) && !says(&OUT_OF_MEMORY)
}

impl Drop for Worker {
    /// Stops a worker that was not waited for.
    fn drop(&mut self) {
        if self.tail.is_some() {
            // It fails only if the worker has ended already.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn forward_events(stdout: impl Read, task_idx: usize, messages: &Sender<Message>) {
    for line in clsrl_files::lines(BufReader::new(stdout), limit::RECORD) {
        let Ok(line) = line else { break };
        // Libraries below may print to standard output; what is no event is none of ours.
        let Ok(event) = serde_json::from_str(&line) else { continue };
        if messages.send(Message::Event(task_idx, event)).is_err() {
            return;
        }
    }
    // The receiver is gone only when the run is over.
    let _ = messages.send(Message::Closed(task_idx));
}

fn last_lines(stderr: impl Read) -> Vec<String> {
    let mut tail = VecDeque::new();
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    // A longer line comes in pieces.
    while matches!(reader.by_ref().take(MAX_TAIL_LINE).read_until(b'\n', &mut line), Ok(n) if 0 < n)
    {
        if tail.len() == N_TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    tail.into()
}
