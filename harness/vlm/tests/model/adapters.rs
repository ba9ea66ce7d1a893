//! Low-rank adapters: what they change, what is trained, and that peft reads them.

use std::ffi::OsStr;

use clsrl_vlm::{Lora, Model, PadSide, Precision};
use tch::{Kind, Tensor, no_grad};

use crate::{
    tiny,
    transformers::{pythons, run},
};

const LORA: Lora = Lora { rank: 3, alpha: 6.0 };

/// A tiny model whose adapters have learned something: their B is not 0 any more.
fn adapted() -> Model {
    let model = tiny::model().with_adapters(LORA, 7);
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

fn logits(model: &Model) -> Tensor {
    let batch = tiny::batch(&tiny::prompts(), PadSide::Left);
    no_grad(|| model.logits(&model.hidden(&batch)))
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn new_adapters_change_nothing_and_trained_ones_do() {
    let plain = logits(&tiny::model());
    assert_eq!(largest_difference(&logits(&tiny::model().with_adapters(LORA, 7)), &plain), 0.0);
    assert!(0.01 < largest_difference(&logits(&adapted()), &plain));
}

#[test]
fn without_adapters_the_start_is_what_it_was() {
    assert_eq!(
        largest_difference(&logits(&adapted().frozen_start()), &logits(&tiny::model())),
        0.0
    );
}

#[test]
fn every_linear_layer_of_both_towers_has_an_adapter_and_nothing_else_is_trained() {
    let mut model = adapted();
    model.set_trainable(true);
    let batch = tiny::batch(&tiny::prompts(), PadSide::Left);
    model.logits(&model.hidden(&batch)).square().sum(Kind::Float).backward();
    let trained = model.trained_parameters();
    // Two blocks of four layers, two of the merger, two decoder layers of seven; two matrices each.
    assert_eq!(trained.len(), 2 * (2 * 4 + 2 + 2 * 7));
    for (name, leaf) in &trained {
        assert!(leaf.grad().defined() && 0.0 < leaf.grad().abs().max().double_value(&[]), "{name}");
    }
    let is_adapter = |name: &str| name.contains(".lora_");
    for (name, leaf) in model.named_parameters() {
        assert_eq!(leaf.requires_grad(), is_adapter(&name), "{name}");
    }
}

#[test]
fn merged_adapters_compute_the_same_to_rounding() {
    let merged = adapted().merge().unwrap();
    assert!(largest_difference(&logits(&merged), &logits(&adapted())) < 1e-5);
    assert_eq!(merged.named_parameters().len(), tiny::model().named_parameters().len());
}

#[test]
fn a_frozen_copy_has_the_adapters_too() {
    assert_eq!(largest_difference(&logits(&adapted().frozen_copy(true)), &logits(&adapted())), 0.0);
}

#[test]
fn in_bf16_frozen_weights_are_cast_once_and_adapters_stay_float32() {
    let model = tiny::model().with_precision(Precision::Bfloat16).with_adapters(LORA, 7);
    for (name, tensor) in model.named_parameters() {
        let is_norm = name.contains("norm") || name.contains("ln_q");
        let expected =
            if is_norm || name.contains(".lora_") { Kind::Float } else { Kind::BFloat16 };
        assert_eq!(tensor.kind(), expected, "{name}");
    }
    let plain = logits(&tiny::model().with_precision(Precision::Bfloat16));
    assert_eq!(largest_difference(&logits(&model), &plain), 0.0);
}

#[test]
fn the_same_seed_draws_the_same_adapters() {
    let draw = |seed| tiny::model().with_adapters(LORA, seed).trained_parameters();
    let pairs = draw(1).into_iter().zip(draw(1));
    assert!(pairs.into_iter().all(|((_, first), (_, again))| first.equal(&again)));
    assert!(!draw(1)[0].1.equal(&draw(2)[0].1));
}

#[test]
fn peft_loads_the_adapters_and_computes_the_same_in_every_release() {
    let (base, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tiny::model().save(base.path(), base.path()).unwrap();
    let model = adapted();
    model.save_adapters(dir.path(), "a base model").unwrap();
    let prompt = tiny::prompt(5, 9, 0, 0);
    let ids: Vec<String> = prompt.ids.iter().map(i64::to_string).collect();
    let ours = no_grad(|| model.logits(&model.hidden(&tiny::batch(&[prompt], PadSide::Left))));
    let ours = ours.select(1, -1).view([-1]);
    let dirs = [base.path().as_os_str(), dir.path().as_os_str()];
    let args: Vec<&OsStr> = dirs.into_iter().chain(ids.iter().map(OsStr::new)).collect();
    for python in pythons() {
        let said = run(&python, "load_adapters.py", &args);
        let theirs: Vec<f32> =
            said[0].split_whitespace().map(|number| number.parse().unwrap()).collect();
        let difference = largest_difference(&ours, &Tensor::from_slice(&theirs));
        assert!(difference < 1e-4, "{difference} by {}", python.display());
    }
}

#[test]
fn every_matrix_is_saved_under_its_names_in_old_and_new_releases() {
    let dir = tempfile::tempdir().unwrap();
    let model = adapted();
    model.save_adapters(dir.path(), "a base model").unwrap();
    let bytes = std::fs::read(dir.path().join("adapter_model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.len(), 2 * model.trained_parameters().len());
    for (old, new) in [
        ("visual.blocks.0.attn.qkv", "model.visual.blocks.0.attn.qkv"),
        ("model.layers.1.mlp.up_proj", "model.language_model.layers.1.mlp.up_proj"),
    ] {
        for matrix in ["lora_A.weight", "lora_B.weight"] {
            let data = |layer: &str| {
                file.tensor(&format!("base_model.model.{layer}.{matrix}")).unwrap().data().to_vec()
            };
            assert_eq!(data(old), data(new), "{old}");
        }
    }
}
