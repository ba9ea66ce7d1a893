//! Model directories in every form that is published, and what we write back.

use std::{collections::HashMap, fs, path::Path};

use clsrl_vlm::{Config, Init, Model, Precision, VlmError, recognise};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use crate::{
    golden::{Goldens, assert_close},
    tiny,
};

pub type Tensors = Vec<(String, Tensor)>;

pub fn write_config(dir: &Path, config: &Config) {
    fs::write(dir.join("config.json"), config.to_json().to_string()).unwrap();
}

/// Writes tensors in a kind of their own.
pub fn write_tensors(path: &Path, tensors: &Tensors, kind: Kind) {
    let dtype = match kind {
        Kind::BFloat16 => Dtype::BF16,
        Kind::Half => Dtype::F16,
        Kind::Double => Dtype::F64,
        _ => Dtype::F32,
    };
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, tensor)| {
            let narrow = tensor.to_kind(kind).contiguous();
            let mut bytes = vec![0; narrow.numel() * kind.elt_size_in_bytes()];
            narrow.copy_data_u8(&mut bytes, narrow.numel());
            (name.clone(), narrow.size().iter().map(|&n| n as usize).collect(), bytes)
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    fs::write(path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
}

/// Writes two shards and their index, the tensors dealt out in turn.
pub fn write_shards(dir: &Path, tensors: Tensors, kinds: [Kind; 2]) {
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let mut shards = [Tensors::new(), Tensors::new()];
    let mut weight_map = serde_json::Map::new();
    for (idx, (name, tensor)) in tensors.into_iter().enumerate() {
        weight_map.insert(name.clone(), Value::from(names[idx % 2]));
        shards[idx % 2].push((name, tensor));
    }
    for ((name, tensors), kind) in names.iter().zip(&shards).zip(kinds) {
        write_tensors(&dir.join(name), tensors, kind);
    }
    let index = json!({"metadata": {"total_size": 0}, "weight_map": weight_map});
    fs::write(dir.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

pub fn load(dir: &Path) -> Result<Model, VlmError> {
    Model::load(dir, Device::Cpu, Precision::Float32)
}

fn check_equal(found: &Model, expected: &Tensors, kind: Kind) {
    let found = found.named_parameters();
    assert_eq!(found.len(), expected.len());
    for ((name, tensor), (expected_name, expected)) in found.iter().zip(expected) {
        assert_eq!(name, expected_name);
        assert_eq!(tensor.kind(), Kind::Float, "{name}");
        assert_eq!(tensor, &expected.to_kind(kind).to_kind(Kind::Float), "{name}");
    }
}

fn check_loads_in_kind(kind: Kind) {
    let dir = tempfile::tempdir().unwrap();
    let tensors = tiny::model().named_parameters();
    write_config(dir.path(), &tiny::config());
    write_tensors(&dir.path().join("model.safetensors"), &tensors, kind);
    check_equal(&load(dir.path()).unwrap(), &tensors, kind);
}

#[test]
fn float32_bf16_and_f16_become_float32_masters() {
    for kind in [Kind::Float, Kind::BFloat16, Kind::Half] {
        check_loads_in_kind(kind);
    }
}

#[test]
fn shards_are_put_together() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = tiny::model().named_parameters();
    write_config(dir.path(), &tiny::config());
    write_shards(dir.path(), tiny::model().named_parameters(), [Kind::BFloat16; 2]);
    check_equal(&load(dir.path()).unwrap(), &tensors, Kind::BFloat16);
}

/// The same tensors under the names of another release.
fn renamed(rules: &[(&str, &str)]) -> Tensors {
    let rename = |name: String| {
        let rule = rules.iter().find(|(old, _)| name.starts_with(old));
        rule.map_or(name.clone(), |(old, new)| name.replacen(old, new, 1))
    };
    tiny::model()
        .named_parameters()
        .into_iter()
        .map(|(name, tensor)| (rename(name), tensor))
        .collect()
}

#[test]
fn the_names_of_every_release_are_read_also_mixed() {
    let visual = ("visual.", "model.visual.");
    let decoder = ("model.", "model.language_model.");
    for rules in [
        vec![visual],
        vec![decoder, visual],
        vec![("model.layers.1.", "model.language_model.layers.1.")],
    ] {
        let dir = tempfile::tempdir().unwrap();
        write_config(dir.path(), &tiny::config());
        write_tensors(&dir.path().join("model.safetensors"), &renamed(&rules), Kind::Float);
        check_equal(&load(dir.path()).unwrap(), &tiny::model().named_parameters(), Kind::Float);
        fs::remove_file(dir.path().join("model.safetensors")).unwrap();
        write_shards(dir.path(), renamed(&rules), [Kind::Float; 2]);
        check_equal(&load(dir.path()).unwrap(), &tiny::model().named_parameters(), Kind::Float);
    }
}

#[test]
fn one_tensor_under_two_names_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &tiny::config());
    let mut tensors = tiny::model().named_parameters();
    let (name, twin) = (tensors[0].0.clone(), tensors[0].1.copy());
    tensors.push((format!("model.{name}"), twin));
    write_tensors(&dir.path().join("model.safetensors"), &tensors, Kind::Float);
    let message = load(dir.path()).err().unwrap().to_string();
    assert!(
        message.contains("expected one tensor for `visual.patch_embed.proj.weight`"),
        "{message}"
    );
    fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    write_shards(dir.path(), tensors, [Kind::Float; 2]);
    assert!(load(dir.path()).is_err());
}

