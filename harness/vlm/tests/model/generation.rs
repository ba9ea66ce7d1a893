//! `generate.json`: greedy completions, their log-probabilities, and sampling distributions.

use clsrl_vlm::{
    Batch, Completion, Decoding, GenerationConfig, Model, PadSide, Prompt, Sampling, VlmError,
    filtered_probs, generate, token_log_probs,
};
use serde_json::Value;
use tch::{Device, Tensor, no_grad};

use crate::{
    golden::{Goldens, assert_close},
    tiny,
};

fn batch_of(model: &Model, prompts: &[&Prompt]) -> Batch {
    Batch::new(prompts, PadSide::Left, 0, model.config(), Device::Cpu).unwrap()
}

fn ids(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Greedy completions of one batch against the file's rows.
fn check_greedy(goldens: &Goldens, model: &Model, prompts: &[&Prompt], expected: &[Value]) {
    let file = goldens.json("generate.json");
    let max_new_tokens = file["max_new_tokens"].as_u64().unwrap() as usize;
    let prefill = no_grad(|| model.prefill(&batch_of(model, prompts)));
    let seeds = vec![0; prompts.len()];
    let stop_ids = ids(&file["eos_token_id"]);
    let found = generate(model, &prefill, &Decoding::Greedy, max_new_tokens, &stop_ids, &seeds)
        .unwrap()
        .completions;
    for ((completion, expected), prompt) in found.iter().zip(expected).zip(prompts) {
        let used = expected["used"].as_u64().unwrap() as usize;
        assert_eq!(completion.ids, ids(&expected["ids"])[..used]);
        assert_eq!(completion.stopped, expected["hit_eos"].as_bool().unwrap());
        check_log_probs(goldens, model, prompt, completion, &numbers(&expected["logprobs"]));
    }
}

/// Scores a completion behind its prompt: the prompt's last token predicts the first.
fn check_log_probs(
    goldens: &Goldens,
    model: &Model,
    prompt: &Prompt,
    completion: &Completion,
    expected: &[f64],
) {
    let found = no_grad(|| {
        let prefill = model.prefill(&batch_of(model, &[prompt]));
        let targets = Tensor::from_slice(&completion.ids);
        let inputs = targets.narrow(0, 0, targets.size()[0] - 1).unsqueeze(0);
        let hidden = model.continue_with(&prefill, &inputs);
        let hidden = Tensor::cat(&[prefill.last_hidden, hidden.squeeze_dim(0)], 0);
        token_log_probs(model, &hidden, &targets)
    });
    let tolerance = goldens.tolerance("generate/logprobs");
    assert_close("log-probabilities", &found, &Tensor::from_slice(expected), tolerance);
}

#[test]
fn greedy_completions_of_single_prompts_equal_transformers() {
    for goldens in Goldens::all() {
        let model = goldens.model();
        let file = goldens.json("generate.json");
        for (row, expected) in goldens.batch_rows.iter().zip(file["singles"].as_array().unwrap()) {
            let prompt = goldens.prompt(row);
            check_greedy(&goldens, &model, &[&prompt], std::slice::from_ref(expected));
        }
    }
}

#[test]
fn greedy_completions_of_a_left_padded_batch_equal_transformers() {
    for goldens in Goldens::all() {
        let model = goldens.model();
        let file = goldens.json("generate.json");
        let prompts: Vec<Prompt> =
            goldens.batch_rows.iter().map(|row| goldens.prompt(row)).collect();
        let prompts: Vec<&Prompt> = prompts.iter().collect();
        check_greedy(&goldens, &model, &prompts, file["batch"].as_array().unwrap());
    }
}

#[test]
fn sampling_distributions_equal_transformers() {
    for goldens in Goldens::all() {
        let model = goldens.model();
        let prompts: Vec<Prompt> =
            goldens.batch_rows.iter().map(|row| goldens.prompt(row)).collect();
        let prompts: Vec<&Prompt> = prompts.iter().collect();
        let logits =
            no_grad(|| model.logits(&model.prefill(&batch_of(&model, &prompts)).last_hidden));
        for case in goldens.json("generate.json")["sampling"].as_array().unwrap() {
            let sampling = Sampling {
                temperature: case["temperature"].as_f64().unwrap(),
                top_k: case["top_k"].as_u64().unwrap() as usize,
                top_p: case["top_p"].as_f64().unwrap(),
            };
            let probs = filtered_probs(&logits, &sampling);
            for (row, expected) in case["rows"].as_array().unwrap().iter().enumerate() {
                let row = probs.get(row as i64);
                let n_kept = i64::try_from(row.count_nonzero(0)).unwrap();
                assert_eq!(n_kept, expected["n_kept"].as_i64().unwrap(), "{sampling:?}");
                let listed = row.index_select(0, &Tensor::from_slice(&ids(&expected["ids"])));
                let expected = Tensor::from_slice(&numbers(&expected["probs"]));
                // A probability is off by itself times what its logit is off by.
                let tolerance = goldens.tolerance("forward/batch.last_logits");
                assert_close(
                    "relative probabilities",
                    &(listed / &expected),
                    &expected.ones_like(),
                    2.0 * tolerance / sampling.temperature.min(1.0),
                );
            }
        }
    }
}

#[test]
fn stop_and_pad_ids_are_those_of_the_generation_config() {
    for goldens in Goldens::all() {
        let config = GenerationConfig::from_dir(&goldens.dir.join("model")).unwrap();
        let file = goldens.json("generate.json");
        assert_eq!(config.stop_ids, ids(&file["eos_token_id"]));
        assert_eq!(config.pad_token_id, file["pad_token_id"].as_i64().unwrap());
    }
}

#[test]
fn logits_that_are_no_numbers_are_told_by_row_and_token() {
    let model = tiny::model();
    let (_, mut norm) =
        model.named_parameters().into_iter().find(|(name, _)| name == "model.norm.weight").unwrap();
    let batch = tiny::batch(&tiny::prompts(), PadSide::Left);
    let answer = |stop_ids: &[i64]| {
        no_grad(|| {
            let prefill = model.prefill(&batch);
            generate(&model, &prefill, &Decoding::Greedy, 3, stop_ids, &[0; 4])
        })
    };
    answer(&[]).unwrap();
    for value in [f64::NAN, f64::INFINITY, 3e38] {
        no_grad(|| drop(norm.fill_(value)));
        let error = answer(&[]).unwrap_err();
        assert!(matches!(error, VlmError::NotFinite { row: 0, token: 1 }), "{error}");
    }
}
