//! Adapters in the weights that they adapt: what is hashed, saved and evaluated is one and the same.

use std::{collections::BTreeMap, fs, path::Path};

use clsrl_files::{Folder, difference_in};
use clsrl_vlm::{Lora, Model, Precision, VlmError};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{files::load, tiny};

const LORA: Lora = Lora { rank: 3, alpha: 6.0 };

/// Adapters that have learned something, beside weights that were loaded from a folder.
fn adapted(dir: &Path, precision: Precision) -> Model {
    let model = Model::load(dir, Device::Cpu, precision).unwrap().with_adapters(LORA, 7);
    no_grad(|| {
        for (stream, (name, mut tensor)) in model.trained_parameters().into_iter().enumerate() {
            if name.ends_with("lora_B.weight") {
                let values = Tensor::arange(tensor.numel() as i64, (Kind::Float, model.device()));
                tensor.copy_(&((values * 0.7 + stream as f64).sin() * 0.2).view_as(&tensor));
            }
        }
    });
    model
}

fn merged(model: &Model) -> Result<BTreeMap<String, Tensor>, VlmError> {
    let weights = model.merged_weights()?;
    let of = |at: usize| Ok((weights.name(at).0.to_owned(), weights.values(at)?));
    (0..weights.n_weights()).map(of).collect()
}

/// Start weights and adapters, put together as the paper has it.
fn by_hand(start: &Model, adapted: &Model) -> BTreeMap<String, Tensor> {
    let adapters: BTreeMap<String, Tensor> = adapted.trained_parameters().into_iter().collect();
    let merge = |(name, weight): (String, Tensor)| {
        let layer = name.trim_end_matches("weight");
        let matrix = |matrix: &str| adapters.get(&format!("{layer}{matrix}.weight"));
        match (matrix("lora_A"), matrix("lora_B")) {
            (Some(a), Some(b)) => (name, weight + b.matmul(a) * (LORA.alpha / LORA.rank as f64)),
            _ => (name, weight),
        }
    };
    start.named_parameters().into_iter().map(merge).collect()
}

fn assert_same(found: &BTreeMap<String, Tensor>, expected: &BTreeMap<String, Tensor>) {
    assert!(found.keys().eq(expected.keys()));
    for (name, tensor) in found {
        assert!(tensor.equal(&expected[name]), "{name}");
    }
}

fn saved() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    tiny::model().save(dir.path(), dir.path()).unwrap();
    dir
}

#[test]
fn merged_weights_are_the_start_s_plus_the_adapters_in_both_precisions() {
    let dir = saved();
    for precision in [Precision::Float32, Precision::Bfloat16] {
        let model = adapted(dir.path(), precision);
        let expected = by_hand(&load(dir.path()).unwrap(), &model);
        // What the cast to bf16 lost is there again.
        assert_same(&merged(&model).unwrap(), &expected);

        let kept = tempfile::tempdir().unwrap();
        model.save(kept.path(), dir.path()).unwrap();
        let on_disk = load(kept.path()).unwrap().named_parameters().into_iter().collect();
        assert_same(&on_disk, &expected);

        let evaluated = model.merge().unwrap();
        assert!(!evaluated.has_adapters());
        let from_disk =
            Model::load(kept.path(), Device::Cpu, precision).unwrap().frozen_copy(false);
        for ((name, found), (_, expected)) in
            evaluated.named_parameters().iter().zip(from_disk.named_parameters())
        {
            assert_eq!(found.kind(), expected.kind(), "{name}");
            assert!(found.equal(&expected), "{name}");
        }
    }
}

#[test]
fn weights_that_were_replaced_before_the_merging_differ() {
    let dir = saved();
    let model = adapted(dir.path(), Precision::Bfloat16);
    let path = dir.path().join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 5000;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = merged(&model).unwrap_err();
    let differs = difference_in(&error).expect("a difference is told");
    assert_eq!(differs.path, path);
}

#[test]
fn saved_adapters_are_read_back_as_they_were() {
    let (dir, adapter) = (saved(), tempfile::tempdir().unwrap());
    let model = adapted(dir.path(), Precision::Float32);
    model.save_adapters(adapter.path(), "a base model").unwrap();
    let read = load(dir.path()).unwrap().with_saved_adapters(LORA, adapter.path()).unwrap();
    let pairs = read.trained_parameters().into_iter().zip(model.trained_parameters());
    for ((name, found), (expected_name, expected)) in pairs {
        assert_eq!(name, expected_name);
        assert!(found.equal(&expected), "{name}");
    }
    let other = Lora { rank: 4, ..LORA };
    let error = load(dir.path()).unwrap().with_saved_adapters(other, adapter.path());
    assert!(error.err().unwrap().is_damage(), "adapters of another rank are none");
}

#[test]
fn weights_are_used_if_they_are_what_they_were() {
    let dir = saved();
    let digest = |name: &str| clsrl_files::sha256(&dir.path().join(name)).unwrap();
    let digests =
        || ["config.json", "model.safetensors"].map(|name| (name.to_owned(), digest(name))).into();
    let folder = Folder::checked(dir.path(), digests());
    let load = || Model::from_folder(&folder, Device::Cpu, Precision::Float32);
    load().unwrap();

    let path = dir.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    let other_header = [&100u64.to_le_bytes(), &whole[8..]].concat();
    let other_values = [&whole[..whole.len() - 1], &[whole[whole.len() - 1] ^ 1]].concat();
    let longer = [&whole[..], b"more"].concat();
    for bytes in [&b""[..], &whole[..5], &whole[..1000], &other_header, &other_values, &longer] {
        fs::write(&path, bytes).unwrap();
        let error = load().err().unwrap();
        assert_eq!(difference_in(&error).map(|differs| &differs.path), Some(&path), "{error}");
    }
    fs::write(&path, &whole).unwrap();
    load().unwrap();
    // An index would have other files read if there were no single one.
    fs::rename(&path, dir.path().join("model-00001-of-00001.safetensors")).unwrap();
    assert!(difference_in(&load().err().unwrap()).is_some());
}
