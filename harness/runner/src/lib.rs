//! Many trials: what is done, what is left, and doing it, one process per trial.
//!
//! Owns the results folder and the order of the work. Refuses to know how a model is trained: a trial
//! is somebody else's process, or a function handed in.

#[cfg(test)]
mod made;
mod run;
mod status;
mod store;
mod task;
mod worker;

pub use run::{Failure, RunEvent, Runner, Summary};
pub use status::{State, TrialStatus, stored_binding, trial_statuses};
pub use store::{LastRun, Store, StoreError, StoreLock, Stored};
pub use task::{Task, tasks};
pub use worker::{RunError, WorkerCommand};
