//! Pairs of made-up cells.

use clsrl_spec::{CellKey, DatasetId, Form, MethodId, Prediction, PromptStyle, Scorer};
use serde_json::json;

use super::*;
use crate::{baseline::SavedKey, statistics::Level};

fn key(seed: u64) -> SavedKey {
    let cell = CellKey { target: DatasetId::Dtd, form: Form::FewShot, prompt: PromptStyle::Direct };
    SavedKey { method: MethodId::Sft, source: Some(DatasetId::Dtd), shots: 4, cell, seed }
}

/// A cell of so many images, those of some positions right.
fn cell(n: usize, is_right: impl Fn(usize) -> bool) -> CellOfRun {
    let prediction = |index: usize| Prediction {
        index,
        image: format!("{index}.jpg"),
        question: "What is it?".into(),
        gold: "rose".into(),
        raw: if is_right(index) { "rose" } else { "pear" }.into(),
        extracted: if is_right(index) { "rose" } else { "pear" }.into(),
        correct_published: is_right(index),
        correct_strict: is_right(index),
        n_tokens: 2,
        truncated: false,
    };
    CellOfRun {
        training: json!({ "base_weights": "aa", "train_on": { "data": "bb" } }),
        identity: json!({ "data": "cc", "prompt": { "style": "direct" }, "batch": 4, "training": "x" }),
        is_locked: true,
        predictions: (0..n).map(prediction).collect(),
    }
}

fn finish(pairs: Vec<(SavedKey, [Result<CellOfRun, String>; 2])>) -> Comparison {
    let mut comparer = Comparer::new(Scorer::Published);
    pairs.into_iter().for_each(|(key, sides)| comparer.add(key, sides));
    comparer.finish([Side::default(), Side::default()], Level::new(0.05).unwrap())
}

fn one(a: CellOfRun, b: CellOfRun) -> Comparison {
    finish(vec![(key(1), [Ok(a), Ok(b)])])
}

fn remarks(comparison: &Comparison) -> String {
    comparison.cells[0].letters()
}

#[test]
fn a_change_is_of_the_images_that_both_answered() {
    let comparison = one(cell(48, |at| at < 24), cell(40, |at| at < 30));
    let measured = comparison.cells[0].found.clone().unwrap();
    assert_eq!((measured.n_images, measured.n_flips), (40, [6, 0]));
    assert_eq!(measured.accuracy_pct, [60.0, 75.0]);
    assert!((measured.change_points - 15.0).abs() < 1e-9);
    assert!(measured.interval.lower < 15.0 && 15.0 < measured.interval.upper);
    assert_eq!(remarks(&comparison), "i");
    assert_eq!(comparison.flips.len(), 6);
    assert!(comparison.flips.iter().all(|flip| flip.became_right && flip.answers[1] == "rose"));
}

#[test]
fn whatever_else_differs_stands_beside_the_number() {
    let base = || cell(48, |at| at < 24);
    let check = |change: fn(&mut CellOfRun), letters: &str, is_of_other_data| {
        let mut other = base();
        change(&mut other);
        let comparison = one(base(), other);
        assert!(comparison.cells[0].found.is_ok());
        assert_eq!(
            (remarks(&comparison).as_str(), comparison.is_of_other_data()),
            (letters, is_of_other_data)
        );
        let text = comparison.text(false);
        let legend = "Compare with care: ";
        assert_eq!(text.replace('\n', " ").contains(legend), !letters.is_empty(), "{text}");
    };
    check(|_| {}, "", false);
    check(|cell| cell.training["base_weights"] = "zz".into(), "w", true);
    check(|cell| cell.identity["data"] = "zz".into(), "d", true);
    check(|cell| cell.training["train_on"]["data"] = "zz".into(), "d", true);
    check(|cell| cell.predictions[3].gold = "pear".into(), "d", true);
    check(|cell| cell.predictions[3].question = "Which?".into(), "p", false);
    check(|cell| cell.identity["prompt"]["style"] = "thinking".into(), "p", false);
    check(|cell| cell.is_locked = false, "u", true);
    check(|cell| cell.predictions.truncate(40), "i", false);
}

#[test]
fn images_that_differ_are_no_pair_and_have_no_number() {
    let mut other = cell(48, |_| true);
    other.predictions.iter_mut().for_each(|one| one.image.push('x'));
    let comparison = one(cell(48, |_| true), other);
    assert!(comparison.is_empty() && !comparison.is_complete());
    let reason = comparison.cells[0].found.clone().unwrap_err();
    assert_eq!(reason, "no image in common: A answered 48, B 48 others");
    assert!(comparison.averages[0].found.is_err());
}

#[test]
fn seeds_of_one_run_alone_are_named_and_the_number_is_of_the_others() {
    let pair = |seed| (key(seed), [Ok(cell(48, |at| at < 24)), Ok(cell(48, |at| at < 36))]);
    let alone = (key(3), [Ok(cell(48, |_| true)), Err("not run yet".to_owned())]);
    let comparison = finish(vec![pair(1), pair(2), alone]);
    let measured = comparison.cells[0].found.clone().unwrap();
    assert_eq!((measured.n_seeds, measured.change_points), (2, 25.0));
    assert_eq!(remarks(&comparison), "s");
    let name = "sft.dtd.4shot → dtd.direct, seed 3".to_owned();
    assert_eq!(comparison.unpaired, [(name, "B: not run yet".to_owned())]);
    assert!(!comparison.is_complete());
}

#[test]
fn settings_are_told_with_both_values_and_ids_are_not() {
    let mut other = cell(48, |_| true);
    other.identity["batch"] = 8.into();
    other.identity["training"] = "y".into();
    other.training["beta"] = json!(0.04);
    let comparison = one(cell(48, |_| true), other);
    let settings: Vec<String> = comparison
        .settings
        .iter()
        .map(|Setting { field, values: [a, b], n_cells }| format!("{field} {a} {b} {n_cells}"))
        .collect();
    assert_eq!(settings, ["batch 4 8 1", "fine-tune: beta none 0.04 1"]);
}

#[test]
fn a_terminal_of_80_columns_holds_every_line() {
    let mut other = cell(48, |at| at % 2 == 0);
    other.predictions[1].image = "a".repeat(300);
    other.predictions[3].extracted = "b ".repeat(100);
    other.identity["suffix"] = "c".repeat(500).into();
    let comparison = one(cell(48, |_| true), other);
    let text = comparison.text(true);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("settings that differ"));
}
