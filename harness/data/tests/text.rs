//! Prompts and tokens against the golden set and against the published tokenizer's files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clsrl_data::text::{
    IGNORED, TextTokenizer, example_labels, expand_image_tokens, render_example, render_prompt,
    template_system,
};
use clsrl_spec::{LabelMask, MessageOrder};
use safetensors::SafeTensors;
use serde::Deserialize;

#[derive(Deserialize)]
struct TokenizerCases {
    n_tokens: usize,
    special_ids: BTreeMap<String, i64>,
    cases: Vec<TokenizerCase>,
    decode_only: Vec<TokenizerCase>,
}

#[derive(Deserialize)]
struct TokenizerCase {
    text: Option<String>,
    ids: Vec<i64>,
    decode_skip: String,
    decode_full: String,
}

#[test]
fn tokens_and_texts_are_those_of_transformers() {
    for goldens in goldens() {
        let tokenizer = TextTokenizer::from_dir(&goldens.join("model")).unwrap();
        let golden: TokenizerCases = read_json(&goldens.join("tokenizer_cases.json"));
        assert_eq!(tokenizer.n_tokens(), golden.n_tokens);
        for (token, id) in &golden.special_ids {
            assert_eq!(tokenizer.token_id(token).unwrap(), *id, "{token}");
        }
        for case in golden.cases.iter().chain(&golden.decode_only) {
            if let Some(text) = &case.text {
                assert_eq!(tokenizer.encode(text), case.ids, "{text:?}");
            }
            assert_eq!(tokenizer.decode(&case.ids, true), case.decode_skip, "{:?}", case.ids);
            assert_eq!(tokenizer.decode(&case.ids, false), case.decode_full, "{:?}", case.ids);
        }
        assert!(!golden.cases.is_empty() && !golden.decode_only.is_empty());
    }
}

#[derive(Deserialize)]
struct Prompts {
    rows: Vec<PromptRow>,
    system_default: String,
    sft_system: String,
}

#[derive(Deserialize)]
struct ModelType {
    model_type: String,
}

#[derive(Deserialize)]
struct PromptRow {
    method: String,
    phase: String,
    problem: String,
    solution: String,
    image_tokens: usize,
    rendered: String,
    expanded: String,
    ids: Vec<i64>,
}

/// The suffix of each prompt, from the authors' training and evaluation scripts.
fn suffix(method: &str, phase: &str) -> &'static str {
    match (method, phase) {
        ("CLS-RL", "train") => {
            "\n Please output the thinking process in <think> </think> \
             and final answer in <answer> </answer> tags."
        }
        ("CLS-RL", "eval_b2n") => {
            " Please output the thinking process in <think> </think> \
             and final answer in <answer> </answer> tags."
        }
        ("CLS-RL" | "SFT", "eval") => {
            " First output the thinking process in <think> </think> \
             and final answer in <answer> </answer> tags."
        }
        ("No-Thinking", "train") => "\n Please directly output the answer.",
        ("No-Thinking", "eval") => " Please directly output the answer name.",
        other => panic!("no suffix is known for {other:?}"),
    }
}

#[test]
fn every_prompt_renders_expands_and_encodes_as_in_transformers() {
    for goldens in goldens() {
        let tokenizer = TextTokenizer::from_dir(&goldens.join("model")).unwrap();
        let image_pad = tokenizer.token_id("<|image_pad|>").unwrap();
        let golden: Prompts = read_json(&goldens.join("prompts.json"));
        let config: ModelType = read_json(&goldens.join("model/config.json"));
        assert_eq!(template_system(&config.model_type), golden.system_default);
        for row in &golden.rows {
            let rendered = match (row.method.as_str(), row.phase.as_str()) {
                ("SFT", "train") => {
                    let order = MessageOrder::TextFirst;
                    render_example(&golden.sft_system, order, &row.problem, &row.solution, true)
                }
                (method, phase) => {
                    let text = format!("{}{}", row.problem, suffix(method, phase));
                    render_prompt(&golden.system_default, MessageOrder::ImageFirst, &text)
                }
            };
            assert_eq!(rendered, row.rendered);
            let ids = tokenizer.encode(&rendered);
            let expanded = expand_image_tokens(&ids, image_pad, &[row.image_tokens]).unwrap();
            assert_eq!(expanded, row.ids, "{rendered}");
            assert_eq!(tokenizer.decode(&expanded, false), row.expanded);
        }
        assert!(!golden.rows.is_empty());
    }
}

#[derive(Deserialize)]
struct Sft {
    examples: Vec<SftExample>,
}

#[derive(Deserialize)]
struct SftExample {
    text: String,
}

