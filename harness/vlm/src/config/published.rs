//! The shapes of published models, for what is counted without their files.

use serde_json::{Value, json};

use super::{Config, Tower};
use crate::error::VlmError;

/// Shapes by the name of the published model after `Qwen/`.
///
/// The ids of tokens are those of the published tokenizers.
const SHAPES: [(&str, Shape); 7] = [
    ("Qwen2-VL-2B-Instruct", Shape::new("qwen2_vl", [1536, 28, 12, 2, 8960], 151_936, true)),
    ("Qwen2-VL-7B-Instruct", Shape::new("qwen2_vl", [3584, 28, 28, 4, 18944], 152_064, false)),
    ("Qwen2.5-VL-3B-Instruct", Shape::new("qwen2_5_vl", [2048, 36, 16, 2, 11008], 151_936, true)),
    ("Qwen2.5-VL-7B-Instruct", Shape::new("qwen2_5_vl", [3584, 28, 28, 4, 18944], 152_064, false)),
    ("Qwen3-VL-2B-Instruct", Shape::new("qwen3_vl", [2048, 28, 16, 8, 6144], 151_936, true)),
    ("Qwen3-VL-4B-Instruct", Shape::new("qwen3_vl", [2560, 36, 32, 8, 9728], 151_936, true)),
    ("Qwen3-VL-8B-Instruct", Shape::new("qwen3_vl", [4096, 36, 32, 8, 12288], 151_936, false)),
];

/// The decoder of a published model; its vision tower is told by family and width.
struct Shape {
    model_type: &'static str,
    /// Width, layers, heads, key-value heads, width within the MLP.
    decoder: [i64; 5],
    vocab_size: i64,
    is_tied: bool,
}

impl Shape {
    const fn new(
        model_type: &'static str,
        decoder: [i64; 5],
        vocab_size: i64,
        is_tied: bool,
    ) -> Self {
        Shape { model_type, decoder, vocab_size, is_tied }
    }

    fn json(&self) -> Value {
        let [hidden_size, n_layers, n_heads, n_kv_heads, intermediate_size] = self.decoder;
        let is_qwen3 = self.model_type == "qwen3_vl";
        let section = if is_qwen3 { [24, 20, 20] } else { [16, 24, 24] };
        let mut config = json!({
            "model_type": self.model_type, "hidden_act": "silu", "hidden_size": hidden_size,
            "num_hidden_layers": n_layers, "num_attention_heads": n_heads,
            "num_key_value_heads": n_kv_heads, "intermediate_size": intermediate_size,
            "head_dim": 128, "rms_norm_eps": 1e-6,
            "rope_theta": if is_qwen3 { 5e6 } else { 1e6 },
            "rope_scaling": {"type": "mrope", "mrope_section": section},
            "tie_word_embeddings": self.is_tied, "vocab_size": self.vocab_size,
            "image_token_id": 151_655, "video_token_id": 151_656, "vision_start_token_id": 151_652,
        });
        config["vision_config"] = match (self.model_type, hidden_size) {
            ("qwen2_vl", _) => json!({"hidden_size": hidden_size}),
            ("qwen2_5_vl", _) => json!({"hidden_size": 1280, "out_hidden_size": hidden_size}),
            (_, 4096) => json!({"out_hidden_size": hidden_size}),
            _ => json!({
                "depth": 24, "hidden_size": 1024, "intermediate_size": 4096,
                "out_hidden_size": hidden_size, "deepstack_visual_indexes": [5, 11, 17],
            }),
        };
        config
    }
}

impl Config {
    /// The names of the published models whose shapes are known.
    pub fn published_names() -> impl Iterator<Item = &'static str> {
        SHAPES.iter().map(|(name, _)| *name)
    }

    /// The shapes of a published model.
    pub fn published(name: &str) -> Option<Config> {
        let (_, shape) = SHAPES.iter().find(|(known, _)| *known == name)?;
        Some(Config::from_json(shape.json()).expect("published shapes fit together"))
    }

    /// The same with fewer decoder layers or vision blocks, where they are given. Blocks that are named as others than
    /// the rest, and are not there any more, are left out.
    pub fn published_with(
        name: &str,
        n_layers: Option<usize>,
        n_vision_blocks: Option<usize>,
    ) -> Option<Result<Config, VlmError>> {
        let config = Config::published(name)?;
        let n_layers = n_layers.unwrap_or(config.num_hidden_layers as usize);
        let depth = n_vision_blocks.unwrap_or(config.vision_config.depth as usize);
        let left = |indexes: &[i64]| -> Vec<i64> {
            indexes.iter().copied().filter(|&index| index < depth as i64).collect()
        };
        let (_, shape) = SHAPES.iter().find(|(known, _)| *known == name)?;
        let mut json = shape.json();
        json["num_hidden_layers"] = json!(n_layers);
        json["vision_config"]["depth"] = json!(depth);
        match &config.vision_config.tower {
            Tower::Qwen2Vl => {}
            Tower::Qwen2_5Vl { fullatt_block_indexes, .. } => {
                json["vision_config"]["fullatt_block_indexes"] = json!(left(fullatt_block_indexes));
            }
            Tower::Qwen3Vl { deepstack_visual_indexes, .. } => {
                let mut left = left(deepstack_visual_indexes);
                left.truncate(n_layers);
                json["vision_config"]["deepstack_visual_indexes"] = json!(left);
            }
        }
        Some(Config::from_json(json))
    }
}
