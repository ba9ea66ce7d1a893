//! Checkpoints: how they are written, and how those of an earlier run are checked against its record.
//!
//! A checkpoint is `model.safetensors`, and with LoRA also `adapter`, which is there first and small: with the start
//! weights it gives the same again.

use std::{error::Error, fs, io, path::PathBuf};

use clsrl_files::Folder;
use clsrl_spec::{LoraRule, TrainingRecord};
use clsrl_vlm::{Config, Lora, Model, Precision, VlmError};
use tch::Device;

use crate::{EngineError, TrialJob, weights};

/// Where a trial's tuned weights are, and what they begin from.
pub(crate) struct Checkpoint<'a> {
    pub(crate) job: &'a TrialJob,
    pub(crate) start: &'a Folder,
    pub(crate) device: Device,
    pub(crate) precision: Precision,
}

/// Weights that were found, or why those that were left count as none.
type Found = Result<Model, String>;

impl Checkpoint<'_> {
    /// Keeps what was learned: the weights, or the adapters alone, from which the weights can be rebuilt.
    pub(crate) fn keep(&self, model: &Model) -> Result<(), EngineError> {
        if self.lora().is_none() {
            return self.save(model);
        }
        let base = &self.job.model_dir;
        let name = base.file_name().unwrap_or(base.as_os_str()).to_string_lossy();
        Ok(model.save_adapters(&self.adapter_dir(), &name)?)
    }

    /// Makes the model that is evaluated; writes it if it stands only in memory.
    pub(crate) fn merge(&self, model: Model) -> Result<Model, EngineError> {
        if model.has_adapters() {
            self.save(&model)?;
        }
        Ok(model.merge()?)
    }

    /// Loads the weights that this record is of, or says why there are none.
    ///
    /// # Errors
    ///
    /// What is wrong with the start weights, and what the system refuses.
    pub(crate) fn load(&self, record: &TrainingRecord) -> Result<Found, EngineError> {
        let Some(lora) = self.lora() else { return self.load_whole(record) };
        let damage = match (self.load_whole(record)?, &record.outcome.adapter_digest) {
            (Ok(model), Some(expected)) => match self.check_adapter(&model, lora, expected)? {
                None => return Ok(Ok(model)),
                Some(damage) => return Ok(Err(damage)),
            },
            // A record from before it named its adapter: the weights are built from it, and show.
            (Ok(_), None) => "its record has no digest of the adapter".to_owned(),
            (Err(damage), _) => damage,
        };
        match self.load_adapted(record, lora)? {
            Ok(model) => self.merge(model).map(Ok),
            Err(_) => Ok(Err(damage)),
        }
    }

    /// Removes what is left of a checkpoint.
    pub(crate) fn remove(&self) -> Result<(), EngineError> {
        let dir = &self.job.checkpoint_dir;
        let removed = if dir.is_dir() { fs::remove_dir_all(dir) } else { fs::remove_file(dir) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(EngineError::Checkpoint { path: dir.clone(), source: error })
            }
            _ => Ok(()),
        }
    }

    fn save(&self, model: &Model) -> Result<(), EngineError> {
        Ok(model.save_with(&self.job.checkpoint_dir, self.start)?)
    }

    fn load_whole(&self, record: &TrainingRecord) -> Result<Found, EngineError> {
        // What the start model's config says: the checkpoint's own is for others.
        let config = Config::from_folder(self.start)?;
        let dir = Folder::unchecked(&self.job.checkpoint_dir);
        let loaded = Model::with_config(config, &dir, self.device, self.precision);
        match damage_or(loaded)? {
            Err(damage) => Ok(Err(damage)),
            Ok(model) => self.check(record, model),
        }
    }

    fn load_adapted(&self, record: &TrainingRecord, lora: Lora) -> Result<Found, EngineError> {
        let start = Model::from_folder(self.start, self.device, self.precision)?;
        match damage_or(start.with_saved_adapters(lora, &self.adapter_dir()))? {
            Err(damage) => Ok(Err(damage)),
            Ok(model) => self.check(record, model),
        }
    }

    fn check(&self, record: &TrainingRecord, model: Model) -> Result<Found, EngineError> {
        let expected = &record.outcome.weights_digest;
        Ok(match weights::digest(&model) {
            Ok(digest) if digest == *expected => Ok(model),
            Ok(digest) => Err(format!(
                "`{}` has other weights than its record: expected {expected}, found {digest}",
                self.job.checkpoint_dir.display()
            )),
            Err(EngineError::WeightNotFinite { name }) => Err(format!("`{name}` is not finite")),
            Err(error) => return Err(error),
        })
    }

    fn check_adapter(
        &self,
        model: &Model,
        lora: Lora,
        expected: &str,
    ) -> Result<Option<String>, EngineError> {
        let dir = self.adapter_dir();
        let read = match damage_or(model.read_adapters(lora, &dir))? {
            Err(damage) => return Ok(Some(damage)),
            Ok(adapters) => weights::digest_of(&adapters)?,
        };
        Ok((read != expected).then(|| {
            format!(
                "`{}` is not the adapter of its record: expected {expected}, found {read}",
                dir.display()
            )
        }))
    }

    fn adapter_dir(&self) -> PathBuf {
        self.job.checkpoint_dir.join("adapter")
    }

    pub(crate) fn lora(&self) -> Option<Lora> {
        let of = |rule: &LoraRule| Lora { rank: rule.rank as i64, alpha: rule.alpha };
        self.job.trial.protocol.lora.as_ref().map(of)
    }
}

/// Takes damage for what it is; other errors are nothing that training again would help.
fn damage_or<T>(loaded: Result<T, VlmError>) -> Result<Result<T, String>, EngineError> {
    match loaded {
        Ok(loaded) => Ok(Ok(loaded)),
        Err(error) if error.is_damage() => Ok(Err(describe(&error))),
        Err(error) => Err(error.into()),
    }
}

/// An error and its causes on one line.
fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
