//! Files that the library would take, and panic, overflow or take for ever on.

use std::path::Path;

use super::*;
use crate::text::TextTokenizer;

fn tiny() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model/tokenizer.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Loads a file beside an empty `tokenizer_config.json`; returns what was found.
fn load(bytes: &[u8]) -> Result<(), String> {
    let dir = Path::new("model");
    let loaded = TextTokenizer::from_bytes(bytes, b"{}", dir);
    loaded.map(|_| ()).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("{error}{}", cause.unwrap_or_default())
    })
}

fn check(change: impl FnOnce(&mut Value), expected: &str) {
    let mut json = tiny();
    change(&mut json);
    let found = load(json.to_string().as_bytes()).unwrap_err();
    assert!(found.contains(expected), "{found:?} should contain {expected:?}");
    assert!(found.len() < 500, "{found}");
}

#[test]
fn tokenizers_of_every_release_are_taken() {
    load(tiny().to_string().as_bytes()).unwrap();
    // transformers 5 writes merges as pairs, and settings of the decoder that it does not look at.
    let mut json = tiny();
    for merge in json["model"]["merges"].as_array_mut().unwrap() {
        let text = merge.as_str().unwrap().to_owned();
        let (a, b) = text.split_once(' ').unwrap();
        *merge = json!([a, b]);
    }
    json["decoder"] = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true});
    json["post_processor"] = Value::Null;
    json["padding"] = json!({"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": null, "pad_id": 991, "pad_type_id": 0, "pad_token": "<|endoftext|>"});
    json["truncation"] =
        json!({"direction": "Right", "max_length": 512, "strategy": "LongestFirst", "stride": 0});
    load(json.to_string().as_bytes()).unwrap();
}

#[test]
fn parts_of_other_tokenizers_are_refused_by_name() {
    let template = json!({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "X", "type_id": 0}}], "pair": [], "special_tokens": {}});
    check(|json| json["post_processor"] = template, "found a post-processor `TemplateProcessing`");
    let map = json!({"type": "Precompiled", "precompiled_charsmap": "A".repeat(1 << 20)});
    check(|json| json["normalizer"] = map, "found a normalizer `Precompiled`");
    let replace = json!({"type": "Replace", "pattern": {"Regex": "(a*)*b"}, "content": ""});
    check(|json| json["normalizer"] = replace, "found a normalizer `Replace`");
    let pattern = json!({"Regex": "(\\s*)*\\z(?<=x)"});
    check(
        |json| json["pre_tokenizer"]["pretokenizers"][0]["pattern"] = pattern,
        "found a pre-tokenizer `Sequence` with other settings than Qwen2's",
    );
    check(|json| json["pre_tokenizer"] = Value::Null, "found no pre-tokenizer");
    check(|json| json["decoder"] = json!({"type": "WordPiece"}), "found a decoder `WordPiece`");
    check(|json| json["decoder"] = json!(7), "found a decoder without a type");
    check(
        |json| json["normalizer"] = json!({"type": "x".repeat(1000)}),
        "found a normalizer `xxxx",
    );
    check(
        |json| json["model"] = json!({"type": "Unigram", "vocab": [["a", -1.0]]}),
        "a model of type `Unigram`",
    );
}

#[test]
fn models_that_break_the_library_are_refused() {
    let longest = "Ġ".repeat(200);
    check(
        |json| json["model"]["merges"] = json!([["i", "n"], ["in", longest]]),
        "a merge with `ĠĠ",
    );
    // Every word is there, but not the merged one, which is longer than them all.
    let words: Vec<String> =
        tiny()["model"]["vocab"].as_object().unwrap().keys().cloned().collect();
    let longest = words.iter().max_by_key(|word| word.len()).unwrap().clone();
    check(|json| json["model"]["merges"] = json!([[longest, longest]]), "which is no word");
    check(
        |json| json["model"]["vocab"]["zzz"] = json!(4294967295_u32),
        "the word `zzz` with the id 4294967295",
    );
    check(|json| json["model"]["vocab"]["zzz"] = json!(5), "two words with the id 5");
    check(|json| json["model"]["vocab"]["zzz"] = json!(-5), "invalid value");
    check(
        |json| json["model"]["continuing_subword_prefix"] = json!("##"),
        "`continuing_subword_prefix`, `##`",
    );
    check(|json| json["model"]["end_of_word_suffix"] = json!("</w>"), "`end_of_word_suffix`");
    check(|json| json["model"]["unk_token"] = json!("a"), "an unknown token, `a`");
    check(|json| json["model"]["dropout"] = json!(0.5), "a BPE with dropout");
    check(|json| json["model"]["byte_fallback"] = json!(true), "a BPE with `byte_fallback`");
    check(|json| json["model"]["merges"] = json!(["in"]), "expected a merge of two words");
    check(
        |json| json["model"]["merges"] = json!([["i", "n", "g"]]),
        "expected a merge of two words",
    );
    check(|json| json["model"] = json!({"type": "BPE"}), "Missing vocab/merges");
}

#[test]
fn absurd_added_tokens_are_refused() {
    let token = |id: u64, content: &str| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let push = |token: Value| {
        move |json: &mut Value| json["added_tokens"].as_array_mut().unwrap().push(token)
    };
    check(push(token(4294967295, "far")), "the added token `far` with the id 4294967295");
    check(push(token(1 << 40, "far")), "invalid value");
    check(push(token(2000, "")), "an added token of 0 bytes");
    check(push(token(2000, &"x".repeat(2000))), "an added token of 2000 bytes");
    check(push(token(2000, "far")), "found token `far` with id 2000, expected ");
    let many: Vec<Value> = (0..20_000).map(|n| token(n, &format!("<{n}>"))).collect();
    check(|json| json["added_tokens"] = json!(many), "20000 added tokens, of which at most 16384");
}

#[test]
fn what_is_no_tokenizer_is_an_error_and_no_crash() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in ["", "{", "[]", "null", "{\"model\": 3}", "{\"model\": {\"vocab\": []}}", &deep] {
        load(text.as_bytes()).unwrap_err();
    }
    let nested = tiny().to_string().replacen("{\"type\":\"NFC\"}", &deep, 1);
    assert!(nested.contains(&deep));
    assert!(load(nested.as_bytes()).unwrap_err().contains("recursion limit"));
    load(b"\xff\xfe").unwrap_err();
}

#[test]
fn added_tokens_of_the_config_are_bounded_too() {
    let config = |tokens: Value| {
        let config = json!({"added_tokens_decoder": tokens}).to_string();
        let tokenizer = tiny().to_string();
        TextTokenizer::from_bytes(tokenizer.as_bytes(), config.as_bytes(), Path::new("model"))
            .unwrap_err()
            .to_string()
    };
    let token = |content: &str| json!({"content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let found = config(json!({"4294967295": token("far")}));
    assert!(found.contains("the added token `far` with the id 4294967295"), "{found}");
    let many: serde_json::Map<String, Value> =
        (0..20_000).map(|n| (n.to_string(), token(&format!("<{n}>")))).collect();
    assert!(config(Value::Object(many)).contains("20000 added tokens"));
}
