//! What of a model is trained, saved and copied: its parameters by name, adapters, working copies, merging.

use std::path::Path;

use clsrl_files::Folder;
use tch::{Kind, Tensor, no_grad};

use super::Model;
use crate::{
    adapters,
    error::VlmError,
    joint::{Joined, join},
    layout::layout,
    lora::{Lora, draw_adapters},
    merge::{Masters, MergedWeights},
    ops::cast,
    parameters::{Adapters, Parameters},
    save,
    weights::{Role, share},
};

impl Model {
    /// Lists the leaves under the checkpoint's names, in a fixed order, those of adapters after all others.
    pub fn named_parameters(&self) -> Vec<(String, Tensor)> {
        share(self.parameters.all())
    }

    /// Lists the leaves that are trained: the adapters if there are any, else all.
    pub fn trained_parameters(&self) -> Vec<(String, Tensor)> {
        share(self.parameters.trained())
    }

    /// The same without their names.
    pub fn trained_leaves(&self) -> Vec<Tensor> {
        self.trained_parameters().into_iter().map(|(_, leaf)| leaf).collect()
    }

    /// Turns gradients of the leaves that are trained on or off.
    pub fn set_trainable(&mut self, is_trainable: bool) {
        for (_, tensor) in self.trained_parameters() {
            let _same = tensor.set_requires_grad(is_trainable);
        }
    }

    /// Makes a model whose weights are cast once to the kind that it computes in, for all passes up to the
    /// next optimizer step.
    ///
    /// Gradients flow through the casts to the master weights: within a backward pass they have the kind of the
    /// products, and from micro-batch to micro-batch they accumulate in float32. What needs no cast is the master
    /// weights themselves.
    pub fn working_copy(&self) -> Model {
        let mut copy = self.convert(cast);
        // Rows are looked up in the leaves: gradients of a few rows go to their places there.
        let embeddings = self.modules.model.embed_tokens.weight.shallow_clone();
        copy.modules.model.embed_tokens.weight = embeddings;
        copy.head_leaf = self.head_leaf.shallow_clone();
        copy
    }

    /// Makes a model without gradients, its weights cast once to the kind that it computes in.
    ///
    /// Without `deep`, what needs no cast and is not joined with other weights shares its storage with the leaves and
    /// follows them.
    pub fn frozen_copy(&self, deep: bool) -> Model {
        let copy = |tensor: &Tensor, kind: Kind| {
            let detached = tensor.detach();
            match (detached.kind() == kind, deep) {
                (true, false) => detached,
                (true, true) => detached.copy(),
                (false, _) => detached.to_kind(kind),
            }
        };
        no_grad(|| self.convert(copy))
    }

    /// Makes a model of weights that were brought to the kind that each is computed with.
    fn convert(&self, convert: impl Fn(&Tensor, Kind) -> Tensor) -> Model {
        let Joined { weights, joint } = self.convert_weights(&convert);
        let of_matrices = self.precision.kind();
        let convert =
            |(name, tensor): &(String, Tensor)| (name.clone(), convert(tensor, of_matrices));
        let adapters = self.parameters.adapters.as_ref().map(|adapters| Adapters {
            lora: adapters.lora,
            matrices: adapters.matrices.iter().map(convert).collect(),
        });
        self.with_parameters(Parameters { weights, adapters, joint })
    }

    /// Converts weights, and those of joined layers together.
    fn convert_weights(&self, convert: impl Fn(&Tensor, Kind) -> Tensor) -> Joined {
        let (weights, joint) = (&self.parameters.weights, &self.parameters.joint);
        let (kinds, of_matrices) =
            (self.computed_kinds().collect::<Vec<_>>(), self.precision.kind());
        let convert_one = |at: usize, tensor: &Tensor| convert(tensor, kinds[at]);
        let convert_joint = |tensor: &Tensor| convert(tensor, of_matrices);
        if self.joins_layers && joint.is_empty() && !self.has_adapters() {
            return join(&self.config, weights, convert_one, convert_joint);
        }
        let weights = weights.iter().enumerate();
        let weights = weights.map(|(at, (name, tensor))| (name.clone(), convert_one(at, tensor)));
        let joint = joint.iter().map(|(name, tensor)| (name.clone(), convert_joint(tensor)));
        Joined { weights: weights.collect(), joint: joint.collect() }
    }

    /// Makes a model of other parameters that computes in the same way.
    fn with_parameters(&self, parameters: Parameters) -> Model {
        let (config, modules) = (self.config.clone(), &self.modules);
        let ropes = self.ropes.share();
        Model::assemble_with(ropes, config, self.precision, self.device, parameters)
            .with_gradient_checkpointing(modules.model.checkpoints_gradients)
            .with_fused_attention(modules.visual.uses_fused_attention)
            .with_joint_layers(self.joins_layers)
            .with_decoding_ahead(self.decodes_ahead)
    }