#[test]
fn a_directory_is_recognised_without_its_weights() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &tiny::config());
    write_shards(
        dir.path(),
        renamed(&[("visual.", "model.visual.")]),
        [Kind::BFloat16, Kind::Float],
    );
    let generation = json!({"eos_token_id": 5, "pad_token_id": 0});
    fs::write(dir.path().join("generation_config.json"), generation.to_string()).unwrap();
    let recognised = recognise(dir.path()).unwrap();
    let n = tiny::model().named_parameters().len();
    let expected = format!(
        "config flat, as published; {n} tensors of BF16 and F32 in 2 files, named model.*, model.visual.*; tied embeddings"
    );
    assert_eq!(recognised.weights, expected);
    let mut config = tiny::config_json();
    config["vocab_size"] = json!(65);
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    let message = recognise(dir.path()).unwrap_err().to_string();
    assert!(
        message.contains("tensor `model.embed_tokens.weight`: expected shape [65, 32]"),
        "{message}"
    );
}

#[test]
fn an_untied_head_is_loaded_and_used() {
    let dir = tempfile::tempdir().unwrap();
    let model = Model::random(tiny::untied_config(), &Init { seed: 3 }, Device::Cpu);
    model.save(dir.path(), dir.path()).unwrap();
    let loaded = load(dir.path()).unwrap();
    check_equal(&loaded, &model.named_parameters(), Kind::Float);
    let head = &model.named_parameters().pop().unwrap().1;
    let hidden = Tensor::eye(tiny::config().hidden_size, (Kind::Float, Device::Cpu));
    assert_close("logits", &loaded.logits(&hidden), &head.transpose(0, 1), 1e-7);
}

#[test]
fn a_tied_head_may_be_stored_if_it_equals_the_embeddings() {
    let dir = tempfile::tempdir().unwrap();
    let mut tensors = tiny::model().named_parameters();
    let embeddings = tensors.iter().find(|(name, _)| name.contains("embed_tokens")).unwrap();
    let head = embeddings.1.copy();
    tensors.push(("lm_head.weight".to_owned(), head.shallow_clone()));
    write_config(dir.path(), &tiny::config());
    let path = dir.path().join("model.safetensors");
    write_tensors(&path, &tensors, Kind::Float);
    assert!(load(dir.path()).unwrap().named_parameters().len() == tensors.len() - 1);

    tensors.last_mut().unwrap().1 = head + 1.0;
    write_tensors(&path, &tensors, Kind::Float);
    let message = load(dir.path()).err().unwrap().to_string();
    assert!(message.contains("tensor `lm_head.weight`: expected the values of"), "{message}");
}

#[test]
fn what_is_saved_is_what_is_loaded() {
    let (source, saved) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(source.path().join("tokenizer.json"), "tokens").unwrap();
    fs::write(source.path().join("notes.txt"), "not ours").unwrap();
    let model = tiny::model();
    model.save(saved.path(), source.path()).unwrap();
    let loaded = load(saved.path()).unwrap();
    check_equal(&loaded, &model.named_parameters(), Kind::Float);

    let mut names: Vec<_> =
        fs::read_dir(saved.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config.json", "model.safetensors", "tokenizer.json"]);

    let mut expected = tiny::config_json();
    expected["torch_dtype"] = Value::from("float32");
    assert_eq!(loaded.config().to_json(), expected);
}

#[test]
fn settings_of_the_image_processor_are_saved_where_every_release_looks() {
    let (source, saved) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let nested = json!({"image_processor": {
        "patch_size": 14, "size": {"shortest_edge": 3136, "longest_edge": 12845056}
    }});
    fs::write(source.path().join("processor_config.json"), nested.to_string()).unwrap();
    tiny::model().save(saved.path(), source.path()).unwrap();
    let text = fs::read_to_string(saved.path().join("preprocessor_config.json")).unwrap();
    let expected = json!({"patch_size": 14, "min_pixels": 3136, "max_pixels": 12845056});
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

#[test]
fn a_model_saves_over_its_own_directory() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tokenizer.json"), "tokens").unwrap();
    let model = tiny::model();
    model.save(dir.path(), dir.path()).unwrap();
    let bytes = fs::read(dir.path().join("model.safetensors")).unwrap();
    load(dir.path()).unwrap().save(dir.path(), dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("model.safetensors")).unwrap(), bytes);
    assert_eq!(fs::read_to_string(dir.path().join("tokenizer.json")).unwrap(), "tokens");
}

#[test]
fn the_golden_model_survives_a_round_trip() {
    for goldens in Goldens::all() {
        let dir = tempfile::tempdir().unwrap();
        let model = goldens.model();
        model.save(dir.path(), &goldens.dir.join("model")).unwrap();
        check_equal(&load(dir.path()).unwrap(), &model.named_parameters(), Kind::Float);
        assert!(dir.path().join("tokenizer.json").exists());
    }
}
