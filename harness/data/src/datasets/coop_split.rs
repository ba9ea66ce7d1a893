//! CoOp's split of raw annotations: per class a shuffle, then shares rounded half to even.
//!
//! Differs from CoOp in two ways. CoOp shuffles with whatever state the global generator has and keeps the
//! split that its first run made; here the generator is seeded with [`SPLIT_SEED`]. CoOp takes a folder's
//! images in the order of the file system; here they are sorted. With that seed the published splits of
//! StanfordCars and OxfordPets come out exactly, whose annotations have an order of their own; those that
//! were made from folders cannot.

use std::collections::BTreeMap;

use clsrl_spec::Seed;

use super::{Example, Faults, PythonRandom, ledger::Ledger, lists::ClassesAndLists};

/// The seed of the shuffles: the first of CoOp's scripts, under which its published splits were made.
pub(super) const SPLIT_SEED: Seed = 1;

/// Makes three lists of one for training and validation and one for the test.
pub(super) fn split_lists(
    trainval: Vec<Example>,
    test: Vec<Example>,
    ledger: Ledger,
    faults: &mut Faults,
) -> ClassesAndLists {
    let class_names = ledger.class_names(&trainval, faults);
    let (train, val) = split_trainval(trainval, faults);
    ClassesAndLists { class_names, train, val, test }
}

/// Splits a list for training and validation into 80 % and 20 % of every class, classes in order of first
/// appearance.
fn split_trainval(trainval: Vec<Example>, faults: &mut Faults) -> (Vec<Example>, Vec<Example>) {
    let mut random = PythonRandom::new(SPLIT_SEED);
    let (mut train, mut val) = (Vec::new(), Vec::new());
    for mut class in by_label(trainval) {
        let n_val = share(class.len(), 0.2);
        if n_val == 0 {
            faults.push(too_few(class.len(), &class[0].class_name, 3));
        }
        random.shuffle(&mut class);
        train.extend(class.split_off(n_val));
        val.extend(class);
    }
    (renumber(train), renumber(val))
}

/// Splits every class into 50 % for training, 20 % for validation and the rest for the test.
pub(super) fn split_in_three(
    classes: Vec<Vec<Example>>,
    class_names: &[String],
    faults: &mut Faults,
) -> [Vec<Example>; 3] {
    let mut random = PythonRandom::new(SPLIT_SEED);
    let [mut train, mut val, mut test] = [const { Vec::new() }; 3];
    for (mut class, name) in classes.into_iter().zip(class_names) {
        let (n_train, n_val) = (share(class.len(), 0.5), share(class.len(), 0.2));
        if n_val == 0 || class.len() <= n_train + n_val {
            faults.push(too_few(class.len(), name, 4));
            continue;
        }
        random.shuffle(&mut class);
        test.extend(class.split_off(n_train + n_val));
        val.extend(class.split_off(n_train));
        train.extend(class);
    }
    [train, val, test].map(renumber)
}

/// The classes' images, classes in order of first appearance.
pub(super) fn by_label(examples: Vec<Example>) -> Vec<Vec<Example>> {
    let mut classes: Vec<Vec<Example>> = Vec::new();
    let mut class_of_label = BTreeMap::new();
    for example in examples {
        let class = *class_of_label.entry(example.label).or_insert(classes.len());
        if class == classes.len() {
            classes.push(Vec::new());
        }
        classes[class].push(example);
    }
    classes
}

/// Python's `round(n * part)`.
fn share(n: usize, part: f64) -> usize {
    (n as f64 * part).round_ties_even() as usize
}

fn too_few(found: usize, name: &str, expected: usize) -> String {
    format!("found {found} images of `{name}`, expected {expected} or more for CoOp's shares")
}

fn renumber(mut examples: Vec<Example>) -> Vec<Example> {
    for (index, example) in examples.iter_mut().enumerate() {
        example.index = index;
    }
    examples
}
