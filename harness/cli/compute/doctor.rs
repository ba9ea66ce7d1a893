//! `doctor`: whether models compute here what they should.

use anyhow::{Context, anyhow};
use clsrl_engine::machine::describe_device;
use clsrl_lab::doctor::{Check, all_passed, golden_checks, self_tests};
use clsrl_libtorch::set_num_threads;
use clsrl_vlm::{
    Model,
    device::{libtorch_version, parse_device},
};
use serde_json::json;

use super::{
    environment,
    machine::{all_threads, describe_program, precision_of},
    trial::{check_model, open_backend},
};
use crate::{
    exit::Exit,
    hub,
    model::find_model,
    options::{DataOptions, DoctorOptions},
    output::{print, print_lines},
    project::Project,
};

/// Runs all checks; ends with the self-tests' own code if one fails.
pub fn doctor(options: &DoctorOptions) -> anyhow::Result<Exit> {
    let DataOptions { dir, lock, sidecars, .. } = &options.data;
    if [dir, lock, sidecars].into_iter().any(Option::is_some) {
        return Err(Exit::Usage.because(anyhow!(
            "--data, --lock and --sidecars are a suite's\nhint: name it with --suite NAME"
        )));
    }
    environment::become_as_a_trial()?;
    let name = options.device.to_string();
    open_backend(&name).map_err(|error| Exit::Usage.because(error))?;
    let threads = options.threads.unwrap_or_else(all_threads);
    set_num_threads(i32::try_from(threads).context("there are too many threads")?);
    let device = parse_device(&name).map_err(|error| Exit::Usage.because(error))?;
    let precision = precision_of(options.dtype, &options.device);
    let model_dir = match &options.model {
        Some(given) => hub::dir_of(given)?,
        None => Project::find()?.path("harness/tiny/model"),
    };
    let model_dir = find_model(&model_dir)?;
    let recognised = check_model(&model_dir)?;
    let mut model = Model::load(&model_dir, device, precision)?;
    let mut checks = self_tests(&mut model, options.image_size)?;
    drop(model);
    if let Some(dir) = &options.goldens {
        let golden = golden_checks(dir, device, precision);
        checks.extend(golden.with_context(|| format!("golden set `{}`", dir.display()))?);
    }
    let passed = all_passed(&checks);
    if options.json {
        let shown = |check: &Check| {
            json!({
                "name": check.name,
                "found": check.found,
                "allowed": check.allowed,
                "passed": check.passed(),
            })
        };
        let about = json!({
            "program": describe_program(),
            "torch": libtorch_version(),
            "device": describe_device(device),
            "precision": format!("{precision:?}"),
            "threads": threads,
            "model": model_dir.display().to_string(),
            "recognised": recognised,
            "passed": passed,
            "checks": checks.iter().map(shown).collect::<Vec<_>>(),
        });
        print(&format!("{about:#}\n"))?;
    } else {
        print_lines(&format!("model: {recognised}\n{}", table(&checks)))?;
    }
    Ok(if passed { Exit::Ok } else { Exit::SelfTest })
}

fn table(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let verdict = if check.passed() { "ok    " } else { "FAILED" };
        let Check { name, found, allowed } = check;
        format!("{verdict}  {found:9.2e} of {allowed:.2e} allowed  {name}\n")
    };
    let n_failed = checks.iter().filter(|check| !check.passed()).count();
    let sum = format!("{} checks, {n_failed} failed\n", checks.len());
    checks.iter().map(line).chain([sum]).collect()
}
