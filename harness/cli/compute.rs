//! The verbs that compute: everything that needs libtorch, and nothing else does.
//!
//! A program that is built without the feature `libtorch` has [`crate::compute`] from
//! `compute_missing.rs` instead.

mod environment;
mod run;
mod task;
mod job;
mod announce;
mod trial;
mod probe;
mod pretrain;
mod predict;
mod bench;
mod doctor;
mod preflight;
mod room;
mod machine;

use clsrl_libtorch::{catch_out_of_memory, silence_out_of_memory};

pub use self::pretrain::pretrain_model;
use crate::{
    device::Device,
    ending::Signals,
    exit::Exit,
    options::{BenchOptions, DoctorOptions, PredictOptions, RunOptions, TaskOptions},
    progress::Detail,
};

/// Runs what is left of a suite.
pub fn run(options: &RunOptions, signals: &Signals, detail: Detail) -> anyhow::Result<Exit> {
    within_memory(|| run::run(options, signals, detail))
}

/// Runs one task of a plan.
pub fn run_task(options: &TaskOptions, signals: &Signals, detail: Detail) -> anyhow::Result<Exit> {
    within_memory(|| task::run_task(options, signals, detail))
}

/// Runs one trial as its worker.
pub fn trial() -> anyhow::Result<Exit> {
    within_memory(trial::trial)
}

/// Ends well if a device is there.
pub fn probe(device: &Device) -> anyhow::Result<Exit> {
    trial::check_device(&device.to_string()).map(|()| Exit::Ok)
}

/// Times what is asked for.
pub fn bench(options: &BenchOptions, detail: Detail) -> anyhow::Result<Exit> {
    within_memory(|| bench::bench(options, detail))
}

/// Names pictures with a kept checkpoint.
pub fn predict(options: &PredictOptions) -> anyhow::Result<Exit> {
    within_memory(|| predict::predict(options))
}

/// Checks whether models compute here what they should, and whether a suite can be run.
pub fn doctor(options: &DoctorOptions, detail: Detail) -> anyhow::Result<Exit> {
    within_memory(|| match &options.suite {
        Some(suite) => preflight::preflight(options, suite, detail),
        None => doctor::doctor(options),
    })
}

/// Calls a verb for which a device without memory is an error as others are.
fn within_memory(verb: impl FnOnce() -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    silence_out_of_memory();
    catch_out_of_memory(verb)?
}
