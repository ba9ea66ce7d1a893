//! What a generation config changes, and what it is refused for.

use serde_json::json;

use super::*;

/// A model of 512 tokens.
fn config_of_512() -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model/config.json");
    let mut json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    json["vocab_size"] = json!(512);
    for key in ["image_token_id", "video_token_id", "vision_start_token_id"] {
        json[key] = json!(500);
    }
    Config::from_json(json).unwrap()
}

fn generation(json: Value) -> Result<GenerationConfig, VlmError> {
    GenerationConfig::from_bytes(json.to_string().as_bytes(), Path::new("generation_config.json"))
}

#[test]
fn stop_ids_are_one_id_or_a_list() {
    let config = generation(json!({"eos_token_id": 5, "pad_token_id": 0})).unwrap();
    let expected = GenerationConfig { stop_ids: vec![5], pad_token_id: 0, repetition_penalty: 1.0 };
    assert_eq!(config, expected);
    let config = generation(json!({"eos_token_id": [5, 6], "pad_token_id": 6})).unwrap();
    assert_eq!(config.stop_ids, [5, 6]);
    for stop_ids in [json!([]), json!("5"), json!([-1]), json!(null)] {
        assert!(generation(json!({"eos_token_id": stop_ids, "pad_token_id": 0})).is_err());
    }
    let message = generation(json!({})).unwrap_err().to_string();
    assert!(message.contains("`eos_token_id`: missing"), "{message}");
    assert_eq!(generation(json!({"eos_token_id": [6, 5]})).unwrap().pad_token_id, 6);
}

#[test]
fn padding_is_a_token_of_the_model() {
    let config = config_of_512();
    let check = |pad_token_id: i64| {
        let json = json!({"eos_token_id": 5, "pad_token_id": pad_token_id});
        generation(json).unwrap().check_padding("model".as_ref(), &config)
    };
    check(config.vocab_size - 1).unwrap();
    let message = check(config.vocab_size).unwrap_err().to_string();
    let expected = "`pad_token_id`: expected a number below 512, found 512";
    assert!(message.contains(expected), "{message}");
}

/// The file that Qwen2-VL-2B-Instruct and -7B-Instruct are published with.
fn published() -> Value {
    json!({
        "bos_token_id": 151643, "pad_token_id": 151643, "do_sample": true,
        "eos_token_id": [151645, 151643], "repetition_penalty": 1.0, "temperature": 0.01,
        "top_p": 0.001, "top_k": 1, "transformers_version": "4.37.0"
    })
}

#[test]
fn the_published_file_changes_no_greedy_answer() {
    let config = generation(published()).unwrap();
    assert_eq!(config.stop_ids, [151645, 151643]);
    assert_eq!(config.repetition_penalty, 1.0);
}

