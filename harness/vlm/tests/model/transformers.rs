//! What is saved here, loaded there: by every release of transformers that there is a Python with.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clsrl_vlm::{Batch, Decoding, GenerationConfig, Model, PadSide, Precision, Prompt, generate};
use serde_json::{Value, json};
use tch::{Device, Tensor, no_grad};

use crate::{
    golden::{Goldens, assert_close},
    tiny,
};

/// The Pythons of `harness/scripts/transformers-venvs`, in `CLSRL_TRANSFORMERS` or the cache; or the one that
/// `CLSRL_PYTHON` names. Where a variable promises some there must be some.
pub fn pythons() -> Vec<PathBuf> {
    if let Some(python) = std::env::var_os("CLSRL_PYTHON") {
        return vec![python.into()];
    }
    let named = std::env::var_os("CLSRL_TRANSFORMERS").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let Some(dir) = named.clone().or_else(|| Some(cache.or(home)?.join("clsrl-bench"))) else {
        return Vec::new();
    };
    let entries = fs::read_dir(&dir).into_iter().flatten();
    let places = entries.map(|entry| entry.unwrap().path());
    let is_release = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.strip_prefix("transformers-").is_some_and(|rest| rest.starts_with(char::is_numeric))
    };
    let pythons = places.filter(is_release).map(|path| path.join("bin/python"));
    let mut pythons: Vec<PathBuf> = pythons.filter(|python| python.exists()).collect();
    pythons.sort();
    assert!(named.is_none() || !pythons.is_empty(), "no environment in `{}`", dir.display());
    if pythons.is_empty() {
        eprintln!("skipped: no environment of transformers in `{}`", dir.display());
    }
    pythons
}

/// Runs a script of `tests/python`; returns the lines that it printed.
pub fn run(python: &Path, script: &str, args: &[&OsStr]) -> Vec<String> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python");
    let output = Command::new(python)
        .arg(scripts.join(script))
        .args(args)
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{errors}", python.display());
    said.lines().map(str::to_owned).collect()
}

fn numbers<T: std::str::FromStr>(line: &str) -> Vec<T> {
    line.split_whitespace().map(|word| word.parse().ok().unwrap()).collect()
}

/// A prompt without an image.
fn text_prompt(model: &Model, ids: &[i64]) -> Prompt {
    let patch_len = model.config().vision_config.patch_len();
    let pixels = Tensor::zeros([0, patch_len], tch::kind::FLOAT_CPU);
    Prompt { ids: ids.to_vec(), pixels, grids: vec![] }
}

/// Saves a model and expects every release to load all of it, with the same logits behind a text.
fn check_saved(model: &Model, source_dir: &Path) {
    let dir = tempfile::tempdir().unwrap();
    model.save(dir.path(), source_dir).unwrap();
    let ids = [1_i64, 2, 3, 5, 8];
    let prompt = text_prompt(model, &ids);
    let batch = Batch::new(&[&prompt], PadSide::Left, 0, model.config(), Device::Cpu).unwrap();
    let ours = no_grad(|| model.logits(&model.prefill(&batch).last_hidden)).view([-1]);
    let ids = ids.map(|id| id.to_string());
    let ids = ids.iter().map(OsStr::new);
    let args: Vec<&OsStr> = [dir.path().as_os_str()].into_iter().chain(ids).collect();
    for python in pythons() {
        let said = run(&python, "load_saved_model.py", &args);
        let theirs = Tensor::from_slice(&numbers::<f32>(&said[1]));
        if theirs.numel() == 0 {
            // Qwen3-VL came with 4.57.
            assert!(python.to_str().unwrap().contains("-4.49"), "{}", said[0]);
            continue;
        }
        assert_close(&python.display().to_string(), &ours, &theirs, 1e-4);
    }
}

#[test]
fn every_release_loads_a_published_model_that_was_saved_again() {
    for goldens in Goldens::all() {
        check_saved(&goldens.model(), &goldens.model_dir());
    }
}

#[test]
fn every_release_loads_a_model_that_was_made_here() {
    let dir = tempfile::tempdir().unwrap();
    check_saved(&tiny::model(), dir.path());
}

