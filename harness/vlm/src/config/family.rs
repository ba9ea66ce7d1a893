//! The families of models, and what the config of each says by default or not at all.
//!
//! Keys are those of the published files. A default is that of the family's class in transformers, which leaves out a
//! key of a nested part where it is saved with that value; a key whose default has changed between releases has none
//! here.

use serde_json::{Value, json};

/// A family of models, by `model_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Qwen2-VL.
    Qwen2Vl,
    /// Qwen2.5-VL.
    Qwen2_5Vl,
    /// Qwen3-VL, dense.
    Qwen3Vl,
}

impl Family {
    /// All of them, oldest first.
    pub const ALL: [Family; 3] = [Family::Qwen2Vl, Family::Qwen2_5Vl, Family::Qwen3Vl];

    /// What `config.json` calls it.
    pub fn model_type(self) -> &'static str {
        match self {
            Family::Qwen2Vl => "qwen2_vl",
            Family::Qwen2_5Vl => "qwen2_5_vl",
            Family::Qwen3Vl => "qwen3_vl",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Family::Qwen2Vl => "Qwen2-VL",
            Family::Qwen2_5Vl => "Qwen2.5-VL",
            Family::Qwen3Vl => "Qwen3-VL",
        }
    }

    /// The family of a `model_type`.
    pub fn of_model_type(model_type: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|family| family.model_type() == model_type)
    }

    /// Whether the text part stands in `text_config` in published files.
    pub(super) fn is_nested(self) -> bool {
        self == Family::Qwen3Vl
    }

    /// Whether queries, keys and values have biases.
    pub(crate) fn has_qkv_bias(self) -> bool {
        self != Family::Qwen3Vl
    }

    /// Whether each head of queries and keys is normalised before it is turned.
    pub(crate) fn has_qk_norm(self) -> bool {
        self == Family::Qwen3Vl
    }

    /// Whether time, height and width turn frequencies in turn, not in blocks.
    pub(crate) fn interleaves_mrope(self) -> bool {
        self == Family::Qwen3Vl
    }

    /// What `vision_config.hidden_act` is, if it is there.
    pub(super) fn vision_act(self) -> &'static str {
        match self {
            Family::Qwen2Vl => "quick_gelu",
            Family::Qwen2_5Vl => "silu",
            Family::Qwen3Vl => "gelu_pytorch_tanh",
        }
    }

    /// What releases leave out of the text part.
    pub(super) fn text_defaults(self) -> Vec<(&'static str, Value)> {
        match self {
            Family::Qwen2Vl | Family::Qwen2_5Vl => vec![],
            Family::Qwen3Vl => vec![
                ("hidden_size", json!(4096)),
                ("num_attention_heads", json!(32)),
                ("head_dim", json!(128)),
                ("vocab_size", json!(151_936)),
                ("rms_norm_eps", json!(1e-6)),
                ("hidden_act", json!("silu")),
            ],
        }
    }

    /// What releases leave out of `vision_config`. `in_chans` is the name here of every family's channels.
    pub(super) fn vision_defaults(self) -> Vec<(&'static str, Value)> {
        let numbers: &[(&str, i64)] = match self {
            // The same in 4.46 to 5.24.
            Family::Qwen2Vl => &[
                ("depth", 32),
                ("embed_dim", 1280),
                ("hidden_size", 3584),
                ("mlp_ratio", 4),
                ("num_heads", 16),
                ("in_chans", 3),
                ("patch_size", 14),
                ("spatial_merge_size", 2),
                ("temporal_patch_size", 2),
            ],
            // `hidden_size` has none: the class says 3584, every published file 1280.
            Family::Qwen2_5Vl => &[
                ("depth", 32),
                ("intermediate_size", 3420),
                ("num_heads", 16),
                ("in_chans", 3),
                ("patch_size", 14),
                ("spatial_merge_size", 2),
                ("temporal_patch_size", 2),
                ("window_size", 112),
                ("out_hidden_size", 3584),
            ],
            Family::Qwen3Vl => &[
                ("depth", 27),
                ("hidden_size", 1152),
                ("intermediate_size", 4304),
                ("num_heads", 16),
                ("in_chans", 3),
                ("patch_size", 16),
                ("spatial_merge_size", 2),
                ("temporal_patch_size", 2),
                ("out_hidden_size", 3584),
                ("num_position_embeddings", 2304),
            ],
        };
        let blocks = match self {
            Family::Qwen2Vl => None,
            Family::Qwen2_5Vl => Some(("fullatt_block_indexes", json!([7, 15, 23, 31]))),
            Family::Qwen3Vl => Some(("deepstack_visual_indexes", json!([8, 16, 24]))),
        };
        numbers.iter().map(|&(key, number)| (key, json!(number))).chain(blocks).collect()
    }
}
