//! `doctor`: what passes, what fails, and what it says.

use std::fs;

use serde_json::Value;

use crate::program::{call, copy, expect_ok, shared, temporary, text};

/// A picture of 4 placeholders: the tests are about the program, not about the model.
const SMALL: [&str; 5] = ["doctor", "--image-size", "56", "--threads", "1"];

#[test]
fn the_tiny_model_passes_every_self_test() {
    let json: Value =
        serde_json::from_str(&expect_ok(&[&SMALL[..], &["--json"]].concat())).unwrap();
    assert_eq!(json["passed"], true);
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 5);
    for check in checks {
        assert!(check["found"].as_f64().unwrap() <= check["allowed"].as_f64().unwrap(), "{check}");
    }
}

#[test]
fn a_golden_set_is_met_and_one_with_another_answer_is_not() {
    let goldens = shared("goldens/public");
    if !goldens.is_dir() {
        eprintln!("skipped: no golden set at {}", goldens.display());
        return;
    }
    let printed = expect_ok(&[&SMALL[..], &["--goldens", text(&goldens)]].concat());
    assert!(printed.contains("generate/batch, tokens that differ"), "{printed}");
    assert!(printed.contains("grpo/p1.kl"), "{printed}");
    let in_bf16 = ["--goldens", text(&goldens), "--dtype", "bf16"];
    expect_ok(&[&SMALL[..], &in_bf16].concat());

    let dir = temporary();
    let changed = dir.path().join("goldens");
    copy(&goldens, &changed);
    let file = changed.join("generate.json");
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let first = json["singles"][0]["ids"][0].as_i64().unwrap();
    json["singles"][0]["ids"][0] = (first + 1).into();
    fs::remove_file(&file).unwrap(); // the copy may be read-only
    fs::write(&file, json.to_string()).unwrap();
    let ended = call(&[&SMALL[..], &["--goldens", text(&changed)]].concat());
    assert_eq!(ended.code, Some(8), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("FAILED"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("checks, 1 failed\n"), "{}", ended.stdout);
}

#[test]
fn a_golden_set_that_is_not_there_is_told() {
    let ended = call(&[&SMALL[..], &["--goldens", "no-such-folder"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("golden set `no-such-folder`"), "{}", ended.stderr);
}
