//! GRPO against the authors' loss on two prompts of four given completions each.

use clsrl_data::text::TextTokenizer;
use clsrl_engine::{
    AdamW,
    advantage::advantages,
    loss::{Group, GrpoLoss},
    reference::Reference,
    rollout::{Rollout, scored_completions},
};
use clsrl_spec::{EndMask, OptimizerSettings, RewardId, reward};
use clsrl_vlm::{GenerationConfig, Prompt};
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::set::{GoldenSet, Step, assert_close, assert_tensor_close, ids, prompt};

struct Case {
    prompt: Prompt,
    completions: Vec<Vec<i64>>,
    advantages: Vec<f64>,
}

/// The completions as a rollout gives them: cut after their first stop token.
fn rollouts(input_ids: &Tensor, prompt_length: i64, stop_ids: &[i64]) -> Vec<Rollout> {
    let (n_rows, width) = input_ids.size2().unwrap();
    (0..n_rows)
        .map(|row| {
            let all = ids(&input_ids.get(row).narrow(0, prompt_length, width - prompt_length));
            let stop = all.iter().position(|id| stop_ids.contains(id));
            let length = stop.map_or(all.len(), |at| at + 1);
            Rollout {
                ids: all[..length].to_vec(),
                stopped: stop.is_some(),
                text: String::new(),
                gold: String::new(),
            }
        })
        .collect()
}

fn cases(set: &GoldenSet, golden: &Value) -> Vec<Case> {
    let forward = set.tensors("forward.safetensors");
    let tensors = set.tensors("grpo.safetensors");
    let generation = GenerationConfig::from_dir(&set.model_dir()).unwrap();
    let tokenizer = TextTokenizer::from_dir(&set.model_dir()).unwrap();
    let im_end = tokenizer.token_id("<|im_end|>").unwrap();
    let prompts = golden["prompts"].as_array().unwrap();
    prompts
        .iter()
        .enumerate()
        .map(|(idx, case)| {
            let name = case["case"].as_str().unwrap();
            let prompt_length = case["prompt_length"].as_i64().unwrap();
            let rollouts = rollouts(
                &tensors[&format!("p{idx}.input_ids")],
                prompt_length,
                &generation.stop_ids,
            );
            let completions =
                scored_completions(&rollouts, EndMask::ImEnd, im_end, generation.pad_token_id);
            let lengths: Vec<usize> = completions.iter().map(Vec::len).collect();
            assert_eq!(serde_json::json!(lengths), case["completion_lengths"], "scored lengths");
            let rewards: Vec<f64> = case["completions_decoded"]
                .as_array()
                .unwrap()
                .iter()
                .map(|text| {
                    let (text, solution) =
                        (text.as_str().unwrap(), case["solution"].as_str().unwrap());
                    [RewardId::AccuracyString, RewardId::Format]
                        .map(|id| reward(id, text, solution))
                        .iter()
                        .sum()
                })
                .collect();
            assert_eq!(serde_json::json!(rewards), case["rewards"], "rewards");
            let epsilon = golden["advantage_eps"].as_f64().unwrap();
            let advantages = advantages(&rewards, rewards.len(), epsilon);
            Case {
                prompt: prompt(
                    ids(&forward[&format!("{name}.input_ids")]),
                    &forward[&format!("{name}.pixel_values")],
                    &forward[&format!("{name}.image_grid_thw")],
                ),
                completions,
                advantages,
            }
        })
        .collect()
}

fn group(case: &Case) -> Group<'_> {
    Group {
        prompt: &case.prompt,
        name: None,
        completions: case.completions.clone(),
        advantages: case.advantages.clone(),
    }
}

#[test]
fn advantages_equal_the_golden_cases() {
    for set in GoldenSet::all() {
        let golden: Value = set.json("grpo.json");
        let epsilon = golden["advantage_eps"].as_f64().unwrap();
        for case in golden["advantage_cases"].as_array().unwrap() {
            let numbers =
                |key: &str| -> Vec<f64> { serde_json::from_value(case[key].clone()).unwrap() };
            let rewards = numbers("rewards");
            let found = advantages(&rewards, rewards.len(), epsilon);
            for (found, expected) in found.iter().zip(numbers("advantages")) {
                assert_close(&format!("advantage of {rewards:?}"), *found, expected, 1e-5);
            }
        }
    }
}

