//! Writes and reads adapters in peft's layout: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! Since transformers 4.52 the decoder's module is called `model.language_model` and the tower's `model.visual`; before
//! they were `model` and `visual`, as in the checkpoint. peft takes the matrices whose names it finds, leaves the rest
//! of its own at zero with no more than a warning, and does not look at what is over. So the file has every matrix
//! under both names: it does the same in every release, and is twice as large as one of them needs. The keys have
//! `base_model.model.` in front, as peft wraps a model.

use std::{fs, path::Path};

use clsrl_files::Folder;
use serde_json::json;
use tch::{Device, Tensor};

use crate::{
    checkpoint::read_file,
    config::Config,
    error::{VlmError, WeightProblem},
    lora::{Lora, adapter_shapes},
    save::{write_tensors, write_whole},
    weights::{Role, TensorSpec},
};

const WEIGHTS: &str = "adapter_model.safetensors";

/// The adapted modules under either name, for peft to find them in the whole model: it adapts what the pattern matches.
const TARGETS: &str = r"(.*\.)?(layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)|visual\.(blocks\.\d+\.(attn\.(qkv|proj)|mlp\.fc[12])|merger\.mlp\.[02]))";

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
    // One tensor after the other, each written twice.
    let named =
        |(name, tensor): &(String, Tensor)| keys(name).map(|key| (key, tensor.shallow_clone()));
    let adapters: Vec<(String, Tensor)> = adapters.iter().flat_map(named).collect();
    let header = adapters.iter().map(|(key, tensor)| (&**key, tensor.size()));
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
    let specs = |(name, shape): &(String, Vec<i64>)| {
        keys(name).map(|name| TensorSpec { name, shape: shape.clone(), role: Role::Matrix })
    };
    let layout: Vec<TensorSpec> = shapes.iter().flat_map(specs).collect();
    let tensors = read_file(&Folder::unchecked(dir), WEIGHTS, &layout, device)?;
    let mut adapters = Vec::with_capacity(shapes.len());
    let mut problems = Vec::new();
    for ((name, _), pair) in shapes.into_iter().zip(tensors.chunks(2)) {
        let [(first, tensor), (second, twin)] = pair else {
            unreachable!("the layout has two of each");
        };
        if !tensor.equal(twin) {
            problems.push(WeightProblem {
                file: WEIGHTS.to_owned(),
                tensor: Some(second.clone()),
                expected: format!("the values of `{first}`"),
                found: "other values".to_owned(),
            });
        }
        adapters.push((name, tensor.shallow_clone()));
    }
    if problems.is_empty() {
        Ok(adapters)
    } else {
        Err(VlmError::Weights { dir: dir.to_owned(), problems })
    }
}

/// `visual.blocks.0.attn.qkv.lora_A.weight` to `base_model.model.visual.blocks.0.attn.qkv.lora_A.weight` and
/// `base_model.model.model.visual.blocks.0.attn.qkv.lora_A.weight`.
fn keys(name: &str) -> [String; 2] {
    let since_4_52 = match name.strip_prefix("model.") {
        Some(decoder) => format!("model.language_model.{decoder}"),
        None => format!("model.{name}"),
    };
    [name, &since_4_52].map(|name| format!("base_model.model.{name}"))
}
