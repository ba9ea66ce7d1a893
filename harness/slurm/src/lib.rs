//! Slurm as it is installed everywhere: batch scripts, job arrays, and its commands.
//!
//! Owns what Slurm is told and what it answers. Refuses to know what a task computes: that is a command line, and the
//! truth about it is in files that others keep. What `squeue` says is a hint, and `sacct` is never asked.

mod time_limit;
mod settings;
mod script;
mod pack;
mod command;
mod queue;
mod element;

pub use command::{Slurm, SlurmError, Submitted, array_args, report_args};
pub use element::Element;
pub use pack::{Packed, arrays, pack_tasks};
pub use queue::{Array, Jobs, Queued};
pub use script::{ReportScript, TaskScript, quote};
pub use settings::{Container, Runtime, Settings};
pub use time_limit::TimeLimit;
