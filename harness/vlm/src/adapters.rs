//! Writes and reads adapters in peft's layout: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! Layers go by the names that transformers 4.52 and newer give their modules, where the decoder is
//! `model.language_model` and the tower `model.visual`; in the checkpoint they are `model` and `visual`. The
//! file's keys have `base_model.model.` in front, as peft wraps a model.

use std::{fs, path::Path};

use clsrl_files::Folder;
use serde_json::json;
use tch::{Device, Tensor};

use crate::{
    checkpoint::read_file,
    config::Config,
    error::VlmError,
    layout::{Role, TensorSpec},
    lora::{Lora, adapter_shapes},
    save::{write_tensors, write_whole},
};

const WEIGHTS: &str = "adapter_model.safetensors";

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
    let keys: Vec<String> = adapters.iter().map(|(name, _)| key(name)).collect();
    let header = keys.iter().zip(adapters).map(|(key, (_, tensor))| (&**key, tensor.size()));
    let mut tensors = adapters.iter().map(|(_, tensor)| Ok(tensor.shallow_clone()));
    write_tensors(&dir.join(WEIGHTS), header, &mut tensors)
}

/// Reads the matrices that [`save`] wrote for a model of this config, by the names that they have in the model.
pub(crate) fn load(
    dir: &Path,
    config: &Config,
    lora: Lora,
    device: Device,
) -> Result<Vec<(String, Tensor)>, VlmError> {
    let shapes = adapter_shapes(config, lora);
    let spec = |(name, shape): &(String, Vec<i64>)| TensorSpec {
        name: key(name),
        shape: shape.clone(),
        role: Role::Matrix,
    };
    let layout: Vec<TensorSpec> = shapes.iter().map(spec).collect();
    let tensors = read_file(&Folder::unchecked(dir), WEIGHTS, &layout, device)?;
    let names = shapes.into_iter().map(|(name, _)| name);
    Ok(names.zip(tensors).map(|(name, (_, tensor))| (name, tensor)).collect())
}

/// `visual.blocks.0.attn.qkv.lora_A.weight` to `base_model.model.model.visual.blocks.0.attn.qkv.lora_A.weight`.
fn key(name: &str) -> String {
    match name.strip_prefix("model.") {
        Some(decoder) => format!("base_model.model.model.language_model.{decoder}"),
        None => format!("base_model.model.model.{name}"),
    }
}
