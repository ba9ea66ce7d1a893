//! Real photographs, through all four methods: lists, images and labels of DTD and StanfordCars.

use std::fs;

use serde_json::Value;

use crate::program::{expect_ok, root, shared, temporary, text};

#[test]
fn real_photographs_train_and_evaluate_with_all_four_methods() {
    let data = shared("data/coop");
    if !data.is_dir() {
        eprintln!("skipped: no photographs at {}", data.display());
        return;
    }
    let out = temporary();
    let lock = out.path().join("mine.lock");
    let both = ["--datasets", "dtd,stanford_cars", "--data", text(&data)];
    expect_ok(&[&["datasets", "lock", "--lock", text(&lock)], &both[..]].concat());
    let suite = root().join("suites/real-mini.toml");
    let run = ["run", "--suite", text(&suite), "--data", text(&data), "--limit", "3"];
    // The test images of StanfordCars are not there, so it cannot be locked whole; DTD can.
    let places = ["--out", text(out.path()), "--lock", text(&lock), "--allow-unlocked"];
    expect_ok(&[&run[..], &places].concat());
    let report = fs::read_to_string(out.path().join("real-mini.md")).unwrap();
    assert!(!report.contains("Synthetic"), "photographs are called synthetic");
    assert!(report.contains("Unlocked. StanfordCars:"), "{report}");

    let record = |cell: &str| -> Value {
        let file = out.path().join("real-mini").join(format!("{cell}.json"));
        serde_json::from_slice(&fs::read(&file).unwrap()).unwrap()
    };
    for method in ["sft", "cls-rl", "no-thinking-cls-rl"] {
        let trained = record(&format!("{method}.dtd.4shot.seed1/training"));
        let outcome = &trained["record"]["outcome"];
        assert_eq!(outcome["train_paths"].as_array().unwrap().len(), 40, "4 images of 10 classes");
        let losses = outcome["steps"].as_array().unwrap();
        assert!(losses.iter().all(|step| step["loss"].is_f64()), "{method}: a loss is no number");
    }
    assert_eq!(record("zero-shot/dtd.direct")["record"]["outcome"]["locked"], true);
    assert_eq!(
        record("sft.stanford_cars.4shot.seed1/dtd.direct")["record"]["outcome"]["locked"],
        false
    );
    let cell = record("zero-shot/stanford_cars.direct");
    assert_eq!(cell["record"]["outcome"]["n"], 3);
    assert_eq!(cell["identity"]["split"], "val", "StanfordCars is evaluated on validation images");
}
