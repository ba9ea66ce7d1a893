//! What a `tokenizer.json` may hold: the parts that Qwen tokenizers are made of, and no more of each than is sane.
//!
//! The library that runs a tokenizer panics, overflows or takes for ever on files that its types allow: a merge that
//! is longer than every token, an id of 2^32 - 1, a post-processor that names a token it does not have, a pattern that
//! backtracks without end. So a file is read here first, within bounds, and only what is known to be sound is handed
//! on: a byte-level BPE after the one pattern of Qwen2 (`PRETOKENIZE_REGEX` of transformers), whatever its words.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

/// Most that is read of either file: published ones have 7 MB, 11 MB where merges are written as pairs.
pub(super) const MAX_BYTES: u64 = 32 << 20;

/// Most words, merges and ids: published ones have 152 thousand.
const MAX_TOKENS: u32 = 1 << 20;

/// Most added tokens and their longest text: published ones have a few dozen.
pub(super) const MAX_ADDED: usize = 1 << 14;
const MAX_ADDED_LEN: usize = 1 << 10;

/// How Qwen2 cuts a text into the pieces that merges stay within.
const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The file as far as it matters here; its other keys are the library's.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: Model,
}

/// A token that is found in a text before it is cut.
#[derive(Deserialize)]
pub(super) struct Added {
    pub(super) id: u32,
    pub(super) content: String,
}

#[derive(Deserialize)]
struct Model {
    dropout: Option<f64>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    byte_fallback: Option<bool>,
    ignore_merges: Option<bool>,
    #[serde(default)]
    vocab: Vocab,
    #[serde(default)]
    merges: Merges,
}

/// The words of the model: of other models lists, which are refused for their type first.
#[derive(Deserialize, Default)]
#[serde(transparent)]
struct Vocab(BTreeMap<String, u32>);

/// Pairs of words, as two strings or, before tokenizers 0.20, as one with a space.
#[derive(Deserialize, Default)]
#[serde(transparent)]
struct Merges(Vec<Merge>);

struct Merge(String, String);

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MergeVisitor)
    }
}

struct MergeVisitor;

impl<'de> serde::de::Visitor<'de> for MergeVisitor {
    type Value = Merge;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a merge of two words")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Merge, E> {
        let mut words = text.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some(a), Some(b), None) => Ok(Merge(a.to_owned(), b.to_owned())),
            _ => Err(E::custom(format!("expected a merge of two words, found `{text}`"))),
        }
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Merge, A::Error> {
        let short = || serde::de::Error::custom("expected a merge of two words, found fewer");
        let a = seq.next_element()?.ok_or_else(short)?;
        let b = seq.next_element()?.ok_or_else(short)?;
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(Merge(a, b)),
            Some(_) => Err(serde::de::Error::custom("expected a merge of two words, found more")),
        }
    }
}

/// Why a file is not handed on.
pub(super) enum Unfit {
    /// It is no JSON, or not of a tokenizer's shape.
    Malformed(serde_json::Error),
    /// It holds what no Qwen tokenizer does.
    Other(String),
}

/// Checks the bytes of a `tokenizer.json`; returns its added tokens.
pub(super) fn check(bytes: &[u8]) -> Result<Vec<Added>, Unfit> {
    // The type first: the words of other models do not have the shape of these.
    let kind: Kind = serde_json::from_slice(bytes).map_err(Unfit::Malformed)?;
    if let Some(kind) = kind.model.kind.filter(|kind| kind != "BPE") {
        return Err(Unfit::Other(format!("a model of type `{}`", short(&kind))));
    }
    let file: File = serde_json::from_slice(bytes).map_err(Unfit::Malformed)?;
    let found = other_parts(&file)
        .or_else(|| other_model(&file.model))
        .or_else(|| other_words(&file.model))
        .or_else(|| other_added(&file.added_tokens));
    found.map_or(Ok(file.added_tokens), |found| Err(Unfit::Other(found)))
}

#[derive(Deserialize)]
struct Kind {
    model: KindOfModel,
}

