//! How the classes of each dataset are answered, and what they are taken for: in-domain, seeds pooled.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::DatasetId;

use super::{Arm, Group, Score};
use crate::rows::SampleRow;

/// The answers of all cells by class, gathered in one pass over the predictions. Cells of a fine-tune on another
/// dataset are left out: what is said of classes is said of models that were trained for them, and of zero-shot.
#[derive(Debug, Default)]
pub struct Classes {
    by_target: BTreeMap<DatasetId, BTreeMap<String, BTreeMap<Arm, ClassCounts>>>,
}

/// What one arm answers about the images of one class.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ClassCounts {
    /// Its answers.
    pub(crate) n: usize,
    n_published: usize,
    n_strict: usize,
    /// The other classes that answers mean, and how many do.
    taken_for: BTreeMap<String, usize>,
}

/// A class and what its images are taken for.
#[derive(Debug, PartialEq)]
pub(crate) struct ConfusedPair<'a> {
    pub(crate) class: &'a str,
    pub(crate) taken_for: &'a str,
    /// By arm, of the answers about the class, in percent.
    pub(crate) share_pct: BTreeMap<Arm, f64>,
}

impl Classes {
    /// Counts the samples of one cell.
    pub(crate) fn add(&mut self, samples: &[SampleRow<'_>]) {
        let Some(&SampleRow { method, train_on, target, form, prompt, shots, .. }) =
            samples.first()
        else {
            return;
        };
        if train_on.is_some_and(|source| source != target) {
            return;
        }
        let arm = Arm::new(Group { method, shots }, form, prompt);
        let classes = self.by_target.entry(target).or_default();
        for sample in samples {
            // Most samples find their class there: no text is copied for them.
            if !classes.contains_key(sample.gold) {
                classes.insert(sample.gold.to_owned(), BTreeMap::new());
            }
            let by_arm = classes.get_mut(sample.gold).expect("it was put there");
            by_arm.entry(arm).or_default().add(sample);
        }
    }

    /// The datasets of which something was answered.
    pub(crate) fn targets(&self) -> impl Iterator<Item = DatasetId> {
        self.by_target.keys().copied()
    }

    /// The arms that were asked about a dataset, in table order.
    pub(crate) fn arms(&self, target: DatasetId) -> BTreeSet<Arm> {
        self.of(target).values().flat_map(BTreeMap::keys).copied().collect()
    }

    /// A dataset's classes with the counts of each arm: those that all arms together answer worst come first, equals
    /// in the order of their names.
    pub(crate) fn worst_first(
        &self,
        target: DatasetId,
        score: Score,
    ) -> Vec<(&str, &BTreeMap<Arm, ClassCounts>)> {
        let mut classes: Vec<_> =
            self.of(target).iter().map(|(class, by_arm)| (class.as_str(), by_arm)).collect();
        let mean = |by_arm: &BTreeMap<Arm, ClassCounts>| {
            let shares = by_arm.values().map(|counts| counts.accuracy_pct(score));
            shares.sum::<f64>() / by_arm.len() as f64
        };
        classes.sort_by(|(_, a), (_, b)| mean(a).total_cmp(&mean(b)));
        classes
    }

    /// The pairs of classes that are confused most often, those of the largest mean share over the arms first; equals
    /// in the order of their names.
    pub(crate) fn most_confused(&self, target: DatasetId, n_pairs: usize) -> Vec<ConfusedPair<'_>> {
        let mut pairs = Vec::new();
        for (class, by_arm) in self.of(target) {
            let others: BTreeSet<&String> =
                by_arm.values().flat_map(|counts| counts.taken_for.keys()).collect();
            pairs.extend(others.into_iter().map(|other| {
                let share = |counts: &ClassCounts| {
                    let n = counts.taken_for.get(other).copied().unwrap_or(0);
                    100.0 * n as f64 / counts.n as f64
                };
                let share_pct = by_arm.iter().map(|(&arm, counts)| (arm, share(counts))).collect();
                ConfusedPair { class, taken_for: other, share_pct }
            }));
        }
        pairs.sort_by(|a, b| b.mean_share().total_cmp(&a.mean_share()));
        pairs.truncate(n_pairs);
        pairs
    }

    fn of(&self, target: DatasetId) -> &BTreeMap<String, BTreeMap<Arm, ClassCounts>> {
        const NONE: &BTreeMap<String, BTreeMap<Arm, ClassCounts>> = &BTreeMap::new();
        self.by_target.get(&target).unwrap_or(NONE)
    }
}

impl ClassCounts {
    fn add(&mut self, sample: &SampleRow<'_>) {
        self.n += 1;
        self.n_published += usize::from(sample.correct_published);
        self.n_strict += usize::from(sample.correct_strict);
        let Some(other) = sample.predicted.filter(|&predicted| predicted != sample.gold) else {
            return;
        };
        match self.taken_for.get_mut(other) {
            Some(n) => *n += 1,
            None => drop(self.taken_for.insert(other.to_owned(), 1)),
        }
    }

    /// The share of right answers, in percent.
    pub(crate) fn accuracy_pct(&self, score: Score) -> f64 {
        let n_correct = match score {
            Score::Published => self.n_published,
            Score::Strict => self.n_strict,
        };
        100.0 * n_correct as f64 / self.n as f64
    }
}

impl ConfusedPair<'_> {
    fn mean_share(&self) -> f64 {
        self.share_pct.values().sum::<f64>() / self.share_pct.len() as f64
    }
}

#[cfg(test)]
mod tests;
