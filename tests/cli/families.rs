//! Every method on a tiny model of each family, made on demand.

use std::{fs, path::Path};

use serde_json::Value;

use crate::program::{end, expect_ok, program, temporary, text};

/// A tiny model that has hardly learned anything: the tests are about the program.
fn tiny_model(family: &str, cache: &Path) -> String {
    let args = ["tiny", "pretrain", "--family", family, "--steps", "2", "--batch", "4"];
    let ended = end(program(&args).env("XDG_CACHE_HOME", cache));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout.trim_end().to_owned()
}

/// A run on DTD, with an epoch of each fine-tune.
fn run<'a>(methods: &'a str, model: &'a str, out: &'a str) -> Vec<&'a str> {
    let suite = ["run", "--suite", "smoke", "--datasets", "dtd", "--limit", "2", "--jobs", "1"];
    let settings = ["--set", "grpo.epochs=1", "--set", "sft.epochs=1"];
    let more = ["--methods", methods, "--model", model, "--out", out];
    [&suite[..], &settings, &more].concat()
}

/// `system` is what the chat template puts in under the paper's protocol.
fn check(family: &str, system: &str) {
    let dir = temporary();
    let model = &tiny_model(family, dir.path());
    let config = Path::new(model).join("config.json");
    let config = fs::read_to_string(config).unwrap();
    assert!(config.contains(&format!("\"model_type\": \"{family}\"")), "{config}");
    let weights = Path::new(model).join("model.safetensors");
    let made = fs::metadata(&weights).unwrap().modified().unwrap();
    assert_eq!(tiny_model(family, dir.path()), *model);
    assert_eq!(fs::metadata(&weights).unwrap().modified().unwrap(), made, "it was made twice");

    // In a batch as alone, with a cache as without, and with a shared prompt as without.
    expect_ok(&["doctor", "--model", model, "--image-size", "56", "--threads", "1"]);

    let bench = ["bench", "grpo", "--model", model, "--image-size", "56", "--prompt-tokens", "40"];
    let sizes = ["--completion-tokens", "3", "--steps", "1", "--warmup", "0", "--threads", "1"];
    let json: Value = serde_json::from_str(&expect_ok(&[bench, sizes].concat())).unwrap();
    assert!(0.0 < json["seconds_per_step"]["step"].as_f64().unwrap(), "{json}");

    let prompt = ["inspect", "prompt", "--suite", "smoke", "--dataset", "dtd", "--index", "0"];
    let shown = expect_ok(&[&prompt[..], &["--protocol", "paper", "--model", model]].concat());
    assert!(shown.starts_with(&format!("{system}<|im_start|>user\n")), "{shown}");

    let out = text(dir.path());
    expect_ok(&run("zero-shot,sft,cls-rl,no-thinking-cls-rl", model, out));
    let results = dir.path().join("smoke.set-grpo-epochs-1.set-sft-epochs-1");
    for trial in ["zero-shot", "sft.dtd.4shot.seed1", "cls-rl.dtd.4shot.seed1"] {
        assert!(results.join(trial).join("training.json").is_file(), "{trial}");
    }

    let lora = run("no-thinking-cls-rl", model, out);
    let lora = [&lora[..], &["--lora", "2", "--keep-checkpoints"]].concat();
    expect_ok(&lora);
    let results = dir.path().join("smoke.set-grpo-epochs-1.set-sft-epochs-1.lora2");
    let trial = results.join("no-thinking-cls-rl.dtd.4shot.seed1");
    assert!(trial.join("checkpoint/adapter/adapter_model.safetensors").is_file());
    // An answer that is missing is given by the weights that were kept.
    let [training, cell] = ["training.json", "dtd.direct.json"].map(|name| trial.join(name));
    let answers = trial.join("dtd.direct.predictions.jsonl");
    let before = [&training, &answers].map(|path| fs::read(path).unwrap());
    fs::remove_file(&cell).unwrap();
    expect_ok(&lora);
    assert!(cell.is_file());
    let after = [&training, &answers].map(|path| fs::read(path).unwrap());
    assert!(before == after, "the kept weights answer otherwise, or were trained again");
}

#[test]
fn every_method_runs_on_qwen2_5_vl() {
    check("qwen2_5_vl", "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n");
}

#[test]
fn every_method_runs_on_qwen3_vl() {
    check("qwen3_vl", "");
}