#[test]
fn log_probs_kl_and_loss_of_each_prompt_equal_the_authors() {
    for set in GoldenSet::all() {
        let golden: Value = set.json("grpo.json");
        let tensors = set.tensors("grpo.safetensors");
        let (model, reference) = (set.trainable_model(), set.reference_model());
        let beta = golden["beta"].as_f64().unwrap();
        let pad_id = GenerationConfig::from_dir(&set.model_dir()).unwrap().pad_token_id;
        for (idx, case) in cases(&set, &golden).iter().enumerate() {
            let grpo = GrpoLoss {
                policy: &model,
                reference: Some(Reference::of(&reference)),
                beta,
                pad_id,
            };
            let parts = grpo.accumulate(&[group(case)], 1.0).unwrap();
            let mask = tensors[&format!("p{idx}.completion_mask")].to_kind(Kind::Bool);
            for (name, found) in [
                ("logps", &parts.log_probs),
                ("ref_logps", &parts.reference_log_probs),
                ("kl", &parts.token_kl),
            ] {
                let key = format!("p{idx}.{name}");
                let expected = tensors[&key].masked_select(&mask);
                let tolerance = set.tolerance(&format!("grpo/{key}"));
                assert_tensor_close(&key, found, &expected, tolerance);
            }
            let n = case.completions.len() as f64;
            let loss = parts.loss.double_value(&[]) / n;
            let golden = &golden["prompts"][idx];
            let tolerance = set.tolerance(&format!("grpo/p{idx}.loss"));
            assert_close("loss", loss, golden["loss"].as_f64().unwrap(), tolerance.max(1e-6));
            assert_close(
                "KL",
                parts.kl.double_value(&[]) / n,
                golden["mean_kl"].as_f64().unwrap(),
                1e-5,
            );
        }
    }
}

/// One step from `batches` forward passes; the numbers must not depend on how prompts are batched.
fn check_step(n_per_batch: usize) {
    for set in GoldenSet::all() {
        let golden: Value = set.json("grpo.json");
        let tensors = set.tensors("grpo.safetensors");
        let (model, reference) = (set.trainable_model(), set.reference_model());
        let pad_id = GenerationConfig::from_dir(&set.model_dir()).unwrap().pad_token_id;
        let beta = golden["beta"].as_f64().unwrap();
        let cases = cases(&set, &golden);
        let n: usize = cases.iter().map(|case| case.completions.len()).sum();
        let mut optimizer = AdamW::new(model.named_parameters(), &optimizer(&golden));
        let mut loss = 0.0;
        for batch in cases.chunks(n_per_batch) {
            let groups: Vec<Group> = batch.iter().map(group).collect();
            let grpo = GrpoLoss {
                policy: &model,
                reference: Some(Reference::of(&reference)),
                beta,
                pad_id,
            };
            let parts = grpo.accumulate(&groups, n as f64).unwrap();
            loss += parts.loss.double_value(&[]) / n as f64;
        }
        let step = &golden["step"];
        let tolerance = set.tolerance("grpo/loss").max(1e-6);
        assert_close("loss of the step", loss, step["loss"].as_f64().unwrap(), tolerance);
        let golden_step =
            Step { prefix: "", file: "grpo", tensors: &tensors, json: step, rows: &golden["rows"] };
        let learning_rate = golden["optimizer"]["lr"].as_f64().unwrap();
        golden_step.check(&set, &model, || optimizer.step(learning_rate).unwrap());
    }
}

#[test]
fn gradients_and_one_step_equal_the_authors_prompt_by_prompt() {
    check_step(1);
}

#[test]
fn gradients_and_one_step_equal_the_authors_in_one_padded_batch() {
    check_step(2);
}

pub fn optimizer(golden: &Value) -> OptimizerSettings {
    let settings = &golden["optimizer"];
    let number = |key: &str| settings[key].as_f64().unwrap();
    OptimizerSettings {
        learning_rate: number("lr"),
        beta1: settings["betas"][0].as_f64().unwrap(),
        beta2: settings["betas"][1].as_f64().unwrap(),
        epsilon: number("eps"),
        weight_decay: number("weight_decay"),
        max_grad_norm: number("max_grad_norm"),
    }
}
