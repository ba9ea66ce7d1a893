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
    let optional =
        ["use_sliding_window", "attention_dropout", "torch_dtype", "tie_word_embeddings"];
    for key in needed.as_object().unwrap().keys().filter(|key| !optional.contains(&key.as_str())) {
        let expected = format!("`{key}`: missing");
        check(|json| drop(json.as_object_mut().unwrap().remove(key)), &[&expected]);
    }
    let remove = |key: &'static str| {
        move |json: &mut Value| drop(json["rope_scaling"].as_object_mut().unwrap().remove(key))
    };
    check(remove("type"), &["`rope_scaling.type`: missing"]);
    check(remove("mrope_section"), &["`rope_scaling.mrope_section`: missing"]);
}

/// Reads a form of the published config and expects the same model, and the published form to be saved.
fn check_form(change: impl Fn(&mut Value), described: &str) {
    let mut json = published();
    change(&mut json);
    let config = Config::from_json(json).unwrap();
    let published = Config::from_json(published()).unwrap();
    assert_eq!(config.to_json(), published.to_json());
    assert_eq!(config.form().describe(), described);
    let same = Config { form: published.form.clone(), ..config };
    assert_eq!(same, published);
}

fn nested(json: &mut Value) {
    let file = json.as_object_mut().unwrap();
    let mut text = serde_json::Map::new();
    for key in [
        "hidden_act",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "intermediate_size",
        "rms_norm_eps",
        "vocab_size",
        "use_sliding_window",
        "attention_dropout",
    ] {
        text.insert(key.to_owned(), file.remove(key).unwrap());
    }
    file.remove("rope_scaling");
    file.remove("rope_theta");
    let dtype = file.remove("torch_dtype").unwrap();
    file.insert("dtype".to_owned(), dtype.clone());
    text.extend(
        json!({
            "model_type": "qwen2_vl_text", "dtype": dtype, "sliding_window": null,
            "layer_types": ["full_attention", "full_attention"], "pad_token_id": null,
            "rope_parameters": {
                "mrope_section": [16, 24, 24], "rope_theta": 1000000.0, "rope_type": "default",
                "type": "mrope"
            }
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    file.insert("text_config".to_owned(), Value::Object(text));
    file["vision_config"].as_object_mut().unwrap().extend(
        json!({
            "hidden_act": "quick_gelu", "in_channels": 3, "model_type": "qwen2_vl_vision",
            "initializer_range": 0.02, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "axial"}
        })
        .as_object()
        .unwrap()
        .clone(),
    );
}

#[test]
fn every_form_of_every_release_is_the_same_model() {
    // 4.46 to 4.49.
    let without_defaults = |json: &mut Value| {
        json["vision_config"] = json!({"hidden_size": 1536, "in_chans": 3, "model_type": "qwen2_vl", "spatial_patch_size": 14});
        json["rope_scaling"] =
            json!({"type": "default", "rope_type": "default", "mrope_section": [16, 24, 24]});
    };
    check_form(without_defaults, "flat, as published, 7 keys by default");
    // 4.52 to 4.57.
    let twice = |json: &mut Value| {
        let mut text = json.clone();
        text["model_type"] = json!("qwen2_vl_text");
        text["image_token_id"] = Value::Null;
        text["rope_scaling"] =
            json!({"type": "default", "rope_type": "default", "mrope_section": [16, 24, 24]});
        text.as_object_mut().unwrap().remove("vision_config");
        json["text_config"] = text;
        json.as_object_mut().unwrap().remove("tie_word_embeddings");
    };
    check_form(twice, "flat and nested, as transformers 4.52 to 4.57 write it");
    // 5.
    check_form(nested, "nested, as transformers 5 writes it");
    let without_type = |json: &mut Value| {
        json["rope_scaling"] = json!({"rope_type": "mrope", "mrope_section": [16, 24, 24]});
    };
    check_form(without_type, "flat, as published");
    let theta_inside = |json: &mut Value| {
        json.as_object_mut().unwrap().remove("rope_theta");
        json["rope_scaling"]["rope_theta"] = json!(1000000.0);
    };
    check_form(theta_inside, "flat, as published");
}

#[test]
fn embeddings_are_tied_where_either_level_says_so_and_else_not() {
    let tied = |change: &dyn Fn(&mut Value)| {
        let mut json = published();
        json.as_object_mut().unwrap().remove("tie_word_embeddings");
        nested(&mut json);
        change(&mut json);
        Config::from_json(json).unwrap().tie_word_embeddings
    };
    assert!(!tied(&|_| ()));
    assert!(tied(&|json| json["tie_word_embeddings"] = json!(true)));
    assert!(tied(&|json| json["text_config"]["tie_word_embeddings"] = json!(true)));
    assert!(!tied(&|json| json["text_config"]["tie_word_embeddings"] = json!(false)));
    check(
        |json| json["text_config"] = json!({"tie_word_embeddings": false}),
        &[
            "`text_config.tie_word_embeddings`: expected true, as `tie_word_embeddings` says, found false",
        ],
    );
}

#[test]
fn defaults_are_those_of_the_class_and_no_others() {
    let mut json = published();
    json["hidden_size"] = json!(3584);
    json["num_attention_heads"] = json!(28);
    json["num_key_value_heads"] = json!(4);
    json["vision_config"] = json!({});
    let vision = Config::from_json(json).unwrap().vision_config;
    let expected = VisionConfig {
        depth: 32,
        embed_dim: 1280,
        out_hidden_size: 3584,
        intermediate_size: 5120,
        num_heads: 16,
        in_chans: 3,
        patch_size: 14,
        spatial_merge_size: 2,
        temporal_patch_size: 2,
        tower: Tower::Qwen2Vl,
    };
    assert_eq!(vision, expected);
    let one_channel = |json: &mut Value| {
        json["vision_config"].as_object_mut().unwrap().remove("in_chans");
        json["vision_config"]["in_channels"] = json!(1);
    };
    let mut json = published();
    one_channel(&mut json);
    assert_eq!(Config::from_json(json).unwrap().vision_config.in_chans, 1);
}

#[test]
fn levels_that_contradict_each_other_are_refused() {
    check(
        |json| json["text_config"] = json!({"hidden_size": 2048, "vocab_size": 151936}),
        &["`text_config.hidden_size`: expected 1536, as `hidden_size` says, found 2048"],
    );
    check(
        |json| json["text_config"] = json!({"rope_theta": 10000.0}),
        &["`text_config.rope_theta`: expected 1000000.0, as `rope_theta` says, found 10000.0"],
    );
    check(
        |json| {
            json["rope_parameters"] = json!({"rope_type": "default", "rope_theta": 1000000, "mrope_section": [16, 24, 23]})
        },
        &[
            "`rope_parameters.mrope_section`: expected [16,24,24], as `rope_scaling.mrope_section` says, found [16,24,23]",
        ],
    );
    check(
        |json| json["vision_config"]["in_channels"] = json!(1),
        &["`vision_config.in_channels`: expected 3, as `vision_config.in_chans` says, found 1"],
    );
}

#[test]
fn a_nested_key_is_named_by_its_place_in_the_file() {
    let check = |change: &dyn Fn(&mut Value), expected: &[&str]| {
        let mut json = published();
        nested(&mut json);
        change(&mut json);
        match Config::from_json(json) {
            Err(VlmError::Config { problems, .. }) => assert_eq!(problems, expected),
            other => panic!("expected problems, found {other:?}"),
        }
    };
    check(
        &|json| drop(json["text_config"].as_object_mut().unwrap().remove("hidden_size")),
        &["`text_config.hidden_size`: missing"],
    );
    check(
        &|json| json["text_config"]["num_hidden_layers"] = json!(0),
        &["`text_config.num_hidden_layers`: expected an integer from 1 to 1024, found 0"],
    );
    check(
        &|json| drop(json["text_config"].as_object_mut().unwrap().remove("rope_parameters")),
        &[
            "`text_config.rope_parameters.rope_theta`: missing",
            "`text_config.rope_parameters`: missing",
        ],
    );
    check(
        &|json| {
            drop(
                json["text_config"]["rope_parameters"]
                    .as_object_mut()
                    .unwrap()
                    .remove("rope_theta"),
            )
        },
        &["`text_config.rope_parameters.rope_theta`: missing"],
    );
    check(
        &|json| json["text_config"]["layer_types"] = json!(["sliding_attention"]),
        &[
            "`text_config.layer_types`: expected only \"full_attention\", found \"sliding_attention\"",
        ],
    );
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
        |json| json["model_type"] = json!("qwen3_vl_moe"),
        &[
            "`model_type`: expected \"qwen2_vl\" or \"qwen2_5_vl\" or \"qwen3_vl\", found \"qwen3_vl_moe\"",
        ],
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

#[test]
fn published_shapes_lose_layers_and_what_named_them() {
    for name in Config::published_names() {
        let whole = Config::published_with(name, None, None).unwrap().unwrap();
        assert_eq!(whole.num_hidden_layers, Config::published(name).unwrap().num_hidden_layers);
        let small = Config::published_with(name, Some(1), Some(8)).unwrap().unwrap();
        assert_eq!((small.num_hidden_layers, small.vision_config.depth), (1, 8), "{name}");
        match &small.vision_config.tower {
            Tower::Qwen2Vl => {}
            Tower::Qwen2_5Vl { fullatt_block_indexes, .. } => {
                assert_eq!(*fullatt_block_indexes, [7])
            }
            Tower::Qwen3Vl { deepstack_visual_indexes, .. } => {
                assert!(deepstack_visual_indexes.len() <= 1, "{name}: one layer, one feature");
            }
        }
    }
    assert!(Config::published_with("Qwen9-VL", None, None).is_none());
}
