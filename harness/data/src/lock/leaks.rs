//! Images that stand where they must not: in two splits, or in a few-shot set and in the test list.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::{DatasetId, Seed};

use crate::datasets::{Dataset, Example, sample_few_shot};

/// The numbers of shots whose few-shot sets are looked at.
pub const FEW_SHOT_SHOTS: [usize; 5] = [1, 2, 4, 8, 16];

/// The seeds whose few-shot sets are looked at.
pub const FEW_SHOT_SEEDS: [Seed; 3] = [1, 2, 3];

/// Images that stand where they must not, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaks {
    /// Images of two splits, with the splits' names.
    pub in_two_splits: Vec<(String, [&'static str; 2])>,
    /// Test images of a few-shot set, with its shots and seed.
    pub in_few_shot: Vec<(String, usize, Seed)>,
    /// Images that stand twice in one split, with its name.
    pub repeated: Vec<(String, &'static str)>,
}

impl Leaks {
    /// Whether nothing stands where it must not. An image that is repeated in its own split may.
    pub fn is_empty(&self) -> bool {
        self.in_two_splits.is_empty() && self.in_few_shot.is_empty()
    }
}

/// Looks through the lists. ImageNet's validation list is its test list by definition, and is passed over.
pub fn leaks(dataset: &Dataset) -> Leaks {
    let mut leaks = Leaks::default();
    let mut split_of: BTreeMap<String, &'static str> = BTreeMap::new();
    for (split, examples) in dataset.splits() {
        if is_test_again(dataset, split) {
            continue;
        }
        for example in examples {
            let path = normal(&example.path);
            match split_of.get(&path) {
                None => drop(split_of.insert(path, split)),
                Some(&before) if before == split => leaks.repeated.push((path, split)),
                Some(&before) => leaks.in_two_splits.push((path, [before, split])),
            }
        }
    }
    let test: BTreeSet<String> = dataset.test.iter().map(|example| normal(&example.path)).collect();
    for shots in FEW_SHOT_SHOTS {
        for seed in FEW_SHOT_SEEDS {
            let picks = sample_few_shot(dataset, shots, seed);
            let of_list = |list: &[Example], picks: &[usize]| -> Vec<String> {
                let picked = picks.iter().map(|&pick| normal(&list[pick].path));
                picked.filter(|path| test.contains(path)).collect()
            };
            let mut found = of_list(&dataset.train, &picks.train);
            found.extend(of_list(&dataset.val, &picks.val));
            leaks.in_few_shot.extend(found.into_iter().map(|path| (path, shots, seed)));
        }
    }
    leaks
}

/// Whether a split is the test list under another name.
pub(super) fn is_test_again(dataset: &Dataset, split: &str) -> bool {
    dataset.id == DatasetId::ImageNet && split == "val"
}

/// A listed path without the parts that lead nowhere: two spellings of one file become one.
pub(super) fn normal(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}
