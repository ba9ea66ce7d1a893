//! The tiny model's `config.json`: Qwen2-VL's architecture with 1.6 million parameters.

use clsrl_tiny::TinyTokenizer;
use clsrl_vlm::{Config, VlmError};
use serde_json::json;

/// The config of a model with this tokenizer.
pub fn config_of(tokenizer: &TinyTokenizer) -> Result<Config, VlmError> {
    const HIDDEN: usize = 128;
    const LAYERS: usize = 4;
    Config::from_json(json!({
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "model_type": "qwen2_vl",
        "vocab_size": tokenizer.n_tokens(),
        "hidden_size": HIDDEN,
        "intermediate_size": 384,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
        "max_position_embeddings": 32768,
        "max_window_layers": LAYERS,
        "sliding_window": 32768,
        "use_sliding_window": false,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": true,
        "use_cache": true,
        "torch_dtype": "float32",
        "bos_token_id": tokenizer.special("<|endoftext|>"),
        "eos_token_id": tokenizer.special("<|im_end|>"),
        "vision_start_token_id": tokenizer.special("<|vision_start|>"),
        "vision_end_token_id": tokenizer.special("<|vision_end|>"),
        "vision_token_id": tokenizer.special("<|vision_pad|>"),
        "image_token_id": tokenizer.special("<|image_pad|>"),
        "video_token_id": tokenizer.special("<|video_pad|>"),
        "vision_config": {
            "depth": 3,
            "embed_dim": 96,
            "hidden_size": HIDDEN,
            "mlp_ratio": 4,
            "num_heads": 3,
            "in_chans": 3,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "spatial_patch_size": 14,
            "temporal_patch_size": 2,
        },
    }))
}
