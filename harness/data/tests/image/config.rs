//! `preprocessor_config.json`: what is missing or wrong is named, nothing is defaulted.

use std::error::Error;

use clsrl_data::image::Processor;
use serde_json::{Value, json};

fn settings() -> Value {
    json!({
        "min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2,
        "merge_size": 2, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4],
        "image_processor_type": "Qwen2VLImageProcessor",
    })
}

fn check(change: impl FnOnce(&mut Value), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut json = settings();
    change(&mut json);
    std::fs::write(dir.path().join("preprocessor_config.json"), json.to_string()).unwrap();
    let found = match Processor::from_dir(dir.path()) {
        Ok(processor) => format!("{} {}", processor.min_pixels, processor.max_pixels),
        Err(error) => error.to_string(),
    };
    assert!(found.contains(expected), "{found:?} should contain {expected:?}");
}

#[test]
fn complete_settings_are_read() {
    check(|_| {}, "3136 12845056");
}

#[test]
fn every_needed_key_is_needed() {
    let keys = [
        "min_pixels",
        "max_pixels",
        "patch_size",
        "temporal_patch_size",
        "merge_size",
        "image_mean",
        "image_std",
    ];
    for key in keys {
        let drop = |json: &mut Value| {
            json.as_object_mut().unwrap().remove(key);
        };
        check(drop, &format!("preprocessor_config.json`: `{key}` is missing, expected"));
    }
}

#[test]
fn two_means_are_too_few() {
    check(
        |json| json["image_mean"] = json!([0.1, 0.2]),
        "`image_mean` is [0.1,0.2], expected three",
    );
}

#[test]
fn a_standard_deviation_of_zero_is_refused() {
    check(|json| json["image_std"] = json!([0.1, 0.0, 0.1]), "`image_std`");
}

#[test]
fn limits_in_the_wrong_order_are_refused() {
    check(|json| json["max_pixels"] = json!(28), "`max_pixels` is 28, expected at least");
}

#[test]
fn another_filter_than_bicubic_is_refused() {
    check(|json| json["resample"] = json!(1), "`resample` is 1, expected 3");
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = Processor::from_dir(dir.path()).unwrap_err();
    assert!(error.to_string().contains("preprocessor_config.json` cannot be read"), "{error}");
    assert!(error.source().is_some());
}
