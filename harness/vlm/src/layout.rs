//! Which tensors a checkpoint of a given config has: those that the model's modules load, in that order.

use std::cell::RefCell;

use tch::{Device, Tensor};

use crate::{
    config::Config,
    decoder::Decoder,
    rope::Ropes,
    vision::VisionTower,
    weights::{Role, Source, TensorSpec, Weights},
};

/// The modules of a model.
pub(crate) struct Modules {
    pub(crate) visual: VisionTower,
    pub(crate) model: Decoder,
    pub(crate) lm_head: Tensor, // (vocabulary, c)
}

impl Modules {
    /// Loads the modules, the vision tower first.
    pub(crate) fn load(config: &Config, source: &Source, ropes: Ropes) -> Self {
        let weights = Weights::new(source);
        let visual = VisionTower::load(&config.vision_config, &weights.at("visual"), ropes.vision);
        let model = Decoder::load(config, &weights.at("model"), ropes.text);
        let lm_head = match config.tie_word_embeddings {
            true => model.embed_tokens.weight.shallow_clone(),
            false => {
                let shape = [config.vocab_size, config.hidden_size];
                weights.at("lm_head").take("weight", &shape, Role::Matrix)
            }
        };
        Modules { visual, model, lm_head }
    }
}

/// Lists every tensor of a model in the order of loading, which names the streams of random weights and is that of
/// digests, optimizer and files.
pub(crate) fn layout(config: &Config) -> Vec<TensorSpec> {
    let listing = Source::Listing(RefCell::default());
    Modules::load(config, &listing, Ropes::new(config, Device::Cpu));
    match listing {
        Source::Listing(specs) => specs.into_inner(),
        Source::Tensors { .. } => unreachable!("nothing turns a listing into tensors"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PUBLISHED: &str = "\
visual.patch_embed.proj.weight [16, 3, 2, 14, 14]
visual.blocks.0.norm1.weight [16]
visual.blocks.0.norm1.bias [16]
visual.blocks.0.attn.qkv.weight [48, 16]
visual.blocks.0.attn.qkv.bias [48]
visual.blocks.0.attn.proj.weight [16, 16]
visual.blocks.0.attn.proj.bias [16]
visual.blocks.0.norm2.weight [16]
visual.blocks.0.norm2.bias [16]
visual.blocks.0.mlp.fc1.weight [32, 16]
visual.blocks.0.mlp.fc1.bias [32]
visual.blocks.0.mlp.fc2.weight [16, 32]
visual.blocks.0.mlp.fc2.bias [16]
visual.merger.ln_q.weight [16]
visual.merger.ln_q.bias [16]
visual.merger.mlp.0.weight [64, 64]
visual.merger.mlp.0.bias [64]
visual.merger.mlp.2.weight [32, 64]
visual.merger.mlp.2.bias [32]
model.embed_tokens.weight [70, 32]
model.layers.0.input_layernorm.weight [32]
model.layers.0.self_attn.q_proj.weight [32, 32]
model.layers.0.self_attn.q_proj.bias [32]
model.layers.0.self_attn.k_proj.weight [16, 32]
model.layers.0.self_attn.k_proj.bias [16]
model.layers.0.self_attn.v_proj.weight [16, 32]
model.layers.0.self_attn.v_proj.bias [16]
model.layers.0.self_attn.o_proj.weight [32, 32]
model.layers.0.post_attention_layernorm.weight [32]
model.layers.0.mlp.gate_proj.weight [48, 32]
model.layers.0.mlp.up_proj.weight [48, 32]
model.layers.0.mlp.down_proj.weight [32, 48]
model.norm.weight [32]
lm_head.weight [70, 32]
";

    /// The order as well: it names the streams of random weights, and digests are of it.
    #[test]
    fn the_layout_is_that_of_a_published_checkpoint() {
        let config = |tied: bool| {
            Config::from_json(json!({
                "model_type": "qwen2_vl", "hidden_act": "silu", "hidden_size": 32,
                "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
                "intermediate_size": 48, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
                "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
                "tie_word_embeddings": tied, "vocab_size": 70, "image_token_id": 60,
                "video_token_id": 61, "vision_start_token_id": 62, "torch_dtype": "float32",
                "vision_config": {
                    "depth": 1, "embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2, "num_heads": 2,
                    "in_chans": 3, "patch_size": 14, "spatial_merge_size": 2,
                    "temporal_patch_size": 2
                }
            }))
            .unwrap()
        };
        let listed = |tied: bool| -> String {
            let specs = layout(&config(tied)).into_iter();
            specs.map(|spec| format!("{} {:?}\n", spec.name, spec.shape)).collect()
        };
        assert_eq!(listed(false), PUBLISHED);
        assert_eq!(listed(true), PUBLISHED.replace("lm_head.weight [70, 32]\n", ""));
    }
}
