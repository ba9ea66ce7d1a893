//! The whole model: images and ids in, hidden states and logits out.
//!
//! Parameters are float32 masters; with `Precision::Bfloat16` they are cast where they are used, or
//! once for many passes by [`Model::working_copy`]; norms, rotary positions, softmax and logits stay
//! in float32.

mod prompts;
mod trainable;

use std::path::{Path, PathBuf};

use clsrl_files::Folder;
use tch::{Device, Kind, Tensor};

use crate::{
    batch::{Batch, PadSide, Prompt},
    checkpoint::read_weights,
    config::Config,
    error::VlmError,
    init::{Init, draw_weights},
    kv_cache::{Prefill, PromptKeys, RowCache},
    layout::{Modules, layout},
    mask::padding_mask,
    merge::Masters,
    ops::{cast, linear},
    parameters::Parameters,
    positions::Grid,
    precision::Precision,
    rope::Ropes,
    slot_cache::SlotCache,
    stage::Stage,
    weights::{Source, share},
};

/// A model of any family on one device.
pub struct Model {
    config: Config,
    device: Device,
    precision: Precision,
    parameters: Parameters,
    masters: Masters, // of what the parameters were cast from
    /// Whether copies have layers of one input joined into one.
    joins_layers: bool,
    /// Whether tokens are decoded without reading each.
    decodes_ahead: bool,
    source: Option<PathBuf>, // the directory that it was loaded from
    modules: Modules,
    ropes: Ropes,
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
        let parameters = Parameters::of_weights(read_weights(weights, &layout(&config), device)?);
        let source = Some(weights.dir().to_owned());
        Ok(Model { source, ..Model::assemble(config, precision, device, parameters) })
    }

    /// Makes a float32 model from nothing.
    pub fn random(config: Config, init: &Init, device: Device) -> Model {
        let parameters = Parameters::of_weights(draw_weights(init, &layout(&config).specs, device));
        Model::assemble(config, Precision::Float32, device, parameters)
    }

    /// Computes in another precision from now on; the parameters stay as they are.
    pub fn with_precision(self, precision: Precision) -> Model {
        Model { precision, ..self }
    }

    /// Gradient checkpointing by layer and by vision block: whether the backward pass recomputes each from its input,
    /// which takes the memory of one layer's activations instead of all, and another forward pass.
    pub fn with_gradient_checkpointing(mut self, is_wanted: bool) -> Model {
        self.modules.visual.checkpoints_gradients = is_wanted;
        self.modules.model.checkpoints_gradients = is_wanted;
        self
    }

    /// Whether tokens of a prompt and patches of an image attend by libtorch's fused kernels; as a rule on a GPU.
    pub fn with_fused_attention(mut self, is_wanted: bool) -> Model {
        self.modules.visual.uses_fused_attention = is_wanted;
        self
    }

    /// Whether working copies and frozen copies have layers of one input joined into one product, as a rule on a GPU.
    /// With adapters nothing is joined.
    pub fn with_joint_layers(self, is_wanted: bool) -> Model {
        Model { joins_layers: is_wanted, ..self }
    }

    /// Whether several tokens of a row are decoded before any is read, as a rule on a GPU, which would be waited for at
    /// each; what a row says is the same.
    pub fn with_decoding_ahead(self, is_wanted: bool) -> Model {
        Model { decodes_ahead: is_wanted, ..self }
    }

    /// Whether several tokens of a row are decoded before any is read.
    pub(crate) fn decodes_ahead(&self) -> bool {
        self.decodes_ahead
    }

    fn assemble(
        config: Config,
        precision: Precision,
        device: Device,
        parameters: Parameters,
    ) -> Model {
        let ropes = Ropes::new(&config, device);
        Model::assemble_with(ropes, config, precision, device, parameters)
    }

    fn assemble_with(
        ropes: Ropes,
        config: Config,
        precision: Precision,
        device: Device,
        parameters: Parameters,
    ) -> Model {
        let source = Source::Tensors {
            by_name: share(parameters.all().chain(&parameters.joint)).into_iter().collect(),
            adapter_scale: parameters.adapter_scale(),
        };
        let modules = Modules::load(&config, &source, ropes.share());
        let model = Model {
            config,
            device,
            precision,
            parameters,
            masters: Masters::default(),
            joins_layers: device.is_cuda(),
            decodes_ahead: device.is_cuda(),
            source: None,
            ropes,
            head_leaf: modules.lm_head.shallow_clone(),
            modules,
        };
        model.with_fused_attention(device.is_cuda())
    }

    /// What `config.json` says.
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

    /// Builds a batch of prompts for this model. Panics if there is no prompt.
    pub fn batch(
        &self,
        prompts: &[&Prompt],
        side: PadSide,
        pad_id: i64,
    ) -> Result<Batch, VlmError> {
        let (kind, device) = (self.precision.kind(), self.device);
        Batch::with_pixels(kind, prompts, side, pad_id, (&self.config, device))
    }

    /// Encodes images: (n_patches, patch_len) to (n_features, c).
    pub fn encode_images(&self, pixels: &Tensor, grids: &[Grid]) -> Tensor {
        self.encode(pixels, grids, &mut |_, _| ()).merged
    }

    /// Runs whole prompts: (b, t, c) after the final norm.
    pub fn hidden(&self, batch: &Batch) -> Tensor {
        self.hidden_trace(batch, &mut |_, _| ())
    }

    /// Runs whole prompts and shows every stage on the way.
    pub fn hidden_trace(&self, batch: &Batch, tap: &mut dyn FnMut(Stage, &Tensor)) -> Tensor {
        self.run_prompts(batch, None, None, tap).0
    }

    /// Runs whole prompts for the hidden states of some tokens: indices in the flattened batch (n) to (n, c)
    /// after the final norm.
    pub fn hidden_at(&self, batch: &Batch, indices: &Tensor) -> Tensor {
        self.run_prompts(batch, batch.packing.as_ref(), Some(indices), &mut |_, _| ()).0
    }

    /// Prefills whole prompts: runs them and keeps their KV cache for rows that continue them.
    pub fn prefill(&self, batch: &Batch) -> Prefill {
        let (packing, last) = (batch.packing.as_ref(), Some(&batch.last_indices));
        let (last_hidden, layers) = self.run_prompts(batch, packing, last, &mut |_, _| ());
        Prefill {
            layers,
            mask: batch.is_padded.then(|| padding_mask(&batch.mask)),
            next_positions: batch.next_positions.shallow_clone(),
            last_hidden,
            tokens: (batch.ids.shallow_clone(), batch.mask.shallow_clone()),
        }
    }

    /// Prefills a prompt alone, whatever stands beside it in a batch, and keeps what continues it.
    pub fn prompt_keys(
        &self,
        prompt: &Prompt,
        side: PadSide,
        pad_id: i64,
    ) -> Result<PromptKeys, VlmError> {
        let prefill = self.prefill(&self.batch(&[prompt], side, pad_id)?);
        Ok(PromptKeys::of(&prefill, prompt.ids.len() as i64, side == PadSide::Left))
    }

    /// Continues prompts with given texts, the same number for each, prompt by prompt: ids (b, t) to hidden
    /// states (b, t, c) after the final norm.
    ///
    /// Gradients flow through the prompts. A shorter text is right-padded, and the hidden states of its padding mean
    /// nothing. No tokens (t = 0) are allowed: a completion of one token has nothing to run.
    pub fn continue_with(&self, prompts: &Prefill, ids: &Tensor) -> Tensor {
        let (b, t) = ids.size2().expect("ids are (b, t)");
        if t == 0 {
            let nothing = [b, 0, self.config.hidden_size];
            return Tensor::zeros(nothing, (self.precision.kind(), self.device));
        }
        let counted = Tensor::arange(t, (Kind::Int64, self.device));
        let positions = self.positions_after(prompts, b / prompts.n_prompts(), &counted);
        let x = cast(&self.modules.model.embed_tokens.forward(ids), self.precision.kind());
        self.modules.model.forward_rows(x, &positions, prompts)
    }

    /// Continues rows with their next token: ids (b) to hidden states (b, c) after the final norm.
    pub(crate) fn next(&self, prompts: &Prefill, cache: &mut RowCache, ids: &Tensor) -> Tensor {
        let counted = Tensor::full([1], cache.length, (Kind::Int64, self.device));
        let positions = self.positions_after(prompts, cache.n_per_prompt, &counted);
        let x = self.modules.model.embed_tokens.forward(&ids.unsqueeze(1));
        let x = cast(&x, self.precision.kind()); // (b, 1, c)
        self.modules.model.forward_next(x, &positions, prompts, cache).squeeze_dim(1)
    }

    /// As [`Model::next`], for rows whose prompts stand in the cache.
    pub(crate) fn next_slots(&self, cache: &mut SlotCache, ids: &Tensor) -> Tensor {
        let x = self.modules.model.embed_tokens.forward(&ids.unsqueeze(1));
        let x = cast(&x, self.precision.kind()); // (b, 1, c)
        self.modules.model.forward_next_slots(x, cache).squeeze_dim(1)
    }

    /// Positions (3, b, t) of n rows after each prompt, `counted` tokens (t) after its end: text counts
    /// time, height and width together.
    fn positions_after(&self, prompts: &Prefill, n: i64, counted: &Tensor) -> Tensor {
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
        cast(&self.modules.lm_head, kind)
    }
}
