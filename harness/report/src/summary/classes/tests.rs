//! Classes that are answered well or badly, and what they are taken for.

use clsrl_spec::{DatasetId, MethodId};

use super::*;
use crate::made::classes_of;

const ANSWERS: [(MethodId, &[(&str, &str)]); 2] = [
    (
        MethodId::ZeroShot,
        &[
            ("rose", "tulip"),
            ("rose", "rose"),
            ("tulip", "daisy"),
            ("tulip", "oak"),
            ("daisy", "daisy"),
        ],
    ),
    (
        MethodId::Sft,
        &[
            ("rose", "tulip"),
            ("rose", "tulip"),
            ("tulip", "a tulip"),
            ("tulip", "tulip"),
            ("daisy", "daisy"),
        ],
    ),
];

#[test]
fn the_classes_that_all_arms_answer_worst_come_first() {
    let classes = classes_of(&ANSWERS);
    let accuracies = |score| -> Vec<(&str, Vec<f64>)> {
        let classes = classes.worst_first(DatasetId::Dtd, score);
        let by_arm = |counts: &BTreeMap<Arm, ClassCounts>| {
            counts.values().map(|counts| counts.accuracy_pct(score)).collect()
        };
        classes.into_iter().map(|(class, counts)| (class, by_arm(counts))).collect()
    };
    // `a tulip` is right by the published score alone.
    let expected =
        [("rose", vec![50.0, 0.0]), ("tulip", vec![0.0, 100.0]), ("daisy", vec![100.0; 2])];
    assert_eq!(accuracies(Score::Published), expected);
    let expected =
        [("rose", vec![50.0, 0.0]), ("tulip", vec![0.0, 50.0]), ("daisy", vec![100.0; 2])];
    assert_eq!(accuracies(Score::Strict), expected);
}

#[test]
fn pairs_are_ordered_by_the_share_of_the_class_and_off_list_answers_are_no_pair() {
    let classes = classes_of(&ANSWERS);
    let pairs = classes.most_confused(DatasetId::Dtd, 5);
    let found: Vec<_> = pairs
        .iter()
        .map(|pair| {
            (pair.class, pair.taken_for, pair.share_pct.values().copied().collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(found, [("rose", "tulip", vec![50.0, 100.0]), ("tulip", "daisy", vec![50.0, 0.0])]);
    assert_eq!(classes.most_confused(DatasetId::Dtd, 1).len(), 1);
    assert!(classes.most_confused(DatasetId::Eurosat, 5).is_empty());
}
