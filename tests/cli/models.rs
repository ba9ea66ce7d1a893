//! Models as people have them: what every release writes is read, and what is no model is reported with what to do.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ended, call, copy, expect_ok, model, temporary, text};

/// Eight answers in seconds, in one process.
const QUICK: [&str; 10] = [
    "run",
    "--suite",
    "smoke",
    "--methods",
    "zero-shot",
    "--datasets",
    "dtd",
    "--limit",
    "8",
    "--in-process",
];

/// A copy of the tiny model in a folder of its own, changed.
fn changed(change: impl FnOnce(&Path)) -> TempDir {
    let dir = temporary();
    copy(&model(), dir.path());
    change(dir.path());
    dir
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut json = read(path);
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

/// Renames the tensors of a safetensors file in its header.
fn rename(path: &Path, rules: &[(&str, &str)]) {
    let bytes = fs::read(path).unwrap();
    let (length, rest) = bytes.split_at(8);
    let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
    let header: serde_json::Map<String, Value> = serde_json::from_slice(header).unwrap();
    let renamed = header.into_iter().map(|(name, entry)| {
        let rule = rules.iter().find(|(old, _)| name.starts_with(old));
        (rule.map_or(name.clone(), |(old, new)| name.replacen(old, new, 1)), entry)
    });
    let mut header = Value::Object(renamed.collect()).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], &header, data].concat()).unwrap();
}

/// Runs with a model; gives what was reported and the answers.
fn answers_of(model: &Path) -> (Ended, Option<String>) {
    let out = temporary();
    let more = ["--model", text(model), "--out", text(out.path())];
    let ended = call(&[&QUICK[..], &more].concat());
    let answers = out.path().join("smoke/zero-shot");
    let mut files: Vec<_> = fs::read_dir(answers)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.retain(|path| text(path).ends_with(".predictions.jsonl"));
    files.sort();
    let texts: Vec<String> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    (ended, (!texts.is_empty()).then(|| texts.concat()))
}

/// Writes config and processor as transformers 5 does.
fn nest(dir: &Path) {
    rewrite(&dir.join("config.json"), |json| {
        let file = json.as_object_mut().unwrap();
        let mut text = serde_json::Map::new();
        let outer = ["architectures", "model_type", "vision_config", "tie_word_embeddings"];
        for key in file.keys().cloned().collect::<Vec<_>>() {
            if !outer.contains(&key.as_str()) && !key.ends_with("_token_id") {
                text.insert(key.clone(), file.remove(&key).unwrap());
            }
        }
        let theta = text.remove("rope_theta").unwrap();
        let sections = text.remove("rope_scaling").unwrap()["mrope_section"].clone();
        let rope = json!({"mrope_section": sections, "rope_theta": theta, "rope_type": "default"});
        text.insert("rope_parameters".to_owned(), rope);
        text.insert("model_type".to_owned(), json!("qwen2_vl_text"));
        file.insert("text_config".to_owned(), Value::Object(text));
    });
    let own = dir.join("preprocessor_config.json");
    let mut settings = read(&own);
    fs::remove_file(own).unwrap();
    let limits = settings.as_object_mut().unwrap();
    let (least, most) =
        (limits.remove("min_pixels").unwrap(), limits.remove("max_pixels").unwrap());
    settings["size"] = json!({"shortest_edge": least, "longest_edge": most});
    let shared = json!({"processor_class": "Qwen2VLProcessor", "image_processor": settings});
    fs::write(dir.join("processor_config.json"), shared.to_string()).unwrap();
    let modules = [("model.", "model.language_model."), ("visual.", "model.visual.")];
    rename(&dir.join("model.safetensors"), &modules);
}

