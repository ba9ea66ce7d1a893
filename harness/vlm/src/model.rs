//! The whole model: pictures and ids in, hidden states and logits out.
//!
//! Parameters are float32 masters; with `Precision::Bfloat16` they are cast where they are used, or
//! once for many passes by [`Model::working_copy`]; norms, rotary positions, softmax and logits stay
//! in float32.

mod adapted;
mod prompts;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clsrl_files::Folder;
use tch::{Device, Kind, Tensor, no_grad};

use crate::{
    batch::Batch,
    cache::{Continuation, Prefill},
    checkpoint::read_weights,
    config::Config,
    decoder::Decoder,
    error::VlmError,
    init::{Init, draw_weights},
    layers::{cast, linear},
    layout::{Role, Weights, layout},
    lora::Lora,
    mask::padding_mask,
    merge::Masters,
    positions::Grid,
    precision::Precision,
    save,
    stage::Stage,
    vision::VisionTower,
};

/// A Qwen2-VL on one device.
pub struct Model {
    config: Config,
    device: Device,
    pub(crate) precision: Precision,
    pub(crate) lora: Option<Lora>,
    pub(crate) parameters: Vec<(String, Tensor)>, // adapters last
    pub(crate) masters: Masters,                  // of what the parameters were cast from
    source: Option<PathBuf>,                      // the directory that it was loaded from
    visual: VisionTower,
    model: Decoder,
    lm_head: Tensor, // (vocabulary, c)
    /// What gets the gradients of `lm_head`, if it is trained.
    pub(crate) head_leaf: Tensor,
}

impl Model {
    /// Loads a Hugging Face model directory as float32 masters.
    pub fn load(dir: &Path, device: Device, precision: Precision) -> Result<Model, VlmError> {
        Model::from_folder(&Folder::unchecked(dir), device, precision)
    }

    /// As [`Model::load`], from files that may be held to their digests.
    pub fn from_folder(
        model: &Folder,
        device: Device,
        precision: Precision,
    ) -> Result<Model, VlmError> {
        Model::with_config(Config::from_folder(model)?, model, device, precision)
    }

    /// Loads weights for a config that is known already; what their directory says is not read.
    pub fn with_config(
        config: Config,
        weights: &Folder,
        device: Device,
        precision: Precision,
    ) -> Result<Model, VlmError> {
        let parameters = read_weights(weights, &layout(&config), device)?;
        let source = Some(weights.dir().to_owned());
        Ok(Model { source, ..Model::assemble(config, precision, device, None, parameters) })
    }

    /// Makes a float32 model from nothing.
    pub fn random(config: Config, init: &Init, device: Device) -> Model {
        let parameters = draw_weights(init, &layout(&config), device);
        Model::assemble(config, Precision::Float32, device, None, parameters)
    }

    /// Computes in another precision from now on; the parameters stay as they are.
    pub fn with_precision(self, precision: Precision) -> Model {
        Model { precision, ..self }
    }

    /// Whether to keep only the inputs of every layer and block for the backward pass, and to run each
    /// again there: memory for one layer instead of all, for another forward pass.
    pub fn recomputing(mut self, is_wanted: bool) -> Model {
        self.visual.recomputes = is_wanted;
        self.model.recomputes = is_wanted;
        self
    }

    /// Whether tokens of a prompt and patches of a picture attend by libtorch's fused kernels; as a rule on a GPU.
    pub fn fusing(mut self, is_wanted: bool) -> Model {
        self.visual.fuses = is_wanted;
        self
    }

    pub(crate) fn assemble(
        config: Config,
        precision: Precision,
        device: Device,
        lora: Option<Lora>,
        parameters: Vec<(String, Tensor)>,
    ) -> Model {
        let by_name: BTreeMap<String, Tensor> = parameters
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect();
        let weights = Weights::new(&by_name, lora);
        let visual = VisionTower::load(&config.vision_config, &weights.at("visual"));
        let model = Decoder::load(&config, &weights.at("model"), device);
        let lm_head = if config.tie_word_embeddings {
            model.embed_tokens.weight.shallow_clone()
        } else {
            weights.at("lm_head").take("weight")
        };
        let head_leaf = lm_head.shallow_clone();
        let model = Model {
            config,
            device,
            precision,
            lora,
            parameters,
            masters: Masters::default(),
            source: None,
            visual,
            model,
            lm_head,
            head_leaf,
        };
        model.fusing(device.is_cuda())
    }

