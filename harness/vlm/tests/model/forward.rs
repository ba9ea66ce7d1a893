//! Every tensor of `forward.safetensors`.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_vlm::{Batch, Model, PadSide, Prompt, Stage, patch_order};
use tch::{Device, Kind, Tensor, no_grad};

use crate::golden::{Goldens, assert_close};

const PAD_ID: i64 = 0;

/// What we compute, under the names of the golden set.
fn compute(model: &Model, prompts: &[Prompt]) -> BTreeMap<String, Tensor> {
    let prompts: Vec<&Prompt> = prompts.iter().collect();
    let batch = Batch::new(&prompts, PadSide::Left, PAD_ID, model.config(), Device::Cpu).unwrap();
    let mut found = BTreeMap::new();
    let hidden = model.hidden_trace(&batch, &mut |stage, tensor| {
        found.insert(stage_name(stage), tensor.shallow_clone());
    });
    for name in ["rope.sin", "vision.rope.sin"] {
        let sin = found.remove(name).unwrap();
        found.insert(name.to_owned(), unsigned(&sin));
    }
    let logits = model.logits(&hidden);
    let features = model.encode_images(&batch.pixels, &batch.grids);
    assert_close("features alone", &features, &found["vision_features"], 0.0);
    found.insert("logits_logsumexp".to_owned(), logits.logsumexp([-1i64].as_slice(), false));
    found.insert("last_logits".to_owned(), logits.select(1, -1));
    found.insert("logits".to_owned(), logits);
    found.insert("rope_deltas".to_owned(), batch.rope_deltas());
    found.insert("position_ids".to_owned(), batch.positions);
    found.insert("attention_mask".to_owned(), batch.mask);
    found.insert("input_ids".to_owned(), batch.ids);
    found
}

fn stage_name(stage: Stage) -> String {
    match stage {
        Stage::PatchEmbed => "vision.patch_embed".to_owned(),
        Stage::VisionRopeCos => "vision.rope.cos".to_owned(),
        Stage::VisionRopeSin => "vision.rope.sin".to_owned(),
        Stage::VisionBlocksInput => "vision.blocks_input".to_owned(),
        Stage::VisionBlock(block_idx) => format!("vision.block{block_idx}"),
        Stage::DeepstackFeatures(idx) => format!("deepstack_features{idx}"),
        Stage::Features => "vision_features".to_owned(),
        Stage::Embedded => "hidden.embed".to_owned(),
        Stage::RopeCos => "rope.cos".to_owned(),
        Stage::RopeSin => "rope.sin".to_owned(),
        Stage::Layer(layer_idx) => format!("hidden.layer{layer_idx}"),
        Stage::Deepstack(layer_idx) => format!("hidden.deepstack{layer_idx}"),
        Stage::FinalNorm => "hidden.final_norm".to_owned(),
    }
}

/// The signs of the first half belong to the rotation, not to the angle.
fn unsigned(sin: &Tensor) -> Tensor {
    let halves = sin.chunk(2, -1);
    assert_close("signs of the sines", &-&halves[0], &halves[1], 0.0);
    Tensor::cat(&[&halves[1], &halves[1]], -1)
}

/// Rows of a vision block's output in the order of transformers, whose windows go row by row: those of the only image
/// of a case.
fn in_reference_order(goldens: &Goldens, case: &str, model: &Model, rows: &Tensor) -> Tensor {
    let prompt = goldens.prompt(case);
    let vision = &model.config().vision_config;
    let Some(order) = patch_order(vision, (prompt.grids[0].h, prompt.grids[0].w)) else {
        return rows.shallow_clone();
    };
    let file = goldens.json("forward.json");
    let windows = file["windows"][case]["window_index"].as_array().unwrap();
    let m = vision.patches_per_token();
    let patches = windows.iter().flat_map(|token| {
        let token = token.as_i64().unwrap();
        token * m..(token + 1) * m
    });
    let places: Vec<i64> = patches
        .map(|patch| order.iter().position(|&found| found == patch).unwrap() as i64)
        .collect();
    rows.squeeze_dim(0).index_select(0, &Tensor::from_slice(&places))
}

/// The key in `tolerances.json`; what was not measured is as good as the logits it is made of.
fn tolerance_key(case: &str, name: &str) -> String {
    let measured = if name == "logits_logsumexp" { "last_logits" } else { name };
    format!("forward/{case}.{measured}")
}

fn check_case(goldens: &Goldens, case: &str, rows: &[String]) {
    let model = goldens.model();
    let prompts: Vec<Prompt> = rows.iter().map(|row| goldens.prompt(row)).collect();
    let found = no_grad(|| compute(&model, &prompts));
    let mask = &goldens.tensors[&format!("{case}.attention_mask")];
    let expected = goldens.tensors.iter().filter_map(|(full_name, tensor)| {
        Some((full_name.strip_prefix(&format!("{case}."))?, tensor))
    });
    for (name, expected) in expected {
        let what = format!("{case}.{name}");
        match name {
            "pixel_values" | "image_grid_thw" => {} // the prompt was made of them
            "input_ids" | "position_ids" => {
                assert_close(&what, &(&found[name] * mask), &(expected * mask), 0.0);
            }
            "attention_mask" | "rope_deltas" => assert_close(&what, &found[name], expected, 0.0),
            "logits_logsumexp" => {
                let tolerance = goldens.tolerance(&tolerance_key(case, name));
                let real = mask.to_kind(Kind::Float);
                assert_close(&what, &(&found[name] * &real), &(expected * &real), tolerance);
            }
            _ => {
                let ours = found.get(name).unwrap_or_else(|| panic!("{what} is not computed"));
                let ours = match name.starts_with("vision.block") {
                    true => in_reference_order(goldens, case, &model, ours),
                    false => ours.shallow_clone(),
                };
                assert_close(&what, &ours, expected, goldens.tolerance(&tolerance_key(case, name)));
            }
        }
    }
}

#[test]
fn single_prompts_equal_transformers() {
    for goldens in Goldens::all() {
        for case in &goldens.cases {
            check_case(&goldens, case, std::slice::from_ref(case));
        }
    }
}

#[test]
fn a_left_padded_batch_equals_transformers() {
    for goldens in Goldens::all() {
        check_case(&goldens, "batch", &goldens.batch_rows);
    }
}

#[test]
fn every_golden_tensor_belongs_to_a_checked_case() {
    for goldens in Goldens::all() {
        let cases: BTreeSet<&str> =
            goldens.cases.iter().map(String::as_str).chain(["batch"]).collect();
        for name in goldens.tensors.keys() {
            let case = name.split('.').next().unwrap();
            assert!(cases.contains(case), "{name} belongs to no case");
        }
    }
}
