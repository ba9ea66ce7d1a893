//! `doctor --suite`: everything that a run of a suite needs, looked at before it costs hours.

mod page;
mod speed;

use std::path::PathBuf;

use anyhow::Context;
use clsrl_engine::machine::describe_device;
use clsrl_lab::doctor::{all_passed, self_tests};
use clsrl_libtorch::set_num_threads;
use clsrl_vlm::{
    Model, Precision,
    device::{libtorch_version, parse_device},
};
use indicatif::DecimalBytes;

use self::{
    page::{Finding, Page},
    speed::{Speeds, measure},
};
use super::{
    environment,
    machine::all_threads,
    room::Room,
    trial::{check_model, open_backend},
};
use crate::{
    exit::{Exit, code, describe},
    hub,
    inputs::{Inputs, data_dir, model_dir},
    memory::Memory,
    model::float32_bytes,
    options::{Check, DataOptions, DoctorOptions, DoctorSuite, InputOptions},
    output::print,
    progress::Detail,
    request::Request,
    version,
    words::count,
};

/// Checks everything, prints one page, and ends with the code of the first check that failed.
pub fn preflight(
    options: &DoctorOptions,
    suite: &DoctorSuite,
    detail: Detail,
) -> anyhow::Result<Exit> {
    environment::become_as_a_trial()?;
    let mut request = Request::load(&suite.suite)?;
    let name = options.device.to_string();
    open_backend(&name).map_err(|error| Exit::Usage.because(error))?;
    let device = parse_device(&name).map_err(|error| Exit::Usage.because(error))?;
    let execution = request.suite.execution;
    let threads = options.threads.unwrap_or(execution.threads);
    set_num_threads(i32::try_from(threads).context("there are too many threads")?);
    let mut page = Page::new(format!(
        "{}libtorch {}, {}, {threads} of {} threads, suite {}\n",
        version::line(),
        libtorch_version(),
        describe_device(device),
        all_threads(),
        request.suite.name
    ));
    let model_dir = check_weights(&request, options, &mut page, detail);
    let inputs = match &model_dir {
        Some(dir) => check_data(&mut request, options, dir, &mut page, detail),
        None => {
            // Without a model nothing is compared, but what is not there can be reported.
            if let Err(error) = data_dir(&request.suite, options.data.dir.as_deref(), detail) {
                page.add(Finding::of_error("data", &error));
            }
            None
        }
    };
    if let Some(dir) = &model_dir {
        check_disk(&request, suite, dir, &mut page);
        tell_memory(&request, options, dir, &mut page);
        let precision = Precision::named(execution.precision.on(options.device.kind()))
            .expect("a suite names no other precision");
        detail.say("loading the model");
        let mut model = Model::load(dir, device, precision)?;
        let checks = self_tests(&mut model, options.image_size)?;
        let failed = checks.iter().filter(|check| !check.passed()).map(|check| check.name.clone());
        let failed: Vec<String> = failed.collect();
        page.add(match all_passed(&checks) {
            true => Finding::ok("numbers", format!("{} passed", count(checks.len(), "self-test"))),
            false => Finding::failed("numbers", Exit::SelfTest, failed.join("\n")),
        });
        if let Some(inputs) = &inputs {
            check_speed(&request, inputs, &mut model, &mut page, detail);
        }
    }
    print(&if options.json { page.json() } else { page.render(&request) })?;
    Ok(page.exit())
}

/// The start model's folder, if it can be used; held to `models.lock`.
fn check_weights(
    request: &Request,
    options: &DoctorOptions,
    page: &mut Page,
    detail: Detail,
) -> Option<PathBuf> {
    let found = model_dir(&request.project, &request.suite, options.model.as_deref())
        .and_then(|dir| Ok((check_model(&dir)?, dir)));
    let (recognised, dir) = match found {
        Ok(found) => found,
        Err(error) => {
            page.add(Finding::of_error("weights", &error));
            return None;
        }
    };
    let files = clsrl_data::ModelFiles::hash(&dir)
        .with_context(|| format!("model `{}` cannot be used", dir.display()));
    let locked =
        files.and_then(|files| hub::expect_locked(&request.project, &dir, &files, false, detail));
    page.add(match locked {
        Ok(true) => Finding::ok("weights", format!("{recognised}; as in models.lock")),
        Ok(false) => Finding::ok("weights", format!("{recognised}; not in models.lock")),
        Err(error) => Finding::of_error("weights", &error),
    });
    Some(dir)
}

