//! Which tensors a checkpoint of a given config has: names, shapes, roles, in a fixed order.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::{
    config::{Config, VisionConfig},
    lora::{Adapter, Lora, find_adapter},
};

/// One tensor of a checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct TensorSpec {
    pub(crate) name: String,
    pub(crate) shape: Vec<i64>,
    pub(crate) role: Role,
}

/// What a tensor does: decides how it is initialised, and whether it is computed with in bf16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Embedding,
    Matrix,
    Bias,
    NormWeight,
    NormBias,
}

/// Lists every tensor of a model, the vision tower first.
pub(crate) fn layout(config: &Config) -> Vec<TensorSpec> {
    let mut specs = Vec::new();
    list_vision(&mut specs, &config.vision_config);
    list_decoder(&mut specs, config);
    if !config.tie_word_embeddings {
        specs.push(spec("lm_head.weight", &[config.vocab_size, config.hidden_size], Role::Matrix));
    }
    specs
}

fn list_vision(specs: &mut Vec<TensorSpec>, vision: &VisionConfig) {
    let c = vision.embed_dim;
    let patch =
        [c, vision.in_chans, vision.temporal_patch_size, vision.patch_size, vision.patch_size];
    specs.push(spec("visual.patch_embed.proj.weight", &patch, Role::Matrix));
    for block_idx in 0..vision.depth {
        let block = format!("visual.blocks.{block_idx}");
        list_norm(specs, &format!("{block}.norm1"), c);
        list_linear(specs, &format!("{block}.attn.qkv"), 3 * c, c);
        list_linear(specs, &format!("{block}.attn.proj"), c, c);
        list_norm(specs, &format!("{block}.norm2"), c);
        list_linear(specs, &format!("{block}.mlp.fc1"), c * vision.mlp_ratio, c);
        list_linear(specs, &format!("{block}.mlp.fc2"), c, c * vision.mlp_ratio);
    }
    let merged = c * vision.patches_per_token();
    list_norm(specs, "visual.merger.ln_q", c);
    list_linear(specs, "visual.merger.mlp.0", merged, merged);
    list_linear(specs, "visual.merger.mlp.2", vision.hidden_size, merged);
}

fn list_decoder(specs: &mut Vec<TensorSpec>, config: &Config) {
    let c = config.hidden_size;
    let kv = config.num_key_value_heads * config.head_dim();
    let ff = config.intermediate_size;
    let embedding = [config.vocab_size, c];
    specs.push(spec("model.embed_tokens.weight", &embedding, Role::Embedding));
    for layer_idx in 0..config.num_hidden_layers {
        let layer = format!("model.layers.{layer_idx}");
        specs.push(spec(&format!("{layer}.input_layernorm.weight"), &[c], Role::NormWeight));
        list_linear(specs, &format!("{layer}.self_attn.q_proj"), c, c);
        list_linear(specs, &format!("{layer}.self_attn.k_proj"), kv, c);
        list_linear(specs, &format!("{layer}.self_attn.v_proj"), kv, c);
        specs.push(spec(&format!("{layer}.self_attn.o_proj.weight"), &[c, c], Role::Matrix));
        let norm = format!("{layer}.post_attention_layernorm.weight");
        specs.push(spec(&norm, &[c], Role::NormWeight));
        specs.push(spec(&format!("{layer}.mlp.gate_proj.weight"), &[ff, c], Role::Matrix));
        specs.push(spec(&format!("{layer}.mlp.up_proj.weight"), &[ff, c], Role::Matrix));
        specs.push(spec(&format!("{layer}.mlp.down_proj.weight"), &[c, ff], Role::Matrix));
    }
    specs.push(spec("model.norm.weight", &[c], Role::NormWeight));
}

fn list_linear(specs: &mut Vec<TensorSpec>, name: &str, n_out: i64, n_in: i64) {
    specs.push(spec(&format!("{name}.weight"), &[n_out, n_in], Role::Matrix));
    specs.push(spec(&format!("{name}.bias"), &[n_out], Role::Bias));
}

fn list_norm(specs: &mut Vec<TensorSpec>, name: &str, width: i64) {
    specs.push(spec(&format!("{name}.weight"), &[width], Role::NormWeight));
    specs.push(spec(&format!("{name}.bias"), &[width], Role::NormBias));
}

fn spec(name: &str, shape: &[i64], role: Role) -> TensorSpec {
    TensorSpec { name: name.to_owned(), shape: shape.to_vec(), role }
}

/// Tensors by name, seen from one module of the model.
pub(crate) struct Weights<'a> {
    tensors: &'a BTreeMap<String, Tensor>,
    lora: Option<Lora>,
    prefix: String,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(tensors: &'a BTreeMap<String, Tensor>, lora: Option<Lora>) -> Self {
        Weights { tensors, lora, prefix: String::new() }
    }

    /// Goes down one name.
    pub(crate) fn at(&self, name: impl std::fmt::Display) -> Weights<'a> {
        let prefix = format!("{}{name}.", self.prefix);
        Weights { tensors: self.tensors, lora: self.lora, prefix }
    }

    /// The adapter of the module, if the model has adapters and it is one of their layers.
    pub(crate) fn adapter(&self) -> Option<Adapter> {
        find_adapter(self.tensors, &self.prefix, self.lora?)
    }

    /// Takes a tensor that the layout lists. Panics if it does not.
    pub(crate) fn take(&self, name: &str) -> Tensor {
        let name = format!("{}{name}", self.prefix);
        self.tensors
            .get(&name)
            .unwrap_or_else(|| panic!("`{name}` is used by the model and not in its layout"))
            .shallow_clone()
    }
}
