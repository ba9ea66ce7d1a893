//! Few-shot sets: k images of every class, by CoOp's rule or by the released notebook's.
//!
//! CoOp: one generator serves both lists, training first; within a list the classes are walked in order of
//! first appearance. A list in another order, or a class walked out of turn, gives other images.
//!
//! Notebook (`few-shot-data.ipynb`): the training list is shuffled, and an image is taken as long as its
//! class *name* has shots left; a name that two classes share has the shots of both and may spend them on
//! either. Differs from the notebook in two ways: the shuffle has a seed, where the notebook has none, and
//! the list that is shuffled is CoOp's, since the notebook's own is not published.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, Seed, ShotRule};

use super::{Dataset, Example, PythonRandom};

/// The most validation images of a class that CoOp takes.
const MAX_VAL_SHOTS: usize = 4;

/// Positions in the training and the validation list, in the order of the draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FewShot {
    /// Positions in [`Dataset::train`].
    pub train: Vec<usize>,
    /// Positions in [`Dataset::val`]; none for ImageNet, whose validation list is its test list, and none
    /// by the notebook's rule.
    pub val: Vec<usize>,
}

/// Picks `shots` training images of every class by a protocol's rule.
///
/// A class with fewer images gives all of them. The trial's seed decides by CoOp's rule only; the
/// notebook's has a seed of its own, so that all trials see the same images.
pub fn pick_few_shot(dataset: &Dataset, rule: ShotRule, shots: usize, trial_seed: Seed) -> FewShot {
    match rule {
        ShotRule::Coop => sample_few_shot(dataset, shots, trial_seed),
        ShotRule::Notebook { seed } => FewShot {
            train: first_of_every_name(dataset, shots, &mut PythonRandom::new(seed)),
            val: Vec::new(),
        },
    }
}

/// Picks `shots` training images of every class, and up to four for validation, as CoOp does.
///
/// A class with fewer images gives all of them. Zero shots pick nothing, where CoOp takes everything.
pub fn sample_few_shot(dataset: &Dataset, shots: usize, seed: Seed) -> FewShot {
    let mut random = PythonRandom::new(seed);
    let train = sample_list(&dataset.train, shots, &mut random);
    let val = match dataset.id {
        DatasetId::ImageNet => Vec::new(),
        _ => sample_list(&dataset.val, val_shots(shots), &mut random),
    };
    FewShot { train, val }
}

/// How many validation images of a class go with `shots` training images.
pub(super) fn val_shots(shots: usize) -> usize {
    shots.min(MAX_VAL_SHOTS)
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

/// The positions of every class's images, classes in order of first appearance.
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

/// The notebook's picks, in the order of the shuffled list.
fn first_of_every_name(dataset: &Dataset, shots: usize, random: &mut PythonRandom) -> Vec<usize> {
    let mut shots_left: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &dataset.class_names {
        *shots_left.entry(name).or_default() += shots;
    }
    let mut shuffled: Vec<usize> = (0..dataset.train.len()).collect();
    random.shuffle(&mut shuffled);
    let mut picks = Vec::new();
    for position in shuffled {
        let class_name = dataset.train[position].class_name.as_str();
        let left =
            shots_left.get_mut(class_name).expect("a dataset names the classes of its lists");
        if 0 < *left {
            *left -= 1;
            picks.push(position);
        }
    }
    picks
}
