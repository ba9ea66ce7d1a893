//! `trial`: one worker. Reads a job, runs it, writes events as JSON lines.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, anyhow};
use clsrl_engine::{TrialJob, recognise_model, run_trial};
use clsrl_files::limit;
use clsrl_libtorch::load_cuda_backend;
use clsrl_runner::PAUSE;
use clsrl_vlm::device::parse_device;

use crate::{
    ending,
    exit::{Exit, describe},
    output::send,
};

/// Runs the job on the first line of standard input; at a line that asks for it the worker keeps the middle of its trial
/// and ends, and when standard input ends, so does the worker.
pub fn trial() -> anyhow::Result<Exit> {
    let line = clsrl_files::lines(io::stdin().lock(), limit::JOB).next();
    let line = line.unwrap_or_else(|| Ok(String::new())).context("cannot read the job")?;
    let job: TrialJob =
        serde_json::from_str(&line).context("the job is not one of this program")?;
    open_backend(&job.device.to_string())?;
    let pause = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&pause);
    thread::spawn(move || {
        // An error means the same as the end: nobody wants the results any more.
        let lines = clsrl_files::lines(io::stdin().lock(), limit::JOB).map_while(Result::ok);
        lines.filter(|line| line == PAUSE).for_each(|_| asked.store(true, Ordering::Relaxed));
        ending::leave(Exit::Terminated);
    });
    // By this code the run that started it knows, too.
    run_trial(&job, &pause, &mut |event| send(&event)).map_err(|error| {
        match error.is_difference() {
            true => Exit::Differs.because(error),
            false => error.into(),
        }
    })?;
    Ok(Exit::Ok)
}

/// Fails at once where every trial would: at a device that is not there.
pub fn check_device(device: &str) -> anyhow::Result<()> {
    open_backend(device)
        .and_then(|()| Ok(parse_device(device).map(|_| ())?))
        .map_err(|error| Exit::Usage.because(error))
}

/// Fails at once where every trial would, at a model that cannot be loaded; returns how its files were written.
pub fn check_model(dir: &Path) -> anyhow::Result<String> {
    let mut errors = match recognise_model(dir) {
        Ok(recognised) => return Ok(recognised),
        Err(errors) => errors,
    };
    let error = match errors.len() {
        1 => anyhow::Error::new(errors.remove(0)),
        n => {
            let message: String = errors.into_iter().map(|error| describe(&error.into())).collect();
            let message = message.trim_end().replace("error: ", "");
            anyhow!("{n} parts of the model do not load\n{message}")
        }
    };
    Err(Exit::Differs.because(error))
}

/// Opens what a device needs; to be called before libtorch is asked anything.
pub fn open_backend(device: &str) -> anyhow::Result<()> {
    if !device.starts_with("cuda") {
        return Ok(());
    }
    load_cuda_backend().map_err(|reason| {
        anyhow!(
            "device `{device}` cannot be used: {reason}\n\
             hint: put the `lib` folder of a CUDA build of libtorch 2.11 on LD_LIBRARY_PATH"
        )
    })
}
