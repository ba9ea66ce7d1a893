//! `trial`: one worker. Reads a job, runs it, writes events as JSON lines.

use std::{
    io::{self, BufRead, Write},
    path::Path,
    thread,
};

use anyhow::{Context, anyhow};
use clsrl_engine::{TrialJob, load_cuda_backend, parse_device, recognise_model, run_trial};

use crate::exit::{Exit, describe};

/// Runs the job on the first line of standard input; when standard input ends, so does the worker.
pub fn trial() -> anyhow::Result<Exit> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the job")?;
    let job: TrialJob =
        serde_json::from_str(&line).context("the job is not one of this program")?;
    open_backend(&job.device)?;
    thread::spawn(|| {
        // An error means the same as the end: nobody wants the results any more.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        // Without C++ destructors, which would run under the feet of the working thread.
        signal_hook::low_level::exit(Exit::Terminated as i32);
    });
    run_trial(&job, &mut |event| {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, &event)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    })
    // By this code the run that started it knows, too.
    .map_err(|error| match error.is_difference() {
        true => Exit::Differs.because(error),
        false => error.into(),
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
            let told: String = errors.into_iter().map(|error| describe(&error.into())).collect();
            let told = told.trim_end().replace("error: ", "");
            anyhow!("{n} parts of the model do not load\n{told}")
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
