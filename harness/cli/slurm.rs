//! `slurm`: a suite as arrays of Slurm's, from the machine where jobs are submitted.
//!
//! The truth about trials is in their records and claims. What the queue says is shown beside it.

mod submission;
mod submit;
mod status;
mod logs;
mod cancel;

pub use self::{
    cancel::{CancelOptions, cancel},
    logs::{LogsOptions, logs},
    status::{StatusOptions, status},
    submit::{SlurmOptions, SubmitOptions, submit},
};
