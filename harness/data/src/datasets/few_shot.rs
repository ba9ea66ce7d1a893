//! CoOp's few-shot sets: k pictures of every class, for a seed.
//!
//! One generator serves both lists, training first; within a list the classes are walked in order of first
//! appearance. A list in another order, or a class walked out of turn, gives other pictures.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, Seed};

use super::{Dataset, Example, PythonRandom};

/// The most validation pictures of a class that CoOp takes.
const MAX_VAL_SHOTS: usize = 4;

/// Positions in the training and the validation list, in the order of the draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FewShot {
    /// Positions in [`Dataset::train`].
    pub train: Vec<usize>,
    /// Positions in [`Dataset::val`]; none for ImageNet, whose validation list is its test list.
    pub val: Vec<usize>,
}

/// Picks `shots` training pictures of every class, and up to four for validation, as CoOp does.
///
/// A class with fewer pictures gives all of them. Zero shots pick nothing, where CoOp takes everything.
pub fn sample_few_shot(dataset: &Dataset, shots: usize, seed: Seed) -> FewShot {
    let mut random = PythonRandom::new(seed);
    let train = sample_list(&dataset.train, shots, &mut random);
    let val = match dataset.id {
        DatasetId::ImageNet => Vec::new(),
        _ => sample_list(&dataset.val, shots.min(MAX_VAL_SHOTS), &mut random),
    };
    FewShot { train, val }
}

fn sample_list(examples: &[Example], shots: usize, random: &mut PythonRandom) -> Vec<usize> {
    let mut picks = Vec::new();
    for class in by_class(examples) {
        if class.len() < shots {
            picks.extend(class);
        } else {
            picks.extend(random.sample(class.len(), shots).into_iter().map(|pick| class[pick]));
        }
    }
    picks
}

/// The positions of every class's pictures, classes in order of first appearance.
fn by_class(examples: &[Example]) -> Vec<Vec<usize>> {
    let mut classes: Vec<Vec<usize>> = Vec::new();
    let mut class_of_label = BTreeMap::new();
    for (position, example) in examples.iter().enumerate() {
        let class = *class_of_label.entry(example.label).or_insert(classes.len());
        if class == classes.len() {
            classes.push(Vec::new());
        }
        classes[class].push(position);
    }
    classes
}
