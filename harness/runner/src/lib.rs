//! Many trials: what is done, what is left, and doing it, one process per trial.
//!
//! Owns the results folder and the order of the work. Refuses to know how a model is trained: a trial
//! is somebody else's process, or a function handed in.

mod run;
mod failure;
mod status;
mod task;
mod store;
mod worker;
mod cost;
mod shard;
mod merge;

#[cfg(test)]
mod made;

pub use cost::cost_ms;
pub use failure::{Failed, Failure, FailureKind};
pub use merge::{Conflict, Merged, merge};
pub use run::{RunEvent, Runner, Sharing, Slot, Summary};
pub use shard::{Shard, pack};
pub use status::{
    Replaced, State, TrialStatus, find_replaced, keep_earlier, rescorable_statuses, stored_binding,
    trial_statuses, unknown_status,
};
pub(crate) use store::Stored;
pub use store::{
    Claim, Claims, FailureNote, Held, Holder, Kept, LastRun, NOT_RUN, Store, StoreError, StoreLock,
    TakeFrom, Verified, fine_tune_of,
};
pub use task::{Task, tasks};
pub use worker::{PAUSE, RunError, WorkerCommand};