#[test]
fn a_model_in_the_form_of_another_release_gives_the_same_answers() {
    let (published, expected) = answers_of(&model());
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    let without_defaults = |dir: &Path| {
        rewrite(&dir.join("config.json"), |json| {
            let vision = json["vision_config"].as_object_mut().unwrap();
            for key in ["mlp_ratio", "patch_size", "spatial_merge_size", "temporal_patch_size"] {
                vision.remove(key).unwrap();
            }
        });
        rename(&dir.join("model.safetensors"), &[("visual.", "model.visual.")]);
    };
    for change in [&nest as &dyn Fn(&Path), &without_defaults] {
        let dir = changed(change);
        let (ended, answers) = answers_of(dir.path());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(answers, expected);
    }
}

#[test]
fn doctor_says_in_one_line_what_was_recognised() {
    let check = |model: &Path, expected: &str| {
        let args = ["doctor", "--image-size", "56", "--threads", "1", "--model", text(model)];
        let printed = expect_ok(&args);
        assert_eq!(printed.lines().next(), Some(expected), "{printed}");
    };
    check(
        &model(),
        "model: config flat, as published; 93 tensors of F32 in 1 file, named model.*, visual.*; tied embeddings; \
         1005 tokens; image processor from preprocessor_config.json",
    );
    let dir = changed(nest);
    rewrite(&dir.path().join("generation_config.json"), |json| {
        json["repetition_penalty"] = json!(1.05)
    });
    check(
        dir.path(),
        "model: config nested, as transformers 5 writes it; 93 tensors of F32 in 1 file, named \
         model.language_model.*, model.visual.*; tied embeddings; 1005 tokens; image processor from \
         processor_config.json; repetition_penalty 1.05",
    );
}

