//! Writes adapters in peft's layout: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! Layers go by the names that transformers 4.52 and newer give their modules, where the decoder is
//! `model.language_model` and the tower `model.visual`; in the checkpoint they are `model` and `visual`. The
//! file's keys have `base_model.model.` in front, as peft wraps a model.

use std::{fs, path::Path};

use serde_json::json;
use tch::Tensor;

use crate::{
    error::VlmError,
    lora::Lora,
    save::{write_weights, write_whole},
};

/// The adapted modules, for peft to find them in the whole model: it adapts what the pattern matches.
const TARGETS: &str = r".*language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)|.*visual\.(blocks\.\d+\.(attn\.(qkv|proj)|mlp\.fc[12])|merger\.mlp\.[02])";

/// Writes the config, then the matrices, whose presence means that all is there.
pub(crate) fn save(
    dir: &Path,
    base_model: &str,
    lora: Lora,
    adapters: &[(String, Tensor)],
) -> Result<(), VlmError> {
    fs::create_dir_all(dir).map_err(|source| VlmError::io("create", dir, source))?;
    let config = json!({
        "peft_type": "LORA",
        "task_type": null,
        "base_model_name_or_path": base_model,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "use_rslora": false,
        "use_dora": false,
        "init_lora_weights": true,
        "inference_mode": true,
        "target_modules": TARGETS,
    });
    let path = dir.join("adapter_config.json");
    write_whole(&path, format!("{config:#}\n").as_bytes())?;
    let named = |(name, tensor): &(String, Tensor)| (key(name), tensor.shallow_clone());
    let adapters: Vec<(String, Tensor)> = adapters.iter().map(named).collect();
    write_weights(&dir.join("adapter_model.safetensors"), &adapters, &path)
}

/// `visual.blocks.0.attn.qkv.lora_A.weight` to `base_model.model.model.visual.blocks.0.attn.qkv.lora_A.weight`.
fn key(name: &str) -> String {
    match name.strip_prefix("model.") {
        Some(decoder) => format!("base_model.model.model.language_model.{decoder}"),
        None => format!("base_model.model.model.{name}"),
    }
}
