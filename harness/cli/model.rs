//! What people give as a model that is none, and what to do about it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_data::text::template_system;
use serde_json::Value;

use crate::exit::Exit;

/// Most that is read of a file to see what it is.
const MAX_BYTES: u64 = 16 << 20;

/// How a Git LFS pointer begins; it is never longer than this many bytes.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
const MAX_POINTER: u64 = 1024;

/// The model directory that was named, checked to be one by the names of its files.
///
/// # Errors
///
/// Where it is none, with a hint at what to give instead.
pub fn find_model(given: &Path) -> anyhow::Result<PathBuf> {
    let refused =
        |(found, hint): (String, String)| Exit::Usage.because(anyhow!("{found}\nhint: {hint}"));
    if !given.is_dir() {
        return Err(refused(no_directory(given)));
    }
    // Workers get the path as well, so it must not depend on the current folder.
    let dir = given.canonicalize().with_context(|| format!("cannot read `{}`", given.display()))?;
    let names = file_names(&dir).with_context(|| format!("cannot read `{}`", dir.display()))?;
    if let Some(found) = pointers(&dir, &names) {
        return Err(refused(found));
    }
    if let Some(found) = no_weights(&dir, &names) {
        return Err(refused(found));
    }
    // What is no regular file is reported here, before anything waits for it.
    for name in
        names.iter().filter(|name| name.ends_with(".safetensors") || name.ends_with(".json"))
    {
        let path = dir.join(name);
        clsrl_files::open(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))
            .map_err(|error| Exit::Usage.because(error))?;
    }
    Ok(dir)
}

fn file_names(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// The `repetition_penalty` of a model directory, where it changes answers. What is wrong with the file is reported where
/// the model is checked.
pub fn repetition_penalty(dir: &Path) -> Option<String> {
    let bytes = clsrl_files::read(&dir.join("generation_config.json"), MAX_BYTES).ok()?;
    let json: Value = serde_json::from_slice(&bytes).ok()?;
    let penalty = json["repetition_penalty"].as_f64()?;
    (penalty != 1.0).then(|| penalty.to_string())
}

/// What the chat template of a model directory puts in where a conversation has no system message. What is wrong with
/// the config is reported where the model is checked.
pub fn system_of(dir: &Path) -> &'static str {
    let config = clsrl_files::read(&dir.join("config.json"), MAX_BYTES).ok();
    let config: Option<Value> = config.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    template_system(
        config.as_ref().and_then(|json| json["model_type"].as_str()).unwrap_or_default(),
    )
}

/// The bytes that a model's weights take in float32, as checkpoints have them; none where its files do not tell.
pub fn float32_bytes(dir: &Path) -> Option<u64> {
    let bytes = clsrl_files::read(&dir.join("config.json"), MAX_BYTES).ok()?;
    let json: Value = serde_json::from_slice(&bytes).ok()?;
    // Published files have it at the top, or with the text part where that is nested.
    let dtype_of = |json: &Value| {
        ["torch_dtype", "dtype"].iter().find_map(|key| json[*key].as_str().map(str::to_owned))
    };
    let factor = match dtype_of(&json).or_else(|| dtype_of(&json["text_config"]))?.as_str() {
        "float32" => 1,
        "bfloat16" | "float16" => 2,
        _ => return None,
    };
    let names = file_names(dir).ok()?;
    let weights = names.iter().filter(|name| name.ends_with(".safetensors"));
    let sizes = weights.map(|name| Some(fs::metadata(dir.join(name)).ok()?.len()));
    Some(factor * sizes.sum::<Option<u64>>()?)
}

/// What stands where a directory should: what it is, and what to do.
fn no_directory(given: &Path) -> (String, String) {
    let shown = given.display();
    let is = |extension: &str| given.extension().is_some_and(|found| found == extension);
    if given.exists() {
        let hint = match given.parent() {
            _ if is("gguf") => GGUF.to_owned(),
            Some(parent) if is("safetensors") => {
                format!("--model takes the folder that holds it, `{}`", parent.display())
            }
            _ => "--model takes a folder with config.json and model.safetensors".to_owned(),
        };
        return (format!("`{shown}` is a file, expected a model directory"), hint);
    }
    let words: Vec<_> = given.iter().collect();
    let is_hub_name = words.len() == 2
        && given.is_relative()
        && words.iter().all(|word| *word != ".." && *word != ".");
    let hint = if is_hub_name {
        format!(
            "if it is a name on the Hugging Face Hub, `clsrl-bench model fetch {shown}` brings the model here, \
             and --model hf:{shown} uses it"
        )
    } else {
        "--model takes a folder with config.json and model.safetensors".to_owned()
    };
    (format!("there is no model directory `{shown}`"), hint)
}

