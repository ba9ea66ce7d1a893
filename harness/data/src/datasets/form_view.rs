//! A dataset as one form of question sees it: all its classes, or the base or the new half of them.
//!
//! Follows CoOp's `subsample_classes`: the labels of the training list, sorted, are cut in two; images of
//! the other half are dropped *after* few-shot sampling, so that the base set is a part of the set of all
//! classes; the labels that are left count from 0 within the half; class names stay as they are.

use std::collections::BTreeSet;

use clsrl_spec::{BaseRule, ClassHalf, EvalSplit, Form, Seed, ShotRule};

use super::{Dataset, Example, FewShot, pick_few_shot};

/// The classes and images of a dataset that a form of question is about.
///
/// Positions are always those of the dataset's own lists, and an [`Example`] keeps its label. The
/// label within the half is what [`FormView::label_in_half`] gives alone, so the two cannot be taken for each other.
#[derive(Debug, Clone)]
pub struct FormView<'d> {
    dataset: &'d Dataset,
    form: Form,
    /// The dataset's labels that belong here, ascending.
    labels: Vec<usize>,
}

impl<'d> FormView<'d> {
    /// Looks at `dataset` in a form, with the halves cut by `rule`.
    ///
    /// Where no training image is there at all, the list of classes is cut instead.
    pub fn new(dataset: &'d Dataset, form: Form, rule: BaseRule) -> Self {
        let mut labels: Vec<usize> = match form.half() {
            ClassHalf::All => (0..dataset.class_names.len()).collect(),
            ClassHalf::Base | ClassHalf::New => labels_to_halve(dataset),
        };
        let n_base = rule.n_base(labels.len());
        match form.half() {
            ClassHalf::All => {}
            ClassHalf::Base => labels.truncate(n_base),
            ClassHalf::New => drop(labels.drain(..n_base)),
        }
        FormView { dataset, form, labels }
    }

    /// The whole dataset.
    pub fn dataset(&self) -> &'d Dataset {
        self.dataset
    }

    /// The form of question that sees it so.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The class names here, by label: the only ones that a question of this form may list.
    pub fn class_names(&self) -> Vec<&'d str> {
        self.labels.iter().map(|&label| self.dataset.class_names[label].as_str()).collect()
    }

    /// The label of an example's class counted within the half; none for a class of the other half.
    pub fn label_in_half(&self, example: &Example) -> Option<usize> {
        self.labels.binary_search(&example.label).ok()
    }

    /// Whether the form is about this image.
    pub fn has(&self, example: &Example) -> bool {
        self.label_in_half(example).is_some()
    }

    /// What an evaluation on this split goes through, in the list's order: all images of the form, or
    /// `limit` of them that [`spread_positions`] chooses.
    pub fn evaluated(&self, split: EvalSplit, limit: Option<usize>) -> Vec<&'d Example> {
        let all = self.dataset.evaluated(split);
        let examples: Vec<&Example> = all.iter().filter(|example| self.has(example)).collect();
        let n_wanted = limit.unwrap_or(examples.len());
        spread_positions(examples.len(), n_wanted).map(|position| examples[position]).collect()
    }

    /// The few-shot set of the form: sampled over all classes, then cut to those here.
    pub fn few_shot(&self, rule: ShotRule, shots: usize, trial_seed: Seed) -> FewShot {
        self.keep(&pick_few_shot(self.dataset, rule, shots, trial_seed))
    }

    /// The part of a few-shot set of all classes that the form is about, in the set's order.
    pub fn keep(&self, few_shot: &FewShot) -> FewShot {
        let keep = |examples: &[Example], picks: &[usize]| {
            picks.iter().copied().filter(|pick| self.has(&examples[*pick])).collect()
        };
        FewShot {
            train: keep(&self.dataset.train, &few_shot.train),
            val: keep(&self.dataset.val, &few_shot.val),
        }
    }
}

fn labels_to_halve(dataset: &Dataset) -> Vec<usize> {
    let labels: BTreeSet<usize> = dataset.train.iter().map(|example| example.label).collect();
    if labels.is_empty() {
        return (0..dataset.class_names.len()).collect();
    }
    labels.into_iter().collect()
}

/// Chooses `n_wanted` of `n_items` positions, spread evenly and ascending; all where fewer are there.
///
/// Lists are sorted by class, so their first entries would be images of one or two classes.
pub fn spread_positions(n_items: usize, n_wanted: usize) -> impl Iterator<Item = usize> {
    let n_chosen = n_items.min(n_wanted);
    (0..n_chosen).map(move |i| i * n_items / n_chosen)
}