#[test]
fn a_repetition_penalty_is_a_part_of_what_a_cell_is() {
    let penalized = changed(|dir| {
        rewrite(&dir.join("generation_config.json"), |json| {
            json["repetition_penalty"] = json!(1.05)
        });
    });
    for (model, expected) in [(model(), Value::Null), (penalized.path().to_owned(), json!("1.05"))]
    {
        let out = temporary();
        let at = ["--model", text(&model), "--out", text(out.path())];
        expect_ok(&[&QUICK[..], &at].concat());
        let record = fs::read(out.path().join("smoke/zero-shot/dtd.direct.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        assert_eq!(record["identity"]["repetition_penalty"], expected);
    }
}

/// Runs three fine-tunes with a model and expects one message, before the first.
fn check_told_once(model: &Path, in_process: bool, expected: &str) {
    let out = temporary();
    let args = [
        "run",
        "--suite",
        "smoke",
        "--methods",
        "sft",
        "--datasets",
        "dtd,eurosat",
        "--limit",
        "2",
    ];
    let more = ["--model", text(model), "--out", text(out.path())];
    let mode: &[&str] = if in_process { &["--in-process"] } else { &[] };
    let ended = call(&[&args[..], &more, mode].concat());
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(expected).count(), 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert!(!out.path().join("smoke/last-run.json").exists(), "nothing was begun");
}

#[test]
fn a_model_that_cannot_be_loaded_is_told_once_before_the_first_trial() {
    let bad_config = changed(|dir| {
        rewrite(&dir.join("config.json"), |json| {
            let theta = json.as_object_mut().unwrap().remove("rope_theta").unwrap();
            json["rope_thetb"] = theta;
        });
    });
    check_told_once(bad_config.path(), false, "`rope_theta`: missing");
    check_told_once(bad_config.path(), true, "cannot be used");
    let short_of_a_tensor =
        changed(|dir| rename(&dir.join("model.safetensors"), &[("model.norm.", "model.morn.")]));
    check_told_once(short_of_a_tensor.path(), true, "tensor `model.norm.weight`: expected shape");
    let greedy = changed(|dir| {
        rewrite(&dir.join("generation_config.json"), |json| {
            json["no_repeat_ngram_size"] = json!(3)
        });
    });
    check_told_once(greedy.path(), true, "`no_repeat_ngram_size`: expected at most 0, found 3");
    let other_tokens = changed(|dir| {
        rewrite(&dir.join("config.json"), |json| json["image_token_id"] = json!(1004));
    });
    check_told_once(
        other_tokens.path(),
        true,
        "id of `<|image_pad|>` in the tokenizer: expected 1004",
    );
}

#[test]
fn a_tokenizer_of_another_kind_is_refused_and_nothing_panics() {
    let unknown_token = changed(|dir| {
        rewrite(&dir.join("tokenizer.json"), |json| {
            json["post_processor"] = json!({
                "type": "TemplateProcessing", "pair": [], "special_tokens": {},
                "single": [{"SpecialToken": {"id": "X", "type_id": 0}}]
            });
        });
    });
    check_told_once(unknown_token.path(), true, "found a post-processor `TemplateProcessing`");
    let args = ["inspect", "prompt", "--suite", "smoke", "--dataset", "dtd", "--model"];
    let ended = call(&[&args[..], &[text(unknown_token.path())]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("TemplateProcessing") && !ended.stderr.contains("panicked"));
}

/// Gives a thing as `--model` and expects a message that says what it is.
fn check_refused(model: &str, expected: &[&str]) {
    let ended = call(&[&QUICK[..], &["--model", model]].concat());
    assert_eq!(ended.code, Some(2), "{model}: {}", ended.stderr);
    for words in expected {
        assert!(ended.stderr.contains(words), "{model}: {words}: {}", ended.stderr);
    }
    assert!(ended.stderr.contains("\nhint: "), "{}", ended.stderr);
}

#[test]
fn what_is_no_model_is_told_with_what_to_do() {
    check_refused("Qwen/Qwen2-VL-2B-Instruct", &["no model directory", "Hugging Face Hub"]);
    check_refused("/no/such/folder", &["no model directory"]);
    let move_to = |name: &'static str| {
        move |dir: &Path| fs::rename(dir.join("model.safetensors"), dir.join(name)).unwrap()
    };
    for (name, expected) in [
        ("model-00001-of-00002.safetensors", "model.safetensors.index.json, is missing"),
        ("adapter_model.safetensors", "an adapter (LoRA)"),
        ("pytorch_model.bin", "safe_serialization=True"),
        ("model-q4.gguf", "GGUF"),
        ("other.txt", "no model.safetensors or model.safetensors.index.json"),
    ] {
        let dir = changed(move_to(name));
        check_refused(text(dir.path()), &[expected]);
    }
    let adapter = changed(|dir| {
        fs::remove_file(dir.join("model.safetensors")).unwrap();
        let config = json!({"base_model_name_or_path": "some/base"});
        fs::write(dir.join("adapter_config.json"), config.to_string()).unwrap();
    });
    check_refused(text(adapter.path()), &["`some/base`"]);
    let weights = model().join("model.safetensors");
    check_refused(text(&weights), &["is a file", "the folder that holds it"]);
    let cache = temporary();
    for name in ["snapshots", "refs", "blobs"] {
        fs::create_dir(cache.path().join(name)).unwrap();
    }
    check_refused(text(cache.path()), &["Hub's cache"]);
}

#[test]
fn git_lfs_pointers_are_told_by_name() {
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 6261248\n",
        "0".repeat(64)
    );
    for name in ["model.safetensors", "tokenizer.json", "model-00001-of-00002.safetensors"] {
        let dir = changed(|dir| fs::write(dir.join(name), &pointer).unwrap());
        check_refused(text(dir.path()), &["Git LFS pointers in place of", name, "git lfs pull"]);
    }
}

#[test]
fn weights_that_are_no_regular_file_are_refused_by_a_plan_without_data() {
    let dir = changed(|dir| {
        let weights = dir.join("model.safetensors");
        fs::remove_file(&weights).unwrap();
        assert!(Command::new("mkfifo").arg(&weights).status().unwrap().success());
    });
    let ended = call(&["plan", "--suite", "few-shot", "--model", text(dir.path())]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("it is no regular file but a FIFO"), "{}", ended.stderr);
}