/// What the trials read, if all of it is there; held to `datasets.lock`.
fn check_data(
    request: &mut Request,
    options: &DoctorOptions,
    model_dir: &std::path::Path,
    page: &mut Page,
    detail: Detail,
) -> Option<Inputs> {
    let mut bind = |allow_unlocked| {
        let inputs = InputOptions {
            model: Some(model_dir.to_owned()),
            data: DataOptions { allow_unlocked, ..options.data.clone() },
            few_shot_caches: None,
            device: options.device.clone(),
            threads: options.threads,
            deterministic: false,
            gradient_checkpointing: false,
        };
        Inputs::bind(request, &inputs, Check::Fast, detail)
    };
    match bind(false) {
        Ok(inputs) => {
            let n = inputs.datasets.len();
            let text = format!("{} as in datasets.lock, every image readable", count(n, "dataset"));
            page.add(Finding::ok("data", text));
            Some(inputs)
        }
        Err(error) => {
            page.add(Finding::of_error("data", &error));
            // What differs can still be timed.
            if code(&error) == Exit::Differs { bind(true).ok() } else { None }
        }
    }
}

/// Room for the weights of the trials that run at a time.
fn check_disk(
    request: &Request,
    suite: &DoctorSuite,
    model_dir: &std::path::Path,
    page: &mut Page,
) {
    let n_jobs = suite.jobs.unwrap_or(request.suite.execution.jobs);
    let room = Room::needed(request.trials.iter(), n_jobs, model_dir, suite.kept);
    let free = clsrl_files::free_bytes(&request.places.results);
    page.add(match (room, free) {
        (Some(room), Ok(free)) => {
            let text = format!("{}; {} free", room.render(), DecimalBytes(free));
            match free < room.n_bytes {
                true => Finding::failed("disk", Exit::Incomplete, text),
                false => Finding::ok("disk", text),
            }
        }
        (None, _) => Finding::ok("disk", "the size of checkpoints is unknown".to_owned()),
        (_, Err(error)) => Finding::failed("disk", Exit::Incomplete, error.to_string()),
    });
}

/// What a fine-tune takes before activations, said before anything is loaded.
fn tell_memory(
    request: &Request,
    options: &DoctorOptions,
    model_dir: &std::path::Path,
    page: &mut Page,
) {
    let precision = request.suite.execution.precision.on(options.device.kind());
    let memory = float32_bytes(model_dir)
        .and_then(|n_bytes| Memory::of(&request.trials, n_bytes / 4, precision));
    if let Some(memory) = memory {
        page.add(Finding::ok("card", format!("{}\n{}", memory.sum(), memory.verdict())));
    }
}

/// A step of each method and a batch of answers, at the suite's shapes.
fn check_speed(
    request: &Request,
    inputs: &Inputs,
    model: &mut Model,
    page: &mut Page,
    detail: Detail,
) {
    match measure(request, inputs, model, detail) {
        Ok(speeds) => {
            let Speeds { peak_bytes, prompt_tokens, .. } = speeds;
            let text = format!(
                "{} at most, with prompts of {prompt_tokens} tokens",
                DecimalBytes(peak_bytes)
            );
            page.add(Finding::ok("memory", text));
            page.speeds = Some(speeds);
        }
        Err(error) => {
            let text = describe(&error);
            let text = text.trim_start_matches("error: ").trim_end().to_owned();
            page.add(Finding::failed("memory", Exit::Incomplete, text));
        }
    }
}
