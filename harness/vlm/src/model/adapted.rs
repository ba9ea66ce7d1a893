//! A model with adapters: how they come to it, what is trained then, and what it started from.

use std::path::Path;

use tch::Tensor;

use super::Model;
use crate::{
    adapters,
    error::VlmError,
    layout::layout,
    lora::{Lora, draw_adapters},
    merge::Masters,
};

impl Model {
    /// Puts new adapters at the linear layers; from now on they are all that is trained.
    ///
    /// Weights that nothing changes any more are cast once to the kind that they are computed in, which
    /// loses nothing of a checkpoint of that kind and halves their memory. Where it does lose something, merging reads
    /// the weights again.
    pub fn with_adapters(self, lora: Lora, seed: u64) -> Model {
        let adapters = draw_adapters(&self.config, lora, seed, self.device);
        self.adapted(lora, adapters)
    }

    /// As [`Model::with_adapters`], with adapters that [`Model::save_adapters`] wrote.
    pub fn with_saved_adapters(self, lora: Lora, dir: &Path) -> Result<Model, VlmError> {
        let adapters = self.read_adapters(lora, dir)?;
        Ok(self.adapted(lora, adapters))
    }

    /// Whether there are adapters beside its weights.
    pub fn has_adapters(&self) -> bool {
        self.lora.is_some()
    }

    /// Reads adapters that [`Model::save_adapters`] wrote for a model of this config: matrices by name, as
    /// [`Model::trained_parameters`] lists them.
    pub fn read_adapters(&self, lora: Lora, dir: &Path) -> Result<Vec<(String, Tensor)>, VlmError> {
        adapters::load(dir, &self.config, lora, self.device)
    }

    fn adapted(self, lora: Lora, adapters: Vec<(String, Tensor)>) -> Model {
        let mut parameters = self.frozen_copy(false).parameters;
        let masters = Masters::of(&self.parameters, &parameters, self.source.as_deref());
        parameters.extend(adapters);
        let recomputes = self.model.recomputes;
        let model =
            Model::assemble(self.config, self.precision, self.device, Some(lora), parameters);
        Model { masters, ..model.recomputing(recomputes) }
    }

    /// What training starts from, frozen: a copy of its own, or, with adapters, the same weights without
    /// them.
    pub fn frozen_start(&self) -> Model {
        if self.lora.is_none() {
            return self.frozen_copy(true);
        }
        let n_base = layout(&self.config).len();
        let base = self.parameters[..n_base].iter();
        let base = base.map(|(name, tensor)| (name.clone(), tensor.detach())).collect();
        Model::assemble(self.config.clone(), self.precision, self.device, None, base)
    }

    /// Writes the adapters as peft does, so that peft loads them onto `base_model`, as it is called there.
    /// Panics if there are none.
    pub fn save_adapters(&self, dir: &Path, base_model: &str) -> Result<(), VlmError> {
        let lora = self.lora.expect("there are adapters to save");
        adapters::save(dir, base_model, lora, &self.trained_parameters())
    }
}