#[test]
fn supervised_labels_are_those_of_the_golden_set() {
    for goldens in goldens() {
        let tokenizer = TextTokenizer::from_dir(&goldens.join("model")).unwrap();
        let image_pad = tokenizer.token_id("<|image_pad|>").unwrap();
        let golden: Sft = read_json(&goldens.join("sft.json"));
        let bytes = fs::read(goldens.join("sft.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        for (number, example) in golden.examples.iter().enumerate() {
            let tensor = |name: &str| int64s(&tensors, &format!("e{number}.{name}"));
            let ids = tensor("input_ids");
            let n_features = ids.iter().filter(|id| **id == image_pad).count();
            let encoded = tokenizer.encode(&example.text);
            assert_eq!(expand_image_tokens(&encoded, image_pad, &[n_features]).unwrap(), ids);
            let labels = |mask| example_labels(&tokenizer, &ids, mask).unwrap();
            assert_eq!(labels(LabelMask::All), tensor("labels_all"), "e{number}");
            assert_eq!(labels(LabelMask::Completion), tensor("labels_completion"), "e{number}");
        }
        assert!(!golden.examples.is_empty());
    }
}

#[test]
fn an_answer_is_found_with_and_without_a_trailing_header() {
    for goldens in goldens() {
        let tokenizer = TextTokenizer::from_dir(&goldens.join("model")).unwrap();
        for trailing in [false, true] {
            let order = MessageOrder::ImageFirst;
            let rendered = render_example("Be brief.", order, "What?", "Sea or Lake", trailing);
            let ids = tokenizer.encode(&rendered);
            let labels = example_labels(&tokenizer, &ids, LabelMask::Completion).unwrap();
            let learned: Vec<i64> = labels.into_iter().filter(|label| *label != IGNORED).collect();
            assert_eq!(tokenizer.decode(&learned, false), "Sea or Lake<|im_end|>");
        }
        let prompt = tokenizer.encode(&render_prompt("", MessageOrder::ImageFirst, "What?"));
        let error = example_labels(&tokenizer, &prompt, LabelMask::Completion).unwrap_err();
        assert!(error.to_string().starts_with("found no `<|im_start|>assistant` turn"), "{error}");
    }
}

#[derive(Deserialize)]
struct Encodings {
    published: Vec<Encoding>,
    derived: Vec<Encoding>,
}

#[derive(Deserialize)]
struct Encoding {
    text: String,
    ids: Vec<i64>,
    decoded: Option<String>,
}

#[derive(Deserialize)]
struct PromptGolden {
    rendered: String,
    n_image_tokens: usize,
    expanded_ids: Vec<i64>,
}

/// The published files name the image token in `tokenizer_config.json` only.
#[test]
fn the_published_tokenizer_encodes_as_published() {
    let Some(shared) = shared() else { return };
    let qwen2 = shared.join("data/qwen2");
    let tokenizer = TextTokenizer::from_dir(&qwen2.join("upstream")).unwrap();
    let encodings: Encodings = read_json(&qwen2.join("encodings.json"));
    for case in encodings.published.iter().chain(&encodings.derived) {
        assert_eq!(tokenizer.encode(&case.text), case.ids, "{:?}", case.text);
        if let Some(decoded) = &case.decoded {
            assert_eq!(tokenizer.decode(&case.ids, false), *decoded);
        }
    }
    let golden: PromptGolden = read_json(&qwen2.join("prompt_golden.json"));
    let image_pad = tokenizer.token_id("<|image_pad|>").unwrap();
    let ids = tokenizer.encode(&golden.rendered);
    let expanded = expand_image_tokens(&ids, image_pad, &[golden.n_image_tokens]).unwrap();
    assert_eq!(expanded, golden.expanded_ids);
}

#[test]
fn a_token_that_both_files_number_differently_is_refused() {
    for goldens in goldens() {
        let check = |from: &str, to: &str, expected: &str| {
            let dir = tempfile::tempdir().unwrap();
            let copy = |name: &str| fs::read_to_string(goldens.join("model").join(name)).unwrap();
            fs::write(dir.path().join("tokenizer.json"), copy("tokenizer.json")).unwrap();
            let config = copy("tokenizer_config.json").replace(from, to);
            fs::write(dir.path().join("tokenizer_config.json"), config).unwrap();
            let error = TextTokenizer::from_dir(dir.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let tokenizer = TextTokenizer::from_dir(&goldens.join("model")).unwrap();
        let image_pad = tokenizer.token_id("<|image_pad|>").unwrap();
        let far = image_pad + 1000;
        check(
            &format!("\"{image_pad}\""),
            &format!("\"{far}\""),
            &format!("with id {far}, expected"),
        );
        check("\"<|im_start|>\",\n", "\"<|im_begin|>\",\n", "expected it as in tokenizer.json");
    }
}

fn int64s(tensors: &SafeTensors<'_>, name: &str) -> Vec<i64> {
    let tensor = tensors.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), safetensors::Dtype::I64, "{name}");
    tensor
        .data()
        .chunks_exact(8)
        .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shared() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    present(std::env::var_os("CLSRL_SHARED").map_or(default.into(), PathBuf::from))
}

/// The golden set that `CLSRL_GOLDENS` names, else all that are there.
fn goldens() -> Vec<PathBuf> {
    let mut sets: Vec<PathBuf> = match std::env::var_os("CLSRL_GOLDENS") {
        Some(dir) => present(dir.into()).into_iter().collect(),
        None => {
            let folder = shared().and_then(|shared| present(shared.join("goldens")));
            let entries = folder.into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
            let sets = entries.map(|entry| entry.unwrap().path());
            sets.filter(|dir| dir.join("tokenizer_cases.json").exists()).collect()
        }
    };
    sets.sort();
    sets.iter().for_each(|set| eprintln!("golden set {}", set.display()));
    sets
}

fn present(dir: PathBuf) -> Option<PathBuf> {
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: `{}` is not there", dir.display());
    None
}
