//! Which tensors a checkpoint of a given config has: those that the model's modules load, in that order.

use std::cell::RefCell;

use tch::{Device, Tensor};

use crate::{
    config::Config,
    decoder::Decoder,
    names::Names,
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
        let (weights, names) = (Weights::new(source), Names::of(config.family));
        let visual = weights.at(names.visual);
        let visual = VisionTower::load(&config.vision_config, &visual, ropes.vision);
        let model = Decoder::load(config, &weights.at(names.decoder), ropes.text);
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
pub(crate) fn layout(config: &Config) -> Layout {
    let listing = Source::Listing(RefCell::default());
    Modules::load(config, &listing, Ropes::new(config, Device::Cpu));
    match listing {
        Source::Listing(specs) => {
            Layout { specs: specs.into_inner(), names: Names::of(config.family) }
        }
        Source::Tensors { .. } => unreachable!("nothing turns a listing into tensors"),
    }
}

/// Numbers that a checkpoint of a config holds: all parameters, and those of the vision tower.
pub fn n_parameters(config: &Config) -> (i64, i64) {
    let visual = Names::of(config.family).visual;
    let mut counted = (0, 0);
    for spec in layout(config).specs {
        let n = spec.shape.iter().product::<i64>();
        counted.0 += n;
        counted.1 += if spec.name.starts_with(visual) { n } else { 0 };
    }
    counted
}

/// The tensors of a checkpoint, and what their names begin with.
pub(crate) struct Layout {
    pub(crate) specs: Vec<TensorSpec>,
    pub(crate) names: Names,
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
            let specs = layout(&config(tied)).specs.into_iter();
            specs.map(|spec| format!("{} {:?}\n", spec.name, spec.shape)).collect()
        };
        assert_eq!(listed(false), PUBLISHED);
        assert_eq!(listed(true), PUBLISHED.replace("lm_head.weight [70, 32]\n", ""));
    }

    /// Counted by transformers on meta tensors, of the published configs.
    #[test]
    fn published_models_have_the_parameters_that_transformers_counts() {
        let counted = [
            ("Qwen2-VL-2B-Instruct", 2_208_985_600, None, None),
            ("Qwen2-VL-7B-Instruct", 8_291_375_616, None, None),
            ("Qwen2.5-VL-3B-Instruct", 3_754_622_976, Some(668_684_288), Some(824)),
            ("Qwen2.5-VL-7B-Instruct", 8_292_166_656, Some(676_550_144), Some(729)),
            ("Qwen3-VL-2B-Instruct", 2_127_532_032, Some(406_957_056), Some(625)),
            ("Qwen3-VL-4B-Instruct", 4_437_815_808, Some(415_347_712), Some(713)),
            ("Qwen3-VL-8B-Instruct", 8_767_123_696, Some(576_388_336), Some(750)),
        ];
        let names: Vec<&str> = counted.iter().map(|(name, ..)| *name).collect();
        assert_eq!(Config::published_names().collect::<Vec<_>>(), names);
        for (name, of_all, of_vision, n_tensors) in counted {
            let config = Config::published(name).unwrap();
            let found = n_parameters(&config);
            assert_eq!(found.0, of_all, "{name}");
            assert_eq!(found.1, of_vision.unwrap_or(found.1), "{name}");
            let found = layout(&config).specs.len();
            assert_eq!(found, n_tensors.unwrap_or(found), "{name}");
        }
    }
}
