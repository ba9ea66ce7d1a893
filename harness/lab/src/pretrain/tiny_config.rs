//! The tiny models' `config.json`: the architecture of each family with little more than a million parameters.

use clsrl_tiny::TinyTokenizer;
use clsrl_vlm::{Config, Family, VlmError};
use serde_json::{Map, Value, json};

const HIDDEN: usize = 128;
const LAYERS: usize = 4;

/// The config of a model of this family with this tokenizer.
pub fn config_of(family: Family, tokenizer: &TinyTokenizer) -> Result<Config, VlmError> {
    let ids = ids(tokenizer);
    let config = match family {
        Family::Qwen2Vl => json!({
            "architectures": ["Qwen2VLForConditionalGeneration"],
            "model_type": "qwen2_vl",
            "vision_config": qwen2_tower(),
        }),
        Family::Qwen2_5Vl => json!({
            "architectures": ["Qwen2_5_VLForConditionalGeneration"],
            "model_type": "qwen2_5_vl",
            "vision_config": qwen2_5_tower(),
        }),
        Family::Qwen3Vl => json!({
            "architectures": ["Qwen3VLForConditionalGeneration"],
            "model_type": "qwen3_vl",
            "tie_word_embeddings": true,
            "text_config": qwen3_text(tokenizer),
            "vision_config": qwen3_tower(),
        }),
    };
    let text = match family {
        Family::Qwen2Vl | Family::Qwen2_5Vl => qwen2_text(tokenizer),
        Family::Qwen3Vl => json!({}),
    };
    let parts = [config, text, ids].into_iter().filter_map(|part| match part {
        Value::Object(part) => Some(part),
        _ => None,
    });
    Config::from_json(parts.flatten().collect::<Map<String, Value>>().into())
}

/// The decoder of Qwen2-VL and Qwen2.5-VL.
fn qwen2_text(tokenizer: &TinyTokenizer) -> Value {
    json!({
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
    })
}

/// The decoder of Qwen3-VL.
fn qwen3_text(tokenizer: &TinyTokenizer) -> Value {
    json!({
        "model_type": "qwen3_vl_text",
        "vocab_size": tokenizer.n_tokens(),
        "hidden_size": HIDDEN,
        "intermediate_size": 384,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 48, // heads together are wider than the decoder, as in the 4B model
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 5_000_000.0,
        "rope_scaling": {
            "mrope_interleaved": true, "mrope_section": [8, 8, 8], "rope_type": "default",
        },
        "max_position_embeddings": 32768,
        "attention_bias": false,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": true,
        "use_cache": true,
        "dtype": "float32",
        "bos_token_id": tokenizer.special("<|endoftext|>"),
        "eos_token_id": tokenizer.special("<|im_end|>"),
    })
}

/// Where images stand; the same keys in every family.
fn ids(tokenizer: &TinyTokenizer) -> Value {
    json!({
        "vision_start_token_id": tokenizer.special("<|vision_start|>"),
        "vision_end_token_id": tokenizer.special("<|vision_end|>"),
        "vision_token_id": tokenizer.special("<|vision_pad|>"),
        "image_token_id": tokenizer.special("<|image_pad|>"),
        "video_token_id": tokenizer.special("<|video_pad|>"),
    })
}

fn qwen2_tower() -> Value {
    json!({
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
    })
}

/// An image of 56 x 56 pixels is four windows.
fn qwen2_5_tower() -> Value {
    json!({
        "depth": 3,
        "hidden_act": "silu",
        "hidden_size": 96,
        "intermediate_size": 256,
        "out_hidden_size": HIDDEN,
        "num_heads": 3,
        "in_chans": 3,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
        "tokens_per_second": 2,
        "window_size": 28,
        "fullatt_block_indexes": [1, 2],
    })
}

fn qwen3_tower() -> Value {
    json!({
        "model_type": "qwen3_vl",
        "depth": 3,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 96,
        "intermediate_size": 384,
        "out_hidden_size": HIDDEN,
        "num_heads": 3,
        "in_channels": 3,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
    })
}