const GGUF: &str = "GGUF holds quantized weights for llama.cpp; give a folder with the safetensors that they were made from";

/// Finds files that Git LFS has not fetched.
fn pointers(dir: &Path, names: &[String]) -> Option<(String, String)> {
    let is_pointer = |name: &&String| {
        let path = dir.join(name);
        let is_short =
            fs::metadata(&path).is_ok_and(|about| about.is_file() && about.len() <= MAX_POINTER);
        is_short
            && clsrl_files::read(&path, MAX_POINTER).is_ok_and(|bytes| bytes.starts_with(POINTER))
    };
    let pointers: Vec<&str> = names.iter().filter(is_pointer).map(String::as_str).collect();
    if pointers.is_empty() {
        return None;
    }
    let found =
        format!("`{}` holds Git LFS pointers in place of {}", dir.display(), pointers.join(", "));
    let hint =
        "fetch the files with `git lfs install`, then `git lfs pull` in that folder".to_owned();
    Some((found, hint))
}

/// Says what a directory without weights in safetensors is.
fn no_weights(dir: &Path, names: &[String]) -> Option<(String, String)> {
    let has = |name: &str| names.iter().any(|found| found == name);
    let first = |is: fn(&str) -> bool| names.iter().map(String::as_str).find(|name| is(name));
    let (single, index) = ("model.safetensors", "model.safetensors.index.json");
    if has(single) || has(index) {
        return None;
    }
    let shown = dir.display();
    let lacks = |what: &str| format!("`{shown}` has no {single} or {index}, but {what}");
    if has("adapter_config.json") || first(|name| name.starts_with("adapter_model")).is_some() {
        let base = base_of_adapter(dir).unwrap_or_else(|| "its base model".to_owned());
        let hint = format!(
            "it is an adapter (LoRA), no model: merge it into {base} with peft, \
             `PeftModel.from_pretrained(base, DIR).merge_and_unload().save_pretrained(TO)`, and give --model TO"
        );
        return Some((lacks("an adapter"), hint));
    }
    if let Some(shard) = first(is_shard) {
        let hint = format!(
            "the shards' index, {index}, is missing: fetch it from where the shards come from"
        );
        return Some((lacks(&format!("shards as `{shard}`")), hint));
    }
    if let Some(name) = first(|name| name.ends_with(".gguf")) {
        return Some((lacks(&format!("`{name}`")), GGUF.to_owned()));
    }
    let is_pickle = |name: &str| {
        [".bin", ".pt", ".pth", ".ckpt"].iter().any(|extension| name.ends_with(extension))
            && name != "training_args.bin"
    };
    if let Some(name) = first(is_pickle) {
        let hint = "pickled weights are never run here: load the model with transformers and save it with \
                    `save_pretrained(TO, safe_serialization=True)`";
        return Some((lacks(&format!("`{name}`")), hint.to_owned()));
    }
    if has("snapshots") && has("refs") {
        let hint = "it is a folder of the Hub's cache: give the folder below its `snapshots`";
        return Some((lacks("`snapshots`"), hint.to_owned()));
    }
    if let Some(name) = first(|name| name.starts_with("checkpoint-")) {
        let hint =
            format!("it is a trainer's output: give one of its checkpoints, as `{shown}/{name}`");
        return Some((lacks(&format!("`{name}`")), hint));
    }
    let hint = "--model takes a Hugging Face model folder with its weights in safetensors";
    Some((format!("`{shown}` has no {single} or {index}"), hint.to_owned()))
}

/// Whether a file is called as shards are, `model-00001-of-00002.safetensors`.
fn is_shard(name: &str) -> bool {
    name.ends_with(".safetensors") && name.contains("-of-")
}

fn base_of_adapter(dir: &Path) -> Option<String> {
    let bytes = clsrl_files::read(&dir.join("adapter_config.json"), MAX_BYTES).ok()?;
    let json: Value = serde_json::from_slice(&bytes).ok()?;
    Some(format!("`{}`", json["base_model_name_or_path"].as_str()?))
}
