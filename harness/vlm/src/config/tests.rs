//! What a config accepts, and what it names when it refuses.

use serde_json::json;

use super::*;

fn published() -> Value {
    json!({
        "model_type": "qwen2_vl", "hidden_act": "silu", "hidden_size": 1536,
        "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2,
        "intermediate_size": 8960, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "tie_word_embeddings": true, "vocab_size": 151936, "image_token_id": 151655,
        "video_token_id": 151656, "vision_start_token_id": 151652,
        "use_sliding_window": false, "attention_dropout": 0.0, "torch_dtype": "bfloat16",
        "vision_config": {
            "depth": 32, "embed_dim": 1280, "hidden_size": 1536, "mlp_ratio": 4,
            "num_heads": 16, "in_chans": 3, "patch_size": 14, "spatial_merge_size": 2,
            "spatial_patch_size": 14, "temporal_patch_size": 2
        }
    })
}

/// Asserts that a change makes these problems, and no others.
fn check(change: impl Fn(&mut Value), expected: &[&str]) {
    let mut json = published();
    change(&mut json);
    match Config::from_json(json) {
        Err(VlmError::Config { problems, .. }) => assert_eq!(problems, expected),
        other => panic!("expected problems, found {other:?}"),
    }
}

#[test]
fn the_published_form_is_read_and_kept() {
    let config = Config::from_json(published()).unwrap();
    assert_eq!(config.head_dim(), 128);
    assert_eq!(config.vision_config.patch_len(), 1176);
    assert_eq!(config.to_json(), published());
}

#[test]
fn every_needed_key_is_demanded() {
    let needed = published();
    let optional = ["use_sliding_window", "attention_dropout", "torch_dtype"];
    for key in needed.as_object().unwrap().keys().filter(|key| !optional.contains(&key.as_str())) {
        let expected = format!("`{key}`: missing");
        check(|json| drop(json.as_object_mut().unwrap().remove(key)), &[&expected]);
    }
    let vision = needed["vision_config"].as_object().unwrap();
    for key in vision.keys().filter(|key| *key != "spatial_patch_size") {
        let expected = format!("`vision_config.{key}`: missing");
        let remove = |json: &mut Value| {
            drop(json["vision_config"].as_object_mut().unwrap().remove(key));
        };
        check(remove, &[&expected]);
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let change = |json: &mut Value| {
        json["hidden_size"] = json!(0);
        json["rope_theta"] = json!("big");
        json["rope_scaling"]["mrope_section"] = json!([1, 2]);
        json["vision_config"]["depth"] = json!(1.5);
    };
    check(
        change,
        &[
            "`hidden_size`: expected an integer from 1 to 1048576, found 0",
            "`rope_theta`: expected a number above 1, at most 1000000000000, found \"big\"",
            "`rope_scaling.mrope_section`: expected 3 integers from 0 to 1048576, found [1,2]",
            "`vision_config.depth`: expected an integer from 1 to 1024, found 1.5",
        ],
    );
}

#[test]
fn values_that_do_not_fit_each_other_are_refused() {
    check(
        |json| json["num_key_value_heads"] = json!(5),
        &["`num_attention_heads`: expected a multiple of 5, found 12"],
    );
    check(
        |json| json["rope_scaling"]["mrope_section"] = json!([16, 24, 23]),
        &["`twice the sum of rope_scaling.mrope_section`: expected 128, found 126"],
    );
    check(
        |json| json["vision_config"]["hidden_size"] = json!(3584),
        &["`vision_config.hidden_size`: expected 1536, found 3584"],
    );
    check(
        |json| json["vision_config"]["num_heads"] = json!(640),
        &["`vision_config.embed_dim / num_heads`: expected a multiple of 4, found 2"],
    );
    check(
        |json| json["image_token_id"] = json!(151936),
        &["`image_token_id`: expected a number below 151936, found 151936"],
    );
    check(|json| json["head_dim"] = json!(64), &["`head_dim`: expected 128, found 64"]);
}

#[test]
fn another_architecture_is_refused() {
    check(
        |json| json["model_type"] = json!("qwen2_5_vl"),
        &["`model_type`: expected \"qwen2_vl\", found \"qwen2_5_vl\""],
    );
    check(
        |json| json["hidden_act"] = json!("gelu"),
        &["`hidden_act`: expected \"silu\", found \"gelu\""],
    );
    check(
        |json| json["rope_scaling"]["type"] = json!("yarn"),
        &["`rope_scaling.type`: expected \"mrope\" or \"default\", found \"yarn\""],
    );
    check(
        |json| json["use_sliding_window"] = json!(true),
        &["`use_sliding_window`: expected false, found true"],
    );
    check(
        |json| json["vision_config"]["hidden_act"] = json!("gelu"),
        &["`vision_config.hidden_act`: expected \"quick_gelu\", found \"gelu\""],
    );
}

fn generation(json: Value) -> Result<GenerationConfig, VlmError> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("generation_config.json"), json.to_string()).unwrap();
    GenerationConfig::from_dir(dir.path())
}

#[test]
fn stop_ids_are_one_id_or_a_list() {
    let config = generation(json!({"eos_token_id": 5, "pad_token_id": 0})).unwrap();
    assert_eq!(config, GenerationConfig { stop_ids: vec![5], pad_token_id: 0 });
    let config = generation(json!({"eos_token_id": [5, 6], "pad_token_id": 6})).unwrap();
    assert_eq!(config.stop_ids, [5, 6]);
    for stop_ids in [json!([]), json!("5"), json!([-1]), json!(null)] {
        assert!(generation(json!({"eos_token_id": stop_ids, "pad_token_id": 0})).is_err());
    }
    let message = generation(json!({})).unwrap_err().to_string();
    assert!(message.contains("`eos_token_id`: missing") && message.contains("`pad_token_id`"));
}

#[test]
fn padding_is_a_token_of_the_model() {
    let config = Config::from_json(published()).unwrap();
    let check = |pad_token_id: i64| {
        let json = json!({"eos_token_id": 5, "pad_token_id": pad_token_id});
        generation(json).unwrap().check_padding("model".as_ref(), &config)
    };
    check(config.vocab_size - 1).unwrap();
    let message = check(config.vocab_size).unwrap_err().to_string();
    let expected = "`pad_token_id`: expected a number below 151936, found 151936";
    assert!(message.contains(expected), "{message}");
}