    /// The kind that each weight is computed with, in the layout's order.
    fn computed_kinds(&self) -> impl Iterator<Item = Kind> + use<> {
        let of_matrices = self.precision.kind();
        layout(&self.config).specs.into_iter().map(move |spec| match spec.role {
            Role::NormWeight | Role::NormBias => Kind::Float,
            Role::Embedding | Role::Matrix | Role::Bias => of_matrices,
        })
    }
}

/// Adapters.
impl Model {
    /// Puts new adapters at the linear layers; from now on they are all that is trained.
    ///
    /// Weights that nothing changes any more are cast once to the kind that they are computed in, which
    /// loses nothing of a checkpoint of that kind and halves their memory. Where it does lose something, merging reads
    /// the weights again.
    pub fn with_adapters(self, lora: Lora, seed: u64) -> Model {
        let matrices = draw_adapters(&self.config, lora, seed, self.device);
        self.adapt(Adapters { lora, matrices })
    }

    /// As [`Model::with_adapters`], with adapters that [`Model::save_adapters`] wrote.
    pub fn with_saved_adapters(self, lora: Lora, dir: &Path) -> Result<Model, VlmError> {
        let matrices = self.read_adapters(lora, dir)?;
        Ok(self.adapt(Adapters { lora, matrices }))
    }

    /// Whether there are adapters beside its weights.
    pub fn has_adapters(&self) -> bool {
        self.parameters.adapters.is_some()
    }

    /// Reads adapters that [`Model::save_adapters`] wrote for a model of this config: matrices by name, as
    /// [`Model::trained_parameters`] lists them.
    pub fn read_adapters(&self, lora: Lora, dir: &Path) -> Result<Vec<(String, Tensor)>, VlmError> {
        adapters::load(dir, &self.config, lora, self.device)
    }

    fn adapt(self, adapters: Adapters) -> Model {
        let weights = self.frozen_copy(false).parameters.weights;
        let masters = Masters::of(&self.parameters.weights, &weights, self.source.as_deref());
        let checkpoints_gradients = self.modules.model.checkpoints_gradients;
        let parameters = Parameters { weights, adapters: Some(adapters), joint: Vec::new() };
        let model = Model::assemble(self.config, self.precision, self.device, parameters)
            .with_gradient_checkpointing(checkpoints_gradients);
        Model { masters, ..model }
    }

    /// What training starts from, frozen: a copy of its own, or, with adapters, the same weights without
    /// them.
    pub fn frozen_start(&self) -> Model {
        if !self.has_adapters() {
            return self.frozen_copy(true);
        }
        let weights = self.parameters.weights.iter();
        let weights = weights.map(|(name, tensor)| (name.clone(), tensor.detach())).collect();
        let parameters = Parameters::of_weights(weights);
        Model::assemble(self.config.clone(), self.precision, self.device, parameters)
    }

    /// Writes the adapters as peft does, so that peft loads them onto `base_model`, as it is called there.
    /// Panics if there are none.
    pub fn save_adapters(&self, dir: &Path, base_model: &str) -> Result<(), VlmError> {
        let adapters = self.parameters.adapters.as_ref().expect("there are adapters to save");
        adapters::save(dir, base_model, &self.config, adapters)
    }

    /// The weights with the adapters in them, each made when it is asked for.
    ///
    /// # Errors
    ///
    /// Where digits that the adapted model was cast without have to be read again and cannot.
    pub fn merged_weights(&self) -> Result<MergedWeights, VlmError> {
        MergedWeights::new(&self.config, &self.parameters, self.masters.clone())
    }

    /// Makes the model that is evaluated: every weight with its adapter in it, cast once to the kind that it is
    /// computed in. At no time is there more than one weight beside those of before. Without adapters it is the same.
    pub fn merge(self) -> Result<Model, VlmError> {
        if !self.has_adapters() {
            return Ok(self);
        }
        let merged = self.merged_weights()?;
        let kinds = self.computed_kinds();
        let (config, precision, device) = (self.config.clone(), self.precision, self.device);
        // Its layers hold the weights as well.
        drop(self);
        let parameters = Parameters::of_weights(merged.into_weights(kinds)?);
        Ok(Model::assemble(config, precision, device, parameters))
    }

    /// Writes a model directory: config, float32 weights with adapters in them, and the source's tokenizer files.
    pub fn save(&self, dir: &Path, source_dir: &Path) -> Result<(), VlmError> {
        self.save_with(dir, &Folder::unchecked(source_dir))
    }

    /// As [`Model::save`], with the tokenizer of a folder that may be held to digests.
    pub fn save_with(&self, dir: &Path, source: &Folder) -> Result<(), VlmError> {
        save::save(dir, source, &self.config, &self.merged_weights()?)
    }
}
