//! Whether the devices of a run are there, found out by processes that end at once.
//!
//! A run itself never opens CUDA: its context would hold half a gigabyte of the first GPU for as long as it lasts.

use std::{
    collections::BTreeSet,
    env,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, anyhow};
use clsrl_runner::Slot;

use super::{environment, trial};
use crate::{device::Device, exit::Exit};

/// Fails at once where every trial on one of the slots would, at a device that is not there.
pub fn check_devices(device: &Device, slots: &[Slot]) -> anyhow::Result<()> {
    if device.kind() == "cpu" {
        return trial::check_device(&device.to_string());
    }
    let environments: BTreeSet<_> = slots.iter().map(|slot| (&slot.env, &slot.name)).collect();
    let mut seen = BTreeSet::new();
    let distinct = environments.into_iter().filter(|(env, _)| seen.insert(*env));
    // All at once: each loads libtorch's CUDA half, which takes seconds.
    let started: Vec<(Child, &String)> = distinct
        .map(|(env, name)| Ok((start(device, env)?, name)))
        .collect::<anyhow::Result<_>>()?;
    // All are waited for before the first error is reported.
    let ended: Vec<anyhow::Result<()>> =
        started.into_iter().map(|(child, name)| end(child, name)).collect();
    ended.into_iter().collect()
}

fn start(device: &Device, slot: &[(String, String)]) -> anyhow::Result<Child> {
    Command::new(env::current_exe().context("the program cannot find itself")?)
        .args(["trial", "--probe", &device.to_string()])
        .envs(environment::of_trials())
        .envs(slot.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("the program cannot start itself")
}

fn end(probe: Child, slot: &str) -> anyhow::Result<()> {
    let output = probe.wait_with_output().context("a probe cannot be waited for")?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    let message =
        message.trim_end().strip_prefix("error: ").unwrap_or(&message).replace("\n  ", "\n");
    Err(Exit::Usage.because(match message.trim().is_empty() {
        true => anyhow!("device `{slot}` cannot be used: its probe ended with {}", output.status),
        false => anyhow!("{}", message.trim_end()),
    }))
}