    /// The config.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the parameters are.
    pub fn device(&self) -> Device {
        self.device
    }

    /// What matrix products compute in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Lists the leaves under the checkpoint's names, in a fixed order.
    pub fn named_parameters(&self) -> Vec<(String, Tensor)> {
        let parameters = self.parameters.iter();
        parameters.map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
    }

    /// Lists the leaves that are trained: the adapters if there are any, else all.
    pub fn trained_parameters(&self) -> Vec<(String, Tensor)> {
        let mut parameters = self.named_parameters();
        if self.lora.is_some() {
            parameters.drain(..layout(&self.config).len());
        }
        parameters
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
    /// Gradients flow through the casts to the leaves: within a backward pass they have the kind of the
    /// products, and from pass to pass they add up in float32. What needs no cast is the leaves themselves.
    pub fn working_copy(&self) -> Model {
        let mut copy = self.converted(cast);
        // Rows are looked up in the leaves: gradients of a few rows go to their places there.
        copy.model.embed_tokens.weight = self.model.embed_tokens.weight.shallow_clone();
        copy.head_leaf = self.head_leaf.shallow_clone();
        copy
    }

    /// Makes a model without gradients, its weights cast once to the kind that it computes in.
    ///
    /// Without `deep`, what needs no cast shares its storage with the leaves and follows them.
    pub fn frozen_copy(&self, deep: bool) -> Model {
        let copy = |tensor: &Tensor, kind: Kind| {
            let detached = tensor.detach();
            match (detached.kind() == kind, deep) {
                (true, false) => detached,
                (true, true) => detached.copy(),
                (false, _) => detached.to_kind(kind),
            }
        };
        no_grad(|| self.converted(copy))
    }

    /// Makes a model of weights that were brought to the kind that each is computed with.
    fn converted(&self, convert: impl Fn(&Tensor, Kind) -> Tensor) -> Model {
        let convert = |((name, tensor), kind): (&(String, Tensor), Kind)| {
            (name.clone(), convert(tensor, kind))
        };
        let parameters = self.parameters.iter().zip(self.computed_kinds()).map(convert).collect();
        let Model { config, precision, device, lora, .. } = self;
        let model = Model::assemble(config.clone(), *precision, *device, *lora, parameters);
        model.recomputing(self.model.recomputes).fusing(self.visual.fuses)
    }

    /// The kind that each parameter is computed with; behind the layout stand the adapters, which are matrices.
    pub(crate) fn computed_kinds(&self) -> impl Iterator<Item = Kind> + use<> {
        let of_matrices = self.precision.kind();
        let of_role = move |role| match role {
            Role::NormWeight | Role::NormBias => Kind::Float,
            _ => of_matrices,
        };
        let roles = layout(&self.config).into_iter().map(|spec| spec.role);
        roles.chain(std::iter::repeat(Role::Matrix)).map(of_role)
    }

    /// Writes a model directory: config, float32 weights with adapters in them, and the source's tokenizer files.
    pub fn save(&self, dir: &Path, source_dir: &Path) -> Result<(), VlmError> {
        self.save_with(dir, &Folder::unchecked(source_dir))
    }

    /// As [`Model::save`], with the tokenizer of a folder that may be held to digests.
    pub fn save_with(&self, dir: &Path, source: &Folder) -> Result<(), VlmError> {
        save::save(dir, source, &self.config, &self.merged_weights()?)
    }

    /// Encodes pictures: (n_patches, patch_len) to (n_features, c).
    pub fn encode_images(&self, pixels: &Tensor, grids: &[Grid]) -> Tensor {
        self.encode(pixels, grids, &mut |_, _| ())
    }

    /// Runs whole prompts: (b, t, c) after the final norm.
    pub fn hidden(&self, batch: &Batch) -> Tensor {
        self.hidden_trace(batch, &mut |_, _| ())
    }

    /// Runs whole prompts and shows every stage on the way.
    pub fn hidden_trace(&self, batch: &Batch, tap: &mut dyn FnMut(Stage, &Tensor)) -> Tensor {
        self.run_prompts(batch, None, None, tap).0
    }

    /// Runs whole prompts for the hidden states of some tokens: places in the flattened batch (n) to (n, c)
    /// after the final norm.
    pub fn hidden_at(&self, batch: &Batch, places: &Tensor) -> Tensor {
        self.run_prompts(batch, batch.packing.as_ref(), Some(places), &mut |_, _| ()).0
    }

    /// Runs whole prompts and keeps what rows need that continue them.
    pub fn prefill(&self, batch: &Batch) -> Prefill {
        let (packing, last) = (batch.packing.as_ref(), Some(&batch.last_places));
        let (last_hidden, layers) = self.run_prompts(batch, packing, last, &mut |_, _| ());
        Prefill {
            layers,
            mask: batch.is_padded.then(|| padding_mask(&batch.mask)),
            next_positions: batch.next_positions.shallow_clone(),
            last_hidden,
            tokens: (batch.ids.shallow_clone(), batch.mask.shallow_clone()),
        }
    }

    /// Continues prompts with given texts, the same number for each, prompt by prompt: ids (b, t) to hidden
    /// states (b, t, c) after the final norm.
    ///
    /// Gradients flow through the prompts. A shorter text is filled up behind, and what its filling comes
    /// to means nothing. No tokens (t = 0) are allowed: a completion of one token has nothing to run.
    pub fn continue_with(&self, prompts: &Prefill, ids: &Tensor) -> Tensor {
        let (b, t) = ids.size2().expect("ids are (b, t)");
        if t == 0 {
            let nothing = [b, 0, self.config.hidden_size];
            return Tensor::zeros(nothing, (self.precision.kind(), self.device));
        }
        let counted = Tensor::arange(t, (Kind::Int64, self.device));
        let positions = self.positions_behind(prompts, b / prompts.n_prompts(), &counted);
        let x = cast(&self.model.embed_tokens.forward(ids), self.precision.kind());
        self.model.forward_rows(x, &positions, prompts)
    }

    /// Continues rows with their next token: ids (b) to hidden states (b, c) after the final norm.
    pub(crate) fn next(&self, prompts: &Prefill, rows: &mut Continuation, ids: &Tensor) -> Tensor {
        let counted = Tensor::full([1], rows.length, (Kind::Int64, self.device));
        let positions = self.positions_behind(prompts, rows.n_per_prompt, &counted);
        let x = self.model.embed_tokens.forward(&ids.unsqueeze(1));
        let x = cast(&x, self.precision.kind()); // (b, 1, c)
        self.model.forward_next(x, &positions, prompts, rows).squeeze_dim(1)
    }

    /// Positions (3, b, t) of n rows behind each prompt, at so many tokens behind its end (t): text counts
    /// time, height and width together.
    fn positions_behind(&self, prompts: &Prefill, n: i64, counted: &Tensor) -> Tensor {
        let (p, t) = (prompts.n_prompts(), counted.size()[0]);
        let positions = prompts.next_positions.view([1, p, 1, 1]) + counted.view([1, 1, 1, t]);
        positions.expand([3, p, n, t], false).reshape([3, p * n, t])
    }

    /// Computes float32 logits of hidden states of any leading shape.
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        cast(&linear(hidden, &self.head_weight(hidden.kind()), None), Kind::Float)
    }

    /// The head's weight (vocabulary, c) in a kind.
    pub(crate) fn head_weight(&self, kind: Kind) -> Tensor {
        cast(&self.lm_head, kind)
    }
}
