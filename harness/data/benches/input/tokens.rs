//! Rendering and tokenising a question with 100 names, the longest list that there is.
//!
//! The text around the names is the published one, written out: the function that makes it needs a dataset
//! on disk. A tokenizer remembers words that it has seen, here as in a run, whose questions repeat names.

use std::path::Path;

use clsrl_data::text::{TextTokenizer, render_prompt};
use clsrl_spec::MessageOrder;
use criterion::{BenchmarkId, Criterion, Throughput};

use crate::{shared_dir, tiny_model_dir};

const N_NAMES: usize = 100;
const FIRST_WORDS: [&str; 10] = [
    "golden",
    "spotted",
    "great",
    "northern",
    "paper",
    "wooden",
    "electric",
    "red",
    "miniature",
    "wandering",
];
const SECOND_WORDS: [&str; 10] = [
    "retriever",
    "salamander",
    "thistle",
    "accordion",
    "lighthouse",
    "minivan",
    "cheesecake",
    "albatross",
    "typewriter",
    "hummingbird",
];

pub fn bench(criterion: &mut Criterion) {
    let prompt = prompt();
    let mut group = criterion.benchmark_group("tokens");
    group.throughput(Throughput::Bytes(prompt.len() as u64));
    let qwen_dir = shared_dir().join("data/qwen2/upstream");
    for (name, dir) in [("tiny", tiny_model_dir()), ("Qwen2-VL", qwen_dir)] {
        let Some(tokenizer) = tokenizer(&dir) else { continue };
        let what = format!("{name}, {} tokens", tokenizer.encode(&prompt).len());
        group.bench_function(BenchmarkId::new("encode", what), |bencher| {
            bencher.iter(|| tokenizer.encode(&prompt));
        });
    }
    group.finish();
}

fn tokenizer(model_dir: &Path) -> Option<TextTokenizer> {
    if !model_dir.join("tokenizer.json").exists() {
        eprintln!("skipped: no tokenizer in {}", model_dir.display());
        return None;
    }
    Some(TextTokenizer::from_dir(model_dir).expect("a published tokenizer is one that we read"))
}

fn prompt() -> String {
    let name = |idx: usize| format!("{} {}", FIRST_WORDS[idx / 10], SECOND_WORDS[idx % 10]);
    let names: Vec<String> = (0..N_NAMES).map(name).collect();
    let text = format!(
        "What type of object is in the photo?\n Please choose one from list [ {}]. First output the \
         thinking process in <think> </think> and final answer in <answer> </answer> tags.",
        names.join(", ")
    );
    render_prompt("You are a helpful assistant.", MessageOrder::ImageFirst, &text)
}
