//! Everything that keeps a model from being fetched.

use std::{io, path::PathBuf};

use clsrl_spec::ModelId;

/// A model that cannot be fetched, or not yet. No text has the token or the query of an address.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// An address that is never asked.
    #[error("the address `{found}` is not asked: {why}")]
    Address {
        /// What was found.
        found: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nothing may be asked.
    #[error("{address} is not asked: the network is not to be used")]
    Offline {
        /// What would have been asked.
        address: String,
    },
    /// The model is not here, and nothing may be asked.
    #[error("`{id}` is not whole in `{}`", dir.display())]
    NotHere {
        /// The model.
        id: ModelId,
        /// Where it would be.
        dir: PathBuf,
    },
    /// A proxy that cannot be used.
    #[error("the proxy cannot be used")]
    Proxy(#[source] Box<ureq::Error>),
    /// The hub does not know the model, the revision or the file, or does not say so to everybody.
    #[error("{host} has no {what}, or shows it to others only ({status})")]
    NotFound {
        /// The hub.
        host: String,
        /// What was asked for.
        what: String,
        /// The answer.
        status: u16,
    },
    /// The hub knows it and does not hand it out.
    #[error("{host} does not hand out {what} ({status}){}", said(.message))]
    Denied {
        /// The hub.
        host: String,
        /// What was asked for.
        what: String,
        /// The answer.
        status: u16,
        /// What the hub says of it.
        message: String,
        /// Whether its owners want to be asked first.
        is_gated: bool,
    },
    /// An answer that nobody expects.
    #[error("{address} answered {status}{}", said(.message))]
    Status {
        /// What was asked.
        address: String,
        /// The answer.
        status: u16,
        /// What the server says of it.
        message: String,
    },
    /// Nothing answered at all, or not as an encrypted server of that name does.
    #[error("{address} cannot be reached")]
    Unreachable {
        /// What was asked.
        address: String,
        /// Why not.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The server wants to be left alone for longer than is waited.
    #[error("{address} asks to wait {seconds} s before the next request")]
    Busy {
        /// What was asked.
        address: String,
        /// For how long.
        seconds: u64,
    },
    /// Tried as often as anything is tried.
    #[error("{what} could not be had in {n_attempts} attempts; the last: {reason}")]
    GaveUp {
        /// What was asked for.
        what: String,
        /// How often.
        n_attempts: u32,
        /// Why the last attempt failed.
        reason: String,
    },
    /// An answer that no hub gives.
    #[error("{address} answers with {what}")]
    Hostile {
        /// What was asked.
        address: String,
        /// What is wrong.
        what: String,
    },
    /// A page of the web came instead of a file.
    #[error("{address} answers with a page of the web instead of `{name}`")]
    Page {
        /// What was asked.
        address: String,
        /// The file.
        name: String,
    },
    /// A server that does not say how long a file is, where it may be too long to be taken at once.
    #[error("{address} does not say how long `{name}` is, and it is longer than {max_bytes} bytes")]
    NoLength {
        /// What was asked.
        address: String,
        /// The file.
        name: String,
        /// The most bytes that are taken of such a file.
        max_bytes: u64,
    },
    /// The bytes are not those that their digest says, twice.
    #[error(
        "{name}: the bytes that came are not those that were published\n  expected {expected}, found {found}"
    )]
    WrongBytes {
        /// The file.
        name: String,
        /// The digest that the hub lists.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// The model is not the one that is locked.
    #[error("`{id}` differs from the lock\n  {}", .differences.join("\n  "))]
    Locked {
        /// The model.
        id: ModelId,
        /// What differs.
        differences: Vec<String>,
    },
    /// There is nothing that this program reads.
    #[error("`{id}` has no {missing}{}", if *.is_pickled { ", only pickled weights, which can run programs" } else { "" })]
    Unusable {
        /// The model.
        id: ModelId,
        /// What is missing.
        missing: String,
        /// Whether there are weights as pickles, which are never fetched.
        is_pickled: bool,
    },
    /// The disk is too small.
    #[error(
        "`{}` has {free} bytes free, and {needed} are needed",
        dir.display()
    )]
    NoSpace {
        /// Where it was to go.
        dir: PathBuf,
        /// What is needed, in bytes, with a margin.
        needed: u64,
        /// What is there, in bytes.
        free: u64,
    },
    /// Another file stands where one was to go.
    #[error("`{}` is there with other contents, and was not fetched from the hub", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was asked to stop; what came so far is kept.
    #[error("interrupted; what came so far is kept")]
    Stopped,
    /// A file here cannot be read or written.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was to be done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's word on it.
        #[source]
        source: io::Error,
    },
}

impl FetchError {
    /// Whether there is no room for what was to be written.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let FetchError::Io { source, .. } = self else { return false };
        matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }

    /// Makes an error of a file's.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| FetchError::Io { doing, path: path.into(), source }
    }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
