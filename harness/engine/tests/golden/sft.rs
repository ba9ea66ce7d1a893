//! Supervised losses and steps against the golden set, under both label styles.

use clsrl_data::text::{TextTokenizer, example_labels};
use clsrl_engine::{AdamW, inputs::LabelledPrompt, sft::accumulate_examples};
use clsrl_spec::LabelMask;
use clsrl_vlm::GenerationConfig;
use serde_json::Value;
use tch::Kind;

use crate::{
    grpo::optimizer,
    set::{GoldenSet, Step, assert_close, ids, prompt, some_roundings},
};

fn examples(set: &GoldenSet, golden: &Value, style: &str, mask: LabelMask) -> Vec<LabelledPrompt> {
    let forward = set.tensors("forward.safetensors");
    let tensors = set.tensors("sft.safetensors");
    let tokenizer = TextTokenizer::from_dir(&set.model_dir()).unwrap();
    let listed = golden["examples"].as_array().unwrap();
    listed
        .iter()
        .enumerate()
        .map(|(idx, example)| {
            let pixels = example["pixel_values"].as_str().unwrap();
            let pixels = &forward[pixels.strip_prefix("forward.safetensors ").unwrap()];
            let prompt = prompt(
                ids(&tensors[&format!("e{idx}.input_ids")]),
                pixels,
                &tensors[&format!("e{idx}.image_grid_thw")],
            );
            let labels = example_labels(&tokenizer, &prompt.ids, mask).unwrap();
            assert_eq!(labels, ids(&tensors[&format!("e{idx}.labels_{style}")]), "labels of {idx}");
            LabelledPrompt { prompt, labels }
        })
        .collect()
}

/// One step from examples that are batched as given; the step's loss is the mean of their losses.
fn check(style: &str, mask: LabelMask, n_per_batch: usize) {
    for set in GoldenSet::all() {
        let golden: Value = set.json("sft.json");
        let grpo: Value = set.json("grpo.json"); // the optimizer is the same
        let tensors = set.tensors("sft.safetensors");
        let model = set.trainable_model();
        let pad_id = GenerationConfig::from_dir(&set.model_dir()).unwrap().pad_token_id;
        let examples = examples(&set, &golden, style, mask);
        let settings = optimizer(&grpo);
        let mut optimizer = AdamW::new(model.named_parameters(), &settings);
        let measured = set.tolerance(&format!("sft/{style}.loss"));
        let assert_loss = |what: &str, found: f64, expected: &Value| {
            let expected = expected.as_f64().unwrap();
            assert_close(what, found, expected, measured.max(some_roundings(expected)));
        };
        let mut loss = 0.0;
        for (batch_idx, batch) in examples.chunks(n_per_batch).enumerate() {
            let n = examples.len() as f64;
            let losses = accumulate_examples(&model, batch, n, pad_id).unwrap();
            for row in 0..batch.len() {
                let expected = &golden[style]["per_example_loss"][batch_idx * n_per_batch + row];
                assert_loss("loss of an example", losses.double_value(&[row as i64]), expected);
            }
            loss += losses.sum(Kind::Float).double_value(&[]) / n;
        }
        assert_loss("loss", loss, &golden[style]["loss"]);
        let prefix = format!("{style}.");
        let step = Step {
            prefix: &prefix,
            file: "sft",
            tensors: &tensors,
            json: &golden[style],
            rows: &golden["rows"],
        };
        step.check(&set, &model, || optimizer.step(settings.learning_rate).unwrap());
    }
}

#[test]
fn loss_over_the_whole_prompt_equals_the_released_code() {
    check("all", LabelMask::All, 1);
}

#[test]
fn loss_over_the_answer_equals_the_golden_step() {
    check("completion", LabelMask::Completion, 1);
}

#[test]
fn a_padded_batch_gives_the_same_step() {
    check("completion", LabelMask::Completion, 2);
}
