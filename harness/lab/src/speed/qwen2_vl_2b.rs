//! The shapes of Qwen2-VL-2B, for random weights.

use clsrl_vlm::{Config, VlmError};
use serde_json::json;

/// The config of Qwen2-VL-2B, with fewer decoder layers or vision blocks if wanted.
pub fn qwen2_vl_2b(
    n_layers: Option<usize>,
    n_vision_blocks: Option<usize>,
) -> Result<Config, VlmError> {
    Config::from_json(json!({
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "model_type": "qwen2_vl",
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": n_layers.unwrap_or(28),
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "rope_scaling": { "type": "mrope", "mrope_section": [16, 24, 24] },
        "tie_word_embeddings": true,
        "use_sliding_window": false,
        "vocab_size": 151_936,
        "bos_token_id": 151_643,
        "eos_token_id": 151_645,
        "vision_start_token_id": 151_652,
        "vision_end_token_id": 151_653,
        "vision_token_id": 151_654,
        "image_token_id": 151_655,
        "video_token_id": 151_656,
        "vision_config": {
            "depth": n_vision_blocks.unwrap_or(32),
            "embed_dim": 1280,
            "mlp_ratio": 4,
            "num_heads": 16,
            "in_chans": 3,
            "hidden_size": 1536,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
    }))
}