#[derive(Deserialize)]
struct KindOfModel {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Finds a part that Qwen tokenizers do not have.
fn other_parts(file: &File) -> Option<String> {
    let is_byte_level = |part: &Value| part["type"] == "ByteLevel";
    if !file.normalizer.is_null() && file.normalizer != json!({"type": "NFC"}) {
        return Some(describe("a normalizer", &file.normalizer));
    }
    if !is_qwen_pre_tokenizer(&file.pre_tokenizer) {
        return Some(describe("a pre-tokenizer", &file.pre_tokenizer));
    }
    if !file.post_processor.is_null() && !is_byte_level(&file.post_processor) {
        return Some(describe("a post-processor", &file.post_processor));
    }
    (!is_byte_level(&file.decoder)).then(|| describe("a decoder", &file.decoder))
}

/// Whether a text is cut by Qwen2's pattern and then brought to the letters that stand for bytes.
fn is_qwen_pre_tokenizer(part: &Value) -> bool {
    let Some([split, bytes]) = part["pretokenizers"].as_array().map(Vec::as_slice) else {
        return false;
    };
    part["type"] == "Sequence"
        && split["type"] == "Split"
        && split["pattern"] == json!({"Regex": PATTERN})
        && split["behavior"] == "Isolated"
        && split["invert"] == false
        && bytes["type"] == "ByteLevel"
        && bytes["add_prefix_space"] == false
        && bytes["use_regex"] == false
}

fn other_model(model: &Model) -> Option<String> {
    if let Some(unknown) = &model.unk_token {
        return Some(format!("an unknown token, `{}`", short(unknown)));
    }
    if model.dropout.is_some_and(|dropout| dropout != 0.0) {
        return Some("a BPE with dropout".to_owned());
    }
    for (key, affix) in [
        ("continuing_subword_prefix", &model.continuing_subword_prefix),
        ("end_of_word_suffix", &model.end_of_word_suffix),
    ] {
        if let Some(affix) = affix.as_ref().filter(|affix| !affix.is_empty()) {
            return Some(format!("a BPE with `{key}`, `{}`", short(affix)));
        }
    }
    for (key, flag) in
        [("byte_fallback", model.byte_fallback), ("ignore_merges", model.ignore_merges)]
    {
        if flag == Some(true) {
            return Some(format!("a BPE with `{key}`"));
        }
    }
    None
}

/// Finds words without an id of their own, and merges of or to what is no word.
fn other_words(model: &Model) -> Option<String> {
    let (Vocab(vocab), Merges(merges)) = (&model.vocab, &model.merges);
    for (what, n) in [("words", vocab.len()), ("merges", merges.len())] {
        if MAX_TOKENS as usize <= n {
            return Some(format!("{n} {what}, of which fewer than {MAX_TOKENS} are read"));
        }
    }
    let mut ids = BTreeSet::new();
    for (word, &id) in vocab {
        if MAX_TOKENS <= id {
            return Some(format!("the word `{}` with the id {id}", short(word)));
        }
        if !ids.insert(id) {
            return Some(format!("two words with the id {id}, one of them `{}`", short(word)));
        }
    }
    for Merge(a, b) in merges {
        let merged = format!("{a}{b}");
        if let Some(missing) = [a, b, &merged].into_iter().find(|word| !vocab.contains_key(*word)) {
            let missing = short(missing);
            return Some(format!("a merge with `{missing}`, which is no word of the vocabulary"));
        }
    }
    None
}

fn other_added(added: &[Added]) -> Option<String> {
    if MAX_ADDED < added.len() {
        let n = added.len();
        return Some(format!("{n} added tokens, of which at most {MAX_ADDED} are read"));
    }
    added.iter().find_map(|Added { id, content }| odd_token(*id, content))
}

/// Says why a token cannot be added.
pub(super) fn odd_token(id: u32, content: &str) -> Option<String> {
    if MAX_TOKENS <= id {
        return Some(format!("the added token `{}` with the id {id}", short(content)));
    }
    if content.is_empty() || MAX_ADDED_LEN < content.len() {
        let n = content.len();
        return Some(format!("an added token of {n} bytes, expected 1 to {MAX_ADDED_LEN}"));
    }
    None
}

/// A part by its type, or what stands in its place.
fn describe(what: &str, part: &Value) -> String {
    match part["type"].as_str() {
        Some(kind @ ("Sequence" | "ByteLevel" | "Split")) => {
            format!("{what} `{kind}` with other settings than Qwen2's")
        }
        Some(kind) => format!("{what} `{}`", short(kind)),
        None if part.is_null() => format!("no {}", what.trim_start_matches("a ")),
        None => format!("{what} without a type"),
    }
}

/// As much of a text of the file as a message needs.
fn short(text: &str) -> String {
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests;
