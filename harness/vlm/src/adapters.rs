//! Writes and reads adapters in peft's layout: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! Since transformers 4.52 the decoder's module is called `model.language_model` and the tower's `model.visual`; before
//! they were `model` and `visual`, as in the checkpoint. peft takes the matrices whose names it finds, leaves the rest
//! of its own at zero with no more than a warning, and does not look at what is over. So the file has every matrix
//! under both names: it does the same in every release, and is twice as large as one of them needs. Qwen3-VL has had
//! the later names from its first release on, and no others. The keys have
//! `base_model.model.` in front, as peft wraps a model.

use std::{fs, path::Path};

use clsrl_files::Folder;
use serde_json::json;
use tch::{Device, Tensor};

use crate::{
    checkpoint::read_file,
    config::{Config, Family},
    error::{VlmError, WeightProblem},
    layout::Layout,
    lora::{Lora, adapter_shapes},
    names::Names,
    parameters::Adapters,
    save::{write_tensors, write_whole},
    weights::{Role, TensorSpec},
};

const WEIGHTS: &str = "adapter_model.safetensors";

/// The adapted modules under either name, for peft to find them in the whole model: it adapts what the pattern matches.
fn targets(family: Family) -> String {
    let in_tower = match family {
        Family::Qwen2Vl => r"blocks\.\d+\.(attn\.(qkv|proj)|mlp\.fc[12])|merger\.mlp\.[02]",
        Family::Qwen2_5Vl => {
            r"blocks\.\d+\.(attn\.(qkv|proj)|mlp\.(gate|up|down)_proj)|merger\.mlp\.[02]"
        }
        Family::Qwen3Vl => {
            r"blocks\.\d+\.(attn\.(qkv|proj)|mlp\.linear_fc[12])|(merger|deepstack_merger_list\.\d+)\.linear_fc[12]"
        }
    };
    let in_layers = r"self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj";
    format!(r"(.*\.)?(layers\.\d+\.({in_layers})|visual\.({in_tower}))")
}

/// Writes the config, then the matrices, whose presence means that all is there.
pub(crate) fn save(
    dir: &Path,
    base_model: &str,
    model: &Config,
    adapters: &Adapters,
) -> Result<(), VlmError> {
    fs::create_dir_all(dir).map_err(|source| VlmError::io("create", dir, source))?;
    let config = json!({
        "peft_type": "LORA",
        "task_type": null,
        "base_model_name_or_path": base_model,
        "r": adapters.lora.rank,
        "lora_alpha": adapters.lora.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "use_rslora": false,
        "use_dora": false,
        "init_lora_weights": true,
        "inference_mode": true,
        "target_modules": targets(model.family),
    });
    let path = dir.join("adapter_config.json");
    write_whole(&path, format!("{config:#}\n").as_bytes())?;
    // One tensor after the other, each written under all its names.
    let names = Names::of(model.family);
    let named = |(name, tensor): &(String, Tensor)| {
        keys(names, name).into_iter().map(|key| (key, tensor.shallow_clone())).collect::<Vec<_>>()
    };
    let adapters: Vec<(String, Tensor)> = adapters.matrices.iter().flat_map(named).collect();
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
    let names = Names::of(config.family);
    let specs = |(name, shape): &(String, Vec<i64>)| {
        let spec = |name| TensorSpec { name, shape: shape.clone(), role: Role::Matrix };
        keys(names, name).into_iter().map(spec).collect::<Vec<_>>()
    };
    let layout = Layout { specs: shapes.iter().flat_map(specs).collect(), names };
    let tensors = read_file(&Folder::unchecked(dir), WEIGHTS, &layout, device)?;
    let mut adapters = Vec::with_capacity(shapes.len());
    let mut problems = Vec::new();
    let n_keys = layout.specs.len() / shapes.len();
    for ((name, _), stored) in shapes.into_iter().zip(tensors.chunks(n_keys)) {
        let (first, tensor) = &stored[0];
        for (second, _) in stored[1..].iter().filter(|(_, twin)| !tensor.equal(twin)) {
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
/// `base_model.model.model.visual.blocks.0.attn.qkv.lora_A.weight`; a family that came later has the second alone.
fn keys(names: Names, name: &str) -> Vec<String> {
    let in_peft = |name: String| format!("base_model.model.{name}");
    names.of_modules(name).into_iter().map(in_peft).collect()
}