/// A copy of the project's tiny model, and its path within a temporary folder.
fn copy_of_tiny() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model");
    for entry in fs::read_dir(tiny).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

fn load(dir: &Path) -> Model {
    Model::load(dir, Device::Cpu, Precision::Float32).unwrap()
}

#[test]
fn what_every_release_saves_again_is_the_same_model() {
    let published = copy_of_tiny();
    let expected = load(published.path());
    for python in pythons() {
        let (dir, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let to = dir.path().join("model");
        run(&python, "save_again.py", &[published.path().as_os_str(), to.as_os_str()]);
        let model = load(&to);
        for ((name, found), (_, expected)) in
            model.named_parameters().iter().zip(expected.named_parameters())
        {
            assert_eq!(found, &expected, "{name} by {}", python.display());
        }
        // Whatever the form was, the published one is saved.
        model.save(again.path(), &to).unwrap();
        let text = fs::read_to_string(again.path().join("config.json")).unwrap();
        let saved: Value = serde_json::from_str(&text).unwrap();
        assert!(saved.get("text_config").is_none() && saved.get("rope_parameters").is_none());
        for (key, value) in expected.config().to_json().as_object().unwrap() {
            if !["transformers_version", "torch_dtype", "sliding_window"].contains(&key.as_str()) {
                assert_eq!(&saved[key], value, "{key} by {}", python.display());
            }
        }
    }
}

/// Greedy answers to one prompt at a time and to all at once.
fn answers(model: &Model, generation: &GenerationConfig, prompts: &[Prompt]) -> [Vec<Vec<i64>>; 2] {
    let answer = |prompts: &[&Prompt]| -> Vec<Vec<i64>> {
        let pad_id = generation.pad_token_id;
        let batch =
            Batch::new(prompts, PadSide::Left, pad_id, model.config(), Device::Cpu).unwrap();
        let prefill = no_grad(|| model.prefill(&batch));
        let decoding = Decoding::greedy(generation.repetition_penalty);
        let seeds = vec![0; prompts.len()];
        let stop_ids = &generation.stop_ids;
        let generated = generate(model, &prefill, &decoding, N_NEW, stop_ids, &seeds).unwrap();
        generated.completions.into_iter().map(|completion| completion.ids).collect()
    };
    let all: Vec<&Prompt> = prompts.iter().collect();
    [all.iter().flat_map(|&prompt| answer(&[prompt])).collect(), answer(&all)]
}

const N_NEW: usize = 24;

#[test]
fn a_repetition_penalty_gives_the_answers_of_every_release() {
    let dir = copy_of_tiny();
    let model = load(dir.path());
    let texts = [vec![992, 100, 200, 100, 993, 11], vec![992, 5, 6, 7], (20..60).collect()];
    let prompts: Vec<Prompt> = texts.iter().map(|ids| text_prompt(&model, ids)).collect();
    let words = texts.map(|ids| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
    let n_new = N_NEW.to_string();
    let mut plain = None;
    for penalty in [1.0, 1.3, 0.7] {
        let path = dir.path().join("generation_config.json");
        let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        json["repetition_penalty"] = json!(penalty);
        // No token ends an answer, so that all are long.
        json["eos_token_id"] = json!(1004);
        fs::write(&path, json.to_string()).unwrap();
        let generation = GenerationConfig::from_dir(dir.path()).unwrap();
        let [singles, batch] = answers(&model, &generation, &prompts);
        assert_eq!(singles, batch, "penalty {penalty}");
        let plain = plain.get_or_insert_with(|| singles.clone());
        assert_eq!(*plain == singles, penalty == 1.0, "penalty {penalty}");
        for python in pythons() {
            let args = [dir.path().as_os_str(), OsStr::new(&n_new)];
            let args: Vec<&OsStr> = args.into_iter().chain(words.iter().map(OsStr::new)).collect();
            let said = run(&python, "greedy_answers.py", &args);
            let theirs: Vec<Vec<i64>> = said.iter().map(|line| numbers(line)).collect();
            assert_eq!(singles, theirs, "penalty {penalty} by {}", python.display());
        }
    }
}
