//! `bench`: what it prints has the timing peers' fields, and its numbers hold together.

use std::fs;

use serde_json::Value;

use crate::program::{call, expect_ok, model, temporary, text};

const SIZES: [&str; 12] = [
    "--image-size",
    "56",
    "--prompt-tokens",
    "40",
    "--completion-tokens",
    "3",
    "--warmup",
    "1",
    "--steps",
    "2",
    "--threads",
    "1",
];

fn bench(verb: &str, more: &[&str]) -> Value {
    let dir = model();
    let source = ["--model", text(&dir)];
    let printed = expect_ok(&[&["bench", verb], &source[..], &SIZES, more].concat());
    serde_json::from_str(&printed).unwrap()
}

#[test]
fn shapes_that_are_not_known_are_told_with_those_that_are() {
    let ended = call(&["bench", "grpo", "--random", "Qwen9-VL-1B-Instruct"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("Qwen3-VL-8B-Instruct"), "{}", ended.stderr);
}

/// Every field is there, and the phases of a step are no longer than the step.
#[track_caller]
fn check(json: &Value, mean: &str, phases: &[&str], fields: &[&str]) {
    let shared = ["args", "torch", "dtype", "device", "threads", "parameters", "load_s", "memory"];
    for field in shared.iter().chain(fields).chain(&["steps", "images_per_s"]) {
        assert!(!json[*field].is_null(), "no `{field}` in {json}");
    }
    assert_eq!(json["steps"].as_array().unwrap().len(), 2, "warm-up is not counted");
    let seconds = |step: &Value, phase: &str| {
        step[phase].as_f64().unwrap_or_else(|| panic!("no `{phase}` in {step}"))
    };
    for step in json["steps"].as_array().unwrap().iter().chain([&json[mean]]) {
        let sum: f64 = phases.iter().map(|phase| seconds(step, phase)).sum();
        assert!(0.0 < sum && sum <= seconds(step, "step"), "{sum} in {step}");
    }
    assert!(0.0 < json["memory"]["peak_rss_gib"].as_f64().unwrap());
    assert!(0.0 < json["probes"]["matmul_flops_per_s"].as_f64().unwrap());
}

#[test]
fn a_grpo_step_is_told_by_phase() {
    let json = bench("grpo", &["--accum", "2", "--num-generations", "3"]);
    let phases = ["preprocess", "prefill", "decode", "ref_forward", "update", "optimizer"];
    let fields = [
        "completions_per_s",
        "generated_tokens_per_s",
        "trained_tokens_per_s",
        "decode_ms_per_token",
        "losses",
        "flops",
        "share_of_matmul_rate",
    ];
    check(&json, "seconds_per_step", &phases, &fields);
    assert_eq!(json["losses"].as_array().unwrap().len(), 3, "the loss of every step");
    // The forward pass of prompts is counted where it is timed, in the prefill, and the reference has kept them: it reads
    // completions alone. A prefill's first logits make it a little more than a pass.
    let passes = |json: &Value| {
        let flops = |phase: &str| json["flops"][phase].as_f64().unwrap();
        (flops("update") - 3.0 * flops("ref_forward")) / flops("prefill")
    };
    assert!((1.5..2.0).contains(&passes(&json)), "{json}");
    let spread = ["--spread", "0.3", "--micro-batch", "1"];
    let json = bench("grpo", &[&["--accum", "2"], &spread[..]].concat());
    assert!((2.25..3.0).contains(&passes(&json)), "where no pass is shared: {json}");
}

#[test]
fn a_step_of_sft_is_told_by_phase() {
    let json = bench("sft", &["--labels", "completion"]);
    let fields = ["trained_tokens_per_s", "losses", "flops"];
    check(&json, "seconds_per_step", &["preprocess", "update", "optimizer"], &fields);
}

#[test]
fn every_answer_of_an_evaluation_has_the_forced_length() {
    let json = bench("eval", &["--batch", "3", "--dtype", "bf16"]);
    let fields = ["generated_tokens_per_s", "decode_ms_per_token", "flops"];
    check(&json, "seconds_per_batch", &["preprocess", "prefill", "decode"], &fields);
    assert_eq!(json["new_tokens"], serde_json::json!([3, 3]));
    assert_eq!(json["dtype"], "torch.bfloat16");
}

#[test]
fn the_input_path_is_timed_and_written_to_a_file() {
    let dir = temporary();
    fs::create_dir(dir.path().join("inner")).unwrap();
    let file = fs::File::create(dir.path().join("inner/a.png")).unwrap();
    let encoder = png::Encoder::new(file, 8, 8); // greyscale of 8 bits
    encoder.write_header().unwrap().write_image_data(&[127; 64]).unwrap();
    fs::write(dir.path().join("no-image.txt"), "text").unwrap();
    let out = dir.path().join("out.json");
    let args = ["bench", "input", "--pictures", text(dir.path()), "--threads", "1"];
    let printed = expect_ok(&[&args[..], &["--json-out", text(&out)]].concat());
    assert_eq!(fs::read_to_string(&out).unwrap(), printed);
    let json: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&json["pictures"], &json["patches"]), (&1.into(), &784.into()));
    assert!(0.0 < json["images_per_s"].as_f64().unwrap());
}

#[test]
fn what_cannot_be_timed_is_refused() {
    let dir = model();
    let short = ["bench", "grpo", "--model", text(&dir), "--prompt-tokens", "30"];
    let ended = call(&short);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("expected at least 200"), "{}", ended.stderr);
    assert_eq!(call(&["bench", "eval"]).code, Some(2), "no weights are named");
    let empty = temporary();
    assert_eq!(call(&["bench", "input", "--pictures", text(empty.path())]).code, Some(4));
}
