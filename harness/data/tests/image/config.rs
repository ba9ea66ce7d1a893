//! The image processor's settings in every file and spelling: what is missing or wrong is named, nothing is
//! defaulted.

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
fn limits_are_read_in_every_spelling() {
    let spelled = |top: Value, size: Value| {
        move |json: &mut Value| {
            let map = json.as_object_mut().unwrap();
            map.remove("min_pixels");
            map.remove("max_pixels");
            map.extend(top.as_object().unwrap().clone());
            map.insert("size".to_owned(), size);
        }
    };
    let nulls = json!({"min_pixels": null, "max_pixels": null});
    let edges = json!({"shortest_edge": 784, "longest_edge": 7840});
    check(spelled(json!({}), edges.clone()), "784 7840");
    check(spelled(nulls.clone(), edges.clone()), "784 7840");
    check(spelled(nulls.clone(), json!({"min_pixels": 784, "max_pixels": 7840})), "784 7840");
    check(spelled(json!({"min_pixels": 785, "max_pixels": 7841}), edges.clone()), "785 7841");
    check(spelled(json!({"min_pixels": 785, "max_pixels": null}), edges), "785 7840");
    check(spelled(nulls.clone(), Value::Null), "`min_pixels` is missing, expected a whole number");
    check(spelled(nulls.clone(), json!({"shortest_edge": 784})), "`max_pixels` is missing");
    check(spelled(nulls.clone(), json!(784)), "`size` is 784, expected an object");
    check(spelled(nulls, json!({"height": 1, "width": 1})), "`min_pixels` is missing");
}

/// Reads a model folder with these files and tells what came of it.
fn read_files(files: &[(&str, &Value)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (name, json) in files {
        std::fs::write(dir.path().join(name), json.to_string()).unwrap();
    }
    match Processor::recognise(dir.path()) {
        Ok((processor, form)) => format!("{} from {form}", processor.patch_size),
        Err(error) => error.to_string(),
    }
}

#[test]
fn settings_are_found_where_either_release_writes_them() {
    let (own, shared) = ("preprocessor_config.json", "processor_config.json");
    let nested = json!({"processor_class": "Qwen2VLProcessor", "image_processor": settings()});
    let without = json!({"processor_class": "Qwen2VLProcessor"});
    assert_eq!(read_files(&[(own, &settings())]), "14 from preprocessor_config.json");
    assert_eq!(read_files(&[(shared, &nested)]), "14 from processor_config.json");
    let both = read_files(&[(own, &settings()), (shared, &nested)]);
    assert_eq!(both, "14 from processor_config.json and preprocessor_config.json");
    let beside = read_files(&[(own, &settings()), (shared, &without)]);
    assert_eq!(beside, "14 from preprocessor_config.json");
    let mut other = settings();
    other["patch_size"] = json!(16);
    let differs = read_files(&[(own, &other), (shared, &nested)]);
    let expected = "`patch_size` is 16, expected what processor_config.json says";
    assert!(differs.contains(expected), "{differs}");
    other["patch_size"] = json!(14);
    other["image_std"] = json!([0.2, 0.3, 0.5]);
    assert!(
        read_files(&[(own, &other), (shared, &nested)]).contains("`image_std` is [0.2, 0.3, 0.5]")
    );
    let missing = read_files(&[(shared, &without)]);
    assert!(missing.contains("preprocessor_config.json` cannot be read"), "{missing}");
    let broken = read_files(&[(shared, &json!({"image_processor": 3}))]);
    assert!(broken.contains("`image_processor` is 3, expected an object"), "{broken}");
}

#[test]
fn another_processor_is_refused() {
    check(
        |json| json["image_processor_type"] = json!("CLIPImageProcessor"),
        "`image_processor_type` is \"CLIPImageProcessor\", expected Qwen2VLImageProcessor",
    );
    check(|json| json["image_processor_type"] = json!("Qwen2VLImageProcessorFast"), "3136");
    check(|json| json["do_center_crop"] = json!(true), "`do_center_crop` is true, expected false");
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = Processor::from_dir(dir.path()).unwrap_err();
    assert!(error.to_string().contains("preprocessor_config.json` cannot be read"), "{error}");
    assert!(error.source().is_some());
}
