//! The state of a fine-tune between two steps, on disk: what its next step depends on and what its record will say of
//! the steps before.
//!
//! There are at most two: the newer one may turn out damaged. Of each, `step-<n>.safetensors` has weights and moments,
//! and `step-<n>.json`, which is written last, everything else and the digest of that file: it is there whole, or there
//! is no such state. Nothing random is kept: an order of examples is dealt again, and each completion has its own seed.

use std::{collections::BTreeMap, fs, io, path::Path};

use clsrl_files::{Folder, limit};
use clsrl_spec::{Fitted, RepeatedStep, StepRecord};
use clsrl_vlm::write_tensor_file;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{EngineError, sealed, timings::TrainingTimings};

/// The version of a state's format; raised by every change of it. A state of another one is not used.
const VERSION: u32 = 1;

const PREFIX: &str = "step-";

/// A fine-tune between two steps, but for its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    version: u32,
    /// The id of the training's identity.
    training_id: String,
    /// Steps done.
    pub(crate) step: usize,
    /// Steps of the whole.
    of: usize,
    /// SHA-256 of the file with its tensors.
    tensors: String,
    pub(crate) progress: Progress,
}

/// What a fine-tune's record will say of the steps that are done, and what fits the device's memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    pub(crate) steps: Vec<StepRecord>,
    pub(crate) timings: TrainingTimings,
    pub(crate) budgets: Vec<Fitted>,
    pub(crate) repeated_step: Option<RepeatedStep>,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) started_at: String,
    pub(crate) resumed_at: Vec<usize>,
}

/// A state that was found, and where its tensors are, held to their digest.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) state: State,
    pub(crate) folder: Folder,
}

impl Found {
    pub(crate) fn tensors_name(&self) -> String {
        tensors_name(self.state.step)
    }
}

/// The states of one fine-tune.
pub(crate) struct States<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) training_id: &'a str,
    /// Steps of the whole fine-tune.
    pub(crate) n_steps: usize,
}

impl States<'_> {
    /// Finds the newest state that is what was written; hears why others are not used, which are removed.
    pub(crate) fn find(
        &self,
        on_unused: &mut dyn FnMut(String) -> Result<(), EngineError>,
    ) -> Result<Option<Found>, EngineError> {
        for step in self.steps().into_iter().rev() {
            match self.read(step) {
                Ok(found) => return Ok(Some(found)),
                Err(reason) => {
                    let path = self.dir.join(state_name(step));
                    on_unused(format!("`{}`: {reason}", path.display()))?;
                    // What cannot be removed is refused again the next time.
                    let _ = self.remove(step);
                }
            }
        }
        Ok(None)
    }

    /// Keeps a state, and the newest of those before it.
    pub(crate) fn save(
        &self,
        step: usize,
        progress: Progress,
        tensors: &[(String, Tensor)],
    ) -> Result<(), EngineError> {
        let not_written = |path: &Path, source| EngineError::State { path: path.into(), source };
        fs::create_dir_all(self.dir).map_err(|source| not_written(self.dir, source))?;
        self.make_room(step).map_err(|source| not_written(self.dir, source))?;
        let digest = write_tensor_file(&self.dir.join(tensors_name(step)), tensors)?;
        let state = State {
            version: VERSION,
            training_id: self.training_id.to_owned(),
            step,
            of: self.n_steps,
            tensors: digest,
            progress,
        };
        let path = self.dir.join(state_name(step));
        clsrl_files::replace(&path, sealed::to_line(&state).as_bytes())
            .map_err(|source| not_written(&path, source))
    }

    /// Removes all but the newest state, so that at no time more than two are on the disk, and parts of states.
    fn make_room(&self, step: usize) -> io::Result<()> {
        let kept = self.steps().pop().filter(|&newest| newest != step);
        let is_kept = |name: &str| {
            kept.is_some_and(|kept| {
                [state_name(kept), tensors_name(kept)].contains(&name.to_owned())
            })
        };
        let mut parts = Vec::new();
        for entry in fs::read_dir(self.dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.trim_start_matches('.').starts_with(PREFIX) && !is_kept(&name) {
                parts.push(name);
            }
        }
        // The descriptions first, so that no half looks whole.
        parts.sort_by_key(|name| !name.ends_with(".json"));
        parts.iter().try_for_each(|name| remove(&self.dir.join(name)))?;
        Ok(())
    }

    /// The steps of which there is a description, in their order.
    fn steps(&self) -> Vec<usize> {
        let Ok(entries) = fs::read_dir(self.dir) else { return Vec::new() };
        let step_of = |name: &str| name.strip_prefix(PREFIX)?.strip_suffix(".json")?.parse().ok();
        let steps = entries.flatten().filter_map(|entry| step_of(entry.file_name().to_str()?));
        let mut steps: Vec<usize> = steps.collect();
        steps.sort_unstable();
        steps
    }

    fn read(&self, step: usize) -> Result<Found, String> {
        let bytes = clsrl_files::read(&self.dir.join(state_name(step)), limit::RECORD)
            .map_err(|error| error.to_string())?;
        let state: State = sealed::parse(&bytes)?;
        let expected = (VERSION, self.training_id, step, self.n_steps);
        let found = (state.version, &*state.training_id, state.step, state.of);
        if found != expected {
            return Err(format!("it is of {found:?}, expected {expected:?}"));
        }
        if state.progress.steps.len() != step {
            let n_steps = state.progress.steps.len();
            return Err(format!("it has the records of {n_steps} steps, expected {step}"));
        }
        let name = tensors_name(step);
        let path = self.dir.join(&name);
        let digest = clsrl_files::sha256(&path)
            .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        if digest != state.tensors {
            let expected = &state.tensors;
            return Err(format!("`{name}` has SHA-256 {digest}, expected {expected}"));
        }
        // They are held to it once more as they are read: that is another time.
        let folder = Folder::checked(self.dir, BTreeMap::from([(name, digest)]));
        Ok(Found { state, folder })
    }

    fn remove(&self, step: usize) -> io::Result<()> {
        remove(&self.dir.join(state_name(step)))?;
        remove(&self.dir.join(tensors_name(step)))
    }
}

fn state_name(step: usize) -> String {
    format!("{PREFIX}{step}.json")
}

fn tensors_name(step: usize) -> String {
    format!("{PREFIX}{step}.safetensors")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