/// All fields that `GenerationConfig()` has in some release, with the default of 4.46 to 4.57.
fn defaults() -> Value {
    serde_json::from_str(
        r#"{
        "_from_model_config": false, "assistant_confidence_threshold": 0.4,
        "assistant_early_exit": null, "assistant_ensemble_weight": null, "assistant_lookbehind": 10,
        "bad_words_ids": null, "begin_suppress_tokens": null, "bos_token_id": null,
        "cache_config": null, "cache_implementation": null, "compile_config": null,
        "constraints": null, "continuous_batching_config": null, "decoder_start_token_id": null,
        "disable_compile": false, "diversity_penalty": 0.0, "do_sample": false,
        "dola_layers": null, "early_stopping": false, "encoder_no_repeat_ngram_size": 0,
        "encoder_repetition_penalty": 1.0, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0,
        "exponential_decay_length_penalty": null, "force_words_ids": null,
        "forced_bos_token_id": null, "forced_decoder_ids": null, "forced_eos_token_id": null,
        "generation_kwargs": {}, "guidance_scale": null, "is_assistant": false,
        "length_penalty": 1.0, "low_memory": null, "max_cache_len": null, "max_length": 20,
        "max_matching_ngram_size": null, "max_new_tokens": null, "max_time": null,
        "min_length": 0, "min_new_tokens": null, "min_p": null, "no_repeat_ngram_size": 0,
        "num_assistant_tokens": 20, "num_assistant_tokens_schedule": "constant",
        "num_beam_groups": 1, "num_beams": 1, "num_return_sequences": 1,
        "output_attentions": false, "output_hidden_states": false, "output_logits": null,
        "output_scores": false, "penalty_alpha": null, "prefill_chunk_size": null,
        "prompt_lookup_num_tokens": null, "remove_invalid_values": false,
        "renormalize_logits": false, "repetition_penalty": 1.0, "return_dict_in_generate": false,
        "return_legacy_cache": null, "sequence_bias": null, "speculation_type": null,
        "stop_strings": null, "suppress_tokens": null, "target_lookbehind": 10,
        "temperature": 1.0, "token_healing": false, "top_h": null, "top_k": 50, "top_p": 1.0,
        "typical_p": 1.0, "use_cache": true, "use_mtp": null, "watermarking_config": null,
        "transformers_version": "4.57.6", "eos_token_id": 5, "pad_token_id": 0
        }"#,
    )
    .unwrap()
}

#[test]
fn every_field_of_every_release_is_known_and_its_default_changes_nothing() {
    let config = generation(defaults()).unwrap();
    assert_eq!(config.repetition_penalty, 1.0);
    // Since 5.0 a field that is not set is null.
    let mut nulls = defaults();
    for (key, value) in nulls.as_object_mut().unwrap() {
        if key != "eos_token_id" {
            *value = Value::Null;
        }
    }
    assert_eq!(generation(nulls).unwrap().pad_token_id, 5);
    for (key, _) in REFUSED {
        assert!(defaults().get(key).is_some(), "{key} is no field of a release");
    }
}

#[test]
fn what_changes_greedy_answers_is_refused_by_its_name() {
    for (key, value) in [
        ("num_beams", json!(4)),
        ("no_repeat_ngram_size", json!(3)),
        ("min_length", json!(1)),
        ("min_new_tokens", json!(5)),
        ("bad_words_ids", json!([[5]])),
        ("suppress_tokens", json!([7])),
        ("begin_suppress_tokens", json!([7])),
        ("sequence_bias", json!([[[7], 1.0]])),
        ("guidance_scale", json!(1.5)),
        ("encoder_repetition_penalty", json!(1.1)),
        ("forced_eos_token_id", json!(5)),
        ("exponential_decay_length_penalty", json!([3, 1.1])),
        ("renormalize_logits", json!(true)),
        ("penalty_alpha", json!(0.6)),
        ("stop_strings", json!(["x"])),
        ("max_time", json!(1.0)),
        ("cache_implementation", json!("quantized")),
        ("watermarking_config", json!({})),
        ("dola_layers", json!("low")),
        ("token_healing", json!(true)),
        ("num_return_sequences", json!(2)),
        ("prompt_lookup_num_tokens", json!(3)),
        ("remove_invalid_values", json!(true)),
        ("repetition_penalty", json!(0.0)),
        ("repetition_penalty", json!("1")),
        ("a_field_of_tomorrow", json!(1)),
        ("encoder_no_repeat_ngram_size", json!(2)),
        ("use_mtp", json!(true)),
    ] {
        let mut json = published();
        json[key] = value;
        let message = generation(json).unwrap_err().to_string();
        assert!(message.contains(&format!("`{key}`: expected ")), "{key}: {message}");
    }
    let mut json = published();
    json["suppress_tokens"] = json!([]);
    json["cache_implementation"] = json!("static");
    generation(json).unwrap();
}

#[test]
fn a_repetition_penalty_is_read() {
    let mut json = published();
    json["repetition_penalty"] = json!(1.05);
    assert_eq!(generation(json).unwrap().repetition_penalty, 1.05);
}
