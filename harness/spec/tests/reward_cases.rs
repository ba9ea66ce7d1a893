//! Rewards and verdicts against the authors' functions, row by row of the golden set.

use std::path::PathBuf;

use clsrl_spec::{RewardId, extract_published, is_correct_published, reward};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    n: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    completion: String,
    solution: String,
    label: String,
    accuracy_string_only: f64,
    format_reward: f64,
    no_thinking_reward: f64,
    eval_extracted: String,
    eval_correct: u8,
}

fn golden_dir() -> PathBuf {
    let shared = std::env::var_os("CLSRL_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
    std::env::var_os("CLSRL_GOLDENS")
        .map(PathBuf::from)
        .unwrap_or_else(|| shared.join("goldens/public"))
}

#[test]
fn every_reward_and_verdict_equals_the_authors() {
    let file = golden_dir().join("reward_cases.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: no golden set at {}", file.display());
        return;
    };
    let golden: Cases = serde_json::from_str(&text).unwrap();
    assert_eq!(golden.cases.len(), golden.n);
    let mut wrong = Vec::new();
    for (row, case) in golden.cases.iter().enumerate() {
        let mut expect = |what: &str, equal: bool| {
            if !equal {
                wrong
                    .push(format!("row {row}, {what}: {:?} for {:?}", case.completion, case.label));
            }
        };
        let earned = |id| reward(id, &case.completion, &case.solution);
        expect("accuracy", earned(RewardId::AccuracyString) == case.accuracy_string_only);
        expect("format", earned(RewardId::Format) == case.format_reward);
        expect("equality", earned(RewardId::Equality) == case.no_thinking_reward);
        let extracted = extract_published(&case.completion);
        expect("extraction", extracted == case.eval_extracted);
        expect("verdict", is_correct_published(extracted, &case.label) == (case.eval_correct == 1));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), golden.n, wrong.join("\n"));
}
