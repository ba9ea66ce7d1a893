//! The tiny model's tokenizer: byte-level BPE whose merges are learned on the pre-training texts.
//!
//! Splits text as Qwen2 does and has Qwen2-VL's special tokens. The merges are learned here and not
//! by the trainer of the tokenizers crate, whose hash maps promise no order: the same seed must give
//! the same file on every machine.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clsrl_spec::Stream;
use serde_json::{Value, json};
use tokenizers::{
    OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Tokenizer,
    pre_tokenizers::byte_level::ByteLevel,
};

use super::{
    captions::{Caption, CaptionKind, SYSTEM},
    layout::json_text,
};

/// Qwen2-VL's special tokens, in the order of their ids.
pub const SPECIAL_TOKENS: [&str; 14] = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
];

/// Texts that the merges are learned on.
const N_SAMPLES: usize = 6000;

/// How Qwen2 splits a text before merging: contractions, words with one character before them,
/// single digits, runs of punctuation, line ends, spaces.
const SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Why the tokenizer could not be made.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum TinyTokenizerError {
    #[error("cannot build the tiny tokenizer")]
    Build(#[source] tokenizers::Error),
    #[error("cannot split `{text}`")]
    Split { text: String, source: tokenizers::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

/// The tiny model's tokenizer, before it is written to disk and used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TinyTokenizer {
    /// The text of `tokenizer.json`.
    pub(super) file: String,
    n_learned: usize,
}

impl TinyTokenizer {
    /// Learns the tokenizer of a seed. Takes a few seconds.
    pub fn train(seed: u64) -> Result<TinyTokenizer, TinyTokenizerError> {
        let mut tokens = byte_tokens();
        let bytes_only = file_of(&tokens, &[]);
        let splitter = Tokenizer::from_bytes(bytes_only).map_err(TinyTokenizerError::Build)?;
        let words = count_words(&splitter, &texts(seed))?;
        let merges = learn_merges(&mut tokens, &words);
        Ok(TinyTokenizer { file: file_of(&tokens, &merges), n_learned: tokens.len() })
    }

    /// All tokens, special ones included.
    pub fn n_tokens(&self) -> usize {
        self.n_learned + SPECIAL_TOKENS.len()
    }

    /// The id of a special token. Panics if Qwen2-VL has none of that name.
    pub fn special(&self, token: &str) -> usize {
        let idx = SPECIAL_TOKENS.iter().position(|special| *special == token);
        self.n_learned + idx.expect("callers name a special token of Qwen2-VL")
    }
}

/// The 256 bytes as the byte-level alphabet writes them, in the order of their ids.
fn byte_tokens() -> Vec<String> {
    let alphabet: BTreeSet<char> = ByteLevel::alphabet().into_iter().collect();
    alphabet.into_iter().map(String::from).collect()
}

/// The stretches of text between special tokens, of short and long samples alike.
fn texts(seed: u64) -> Vec<String> {
    let mut stream = Stream::new(seed, &["drawn", "tokenizer"]);
    let mut texts = vec![format!("system\n{SYSTEM}"), "user\n".to_owned(), "\n".to_owned()];
    for sample in 0..N_SAMPLES {
        let kind = if sample % 2 == 0 { CaptionKind::Short } else { CaptionKind::Long };
        let caption = Caption::draw(kind, &mut stream);
        texts.extend([caption.text, "assistant\n".to_owned(), caption.reply]);
    }
    texts
}

/// How often each piece that is never merged with its neighbours occurs.
fn count_words(
    tokenizer: &Tokenizer,
    texts: &[String],
) -> Result<BTreeMap<String, u64>, TinyTokenizerError> {
    let splitter = tokenizer.get_pre_tokenizer().expect("the file has a pre-tokenizer");
    let mut words = BTreeMap::new();
    for text in texts {
        let mut pieces = PreTokenizedString::from(text.as_str());
        splitter
            .pre_tokenize(&mut pieces)
            .map_err(|source| TinyTokenizerError::Split { text: text.clone(), source })?;
        for (piece, ..) in pieces.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            *words.entry(piece.to_owned()).or_default() += 1;
        }
    }
    Ok(words)
}

/// Merges the most frequent pair, the lowest ids at a tie, until every word is one token.
fn learn_merges(tokens: &mut Vec<String>, words: &BTreeMap<String, u64>) -> Vec<String> {
    let mut ids: BTreeMap<String, usize> = tokens.iter().cloned().zip(0..).collect();
    let mut words: Vec<(Vec<usize>, u64)> = words
        .iter()
        .map(|(word, count)| (word.chars().map(|c| ids[&c.to_string()]).collect(), *count))
        .collect();
    let mut merges = Vec::new();
    while let Some((left, right)) = most_frequent_pair(&words) {
        merges.push(format!("{} {}", tokens[left], tokens[right]));
        let token = format!("{}{}", tokens[left], tokens[right]);
        let id = *ids.entry(token.clone()).or_insert(tokens.len());
        if id == tokens.len() {
            tokens.push(token);
        }
        for (word, _) in &mut words {
            merge_pair(word, (left, right), id);
        }
    }
    merges
}

fn most_frequent_pair(words: &[(Vec<usize>, u64)]) -> Option<(usize, usize)> {
    let mut counts: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for (word, count) in words {
        for pair in word.windows(2) {
            *counts.entry((pair[0], pair[1])).or_default() += count;
        }
    }
    counts.into_iter().max_by_key(|(pair, count)| (*count, Reverse(*pair))).map(|(pair, _)| pair)
}

fn merge_pair(word: &mut Vec<usize>, (left, right): (usize, usize), merged: usize) {
    let mut idx = 0;
    while idx + 1 < word.len() {
        if word[idx] == left && word[idx + 1] == right {
            word[idx] = merged;
            word.remove(idx + 1);
        }
        idx += 1;
    }
}

/// A special token as both tokenizer files describe it.
pub(super) fn added_token(token: &str) -> Value {
    json!({
        "content": token,
        "single_word": false,
        "lstrip": false,
        "rstrip": false,
        "normalized": false,
        "special": true,
    })
}

/// The text of `tokenizer.json`.
fn file_of(tokens: &[String], merges: &[String]) -> String {
    let vocab: BTreeMap<&str, usize> = tokens.iter().map(String::as_str).zip(0..).collect();
    let added: Vec<Value> = SPECIAL_TOKENS
        .iter()
        .zip(tokens.len()..)
        .map(|(token, id)| {
            let mut entry = added_token(token);
            entry["id"] = id.into();
            entry
        })
        .collect();
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    let split = json!({"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": false});
    json_text(&json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": false,
            "byte_fallback": false,
            "vocab": vocab,
            "merges": merges,
        },
    }))
}

#[cfg(test)]
mod tests {
    use clsrl_data::text::TextTokenizer;

    use super::*;

    #[test]
    fn a_written_tokenizer_opens_and_names_are_few_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let tiny = TinyTokenizer::train(1).unwrap();
        tiny.write(dir.path(), "qwen2_vl").unwrap();
        let tokenizer = TextTokenizer::from_dir(dir.path()).unwrap();
        for (text, n_tokens) in
            [("tench", 1), ("carrot_cake", 2), ("<|im_end|>", 1), ("737-200", 7)]
        {
            assert_eq!(tokenizer.encode(text).len(), n_tokens, "{text}");
        }
        let text = "what was never seen before, ünïcode and all";
        assert_eq!(tokenizer.decode(&tokenizer.encode(text), true), text);
        for token in SPECIAL_TOKENS {
            assert_eq!(tokenizer.token_id(token).unwrap(), tiny.special(token) as i64, "{token}");
        }
        assert_eq!(tokenizer.n_tokens(), tiny.n_tokens());
    }

    #[test]
    fn the_same_seed_gives_the_same_file() {
        let file = |seed| TinyTokenizer::train(seed).unwrap().file;
        assert_eq!(file(1), file(1));
        assert_ne!(file(1), file(2));
    }
}
