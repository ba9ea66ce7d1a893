//! The verbs that compute, in a program that was built without libtorch: each says so.

use anyhow::anyhow;

use crate::{
    device::Device,
    ending::Signals,
    exit::Exit,
    options::{
        BenchOptions, DoctorOptions, PredictOptions, PretrainOptions, RunOptions, TaskOptions,
    },
    progress::Detail,
};

/// Refuses to run a suite.
pub fn run(_: &RunOptions, _: &Signals, _: Detail) -> anyhow::Result<Exit> {
    Err(missing("run"))
}

/// Refuses to run a task.
pub fn run_task(_: &TaskOptions, _: &Signals, _: Detail) -> anyhow::Result<Exit> {
    Err(missing("run"))
}

/// Refuses to run a trial.
pub fn trial() -> anyhow::Result<Exit> {
    Err(missing("trial"))
}

/// Refuses to look for a device.
pub fn probe(_: &Device) -> anyhow::Result<Exit> {
    Err(missing("trial"))
}

/// Refuses to train.
pub fn pretrain_model(_: &PretrainOptions, _: Detail) -> anyhow::Result<Exit> {
    Err(missing("tiny pretrain"))
}

/// Refuses to time anything.
pub fn bench(_: &BenchOptions, _: Detail) -> anyhow::Result<Exit> {
    Err(missing("bench"))
}

/// Refuses to name pictures.
pub fn predict(_: &PredictOptions) -> anyhow::Result<Exit> {
    Err(missing("predict"))
}

/// Refuses to check anything.
pub fn doctor(_: &DoctorOptions, _: Detail) -> anyhow::Result<Exit> {
    Err(missing("doctor"))
}

fn missing(verb: &str) -> anyhow::Error {
    Exit::Usage.because(anyhow!(
        "this program was built without libtorch, which `{verb}` needs\n\
         hint: build it without --no-default-features"
    ))
}
