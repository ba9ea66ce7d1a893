//! Rewards and verdicts against the authors' functions, row by row of the golden set.

use std::{collections::BTreeMap, path::PathBuf};

use clsrl_spec::{Reading, RewardId, extract_published, is_correct_published, reward};
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
    /// By version of math-verify.
    accuracy_reward: BTreeMap<String, f64>,
    accuracy_string_only: f64,
    format_reward: f64,
    no_thinking_reward: f64,
    /// By version: what was parsed in the completion and in the solution; null where both are empty.
    math_verify_parse: Option<BTreeMap<String, [Vec<String>; 2]>>,
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
        let accuracy = earned(RewardId::Accuracy);
        expect("accuracy", case.accuracy_reward.values().all(|&expected| accuracy == expected));
        expect("accuracy-string", earned(RewardId::AccuracyString) == case.accuracy_string_only);
        expect("numbers", numbers_agree(case));
        expect("format", earned(RewardId::Format) == case.format_reward);
        expect("equality", earned(RewardId::Equality) == case.no_thinking_reward);
        let extracted = extract_published(&case.completion);
        expect("extraction", extracted == case.eval_extracted);
        expect("verdict", is_correct_published(extracted, &case.label) == (case.eval_correct == 1));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), golden.n, wrong.join("\n"));
}

/// The same number and the same text were read on both sides, or nothing was. The golden set writes a
/// number as sympy prints it, which is arithmetic again.
fn numbers_agree(case: &Case) -> bool {
    let ours = [&case.completion, &case.solution].map(|text| Reading::of(text));
    let Some(by_version) = &case.math_verify_parse else {
        return ours.iter().all(Reading::is_empty);
    };
    by_version.values().all(|sides| {
        ours.iter().zip(sides).all(|(ours, theirs)| match theirs.as_slice() {
            [] => ours.is_empty(),
            [text] => ours.text() == Some(text),
            [number, text, ..] => ours.text() == Some(text) && has_value(ours, number),
        })
    })
}

fn has_value(reading: &Reading, number: &str) -> bool {
    let letter = format!("${number}$");
    [number, &letter].iter().any(|text| Reading::of(text).agrees_with(reading))
}
