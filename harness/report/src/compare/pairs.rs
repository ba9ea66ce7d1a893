//! From the cells of two runs to pairs of verdicts, and from those to numbers.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::{Prediction, Scorer, Seed, differing_values};
use serde_json::Value;

use super::{Comparison, Flip, Measured, Remark, Row, Setting, Side};
use crate::{
    baseline::{SavedKey, Together},
    statistics::{Average, AveragedCell, Change, Level, Scores, Verdicts},
    verdicts::Repeats,
};

/// A finished cell of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct CellOfRun {
    /// What its fine-tune was made from.
    pub training: Value,
    /// What it was made from itself.
    pub identity: Value,
    /// Whether all data that it rests on equals the lock.
    pub is_locked: bool,
    /// Its answers.
    pub predictions: Vec<Prediction>,
}

/// Pairs cells as they are offered; keeps verdicts and flips, not answers.
#[derive(Debug)]
pub struct Comparer {
    scorer: Scorer,
    groups: BTreeMap<Repeats, Group>,
    unpaired: Vec<(String, String)>,
    settings: BTreeMap<(String, [String; 2]), usize>,
    flips: Vec<Flip>,
}

/// The seeds of a cell that both runs have, and what differs in any.
#[derive(Debug, Default)]
struct Group {
    seeds: Vec<(Seed, [Verdicts; 2])>,
    remarks: BTreeSet<Remark>,
    /// Seeds that one run has alone, or that have no image in common.
    reasons: Vec<String>,
    n_flips: [usize; 2],
    n_other_answers: usize,
}

/// Numbers of the seeds of a cell that can be averaged.
struct Summed<'a> {
    group: &'a Group,
    scores: Scores,
    accuracy_pct: [f64; 2],
}

impl Comparer {
    /// Nothing yet; this score counts on both sides.
    pub fn new(scorer: Scorer) -> Self {
        Comparer {
            scorer,
            groups: BTreeMap::new(),
            unpaired: Vec::new(),
            settings: BTreeMap::new(),
            flips: Vec::new(),
        }
    }

    /// Takes what both runs have of a cell, or why they have none.
    pub fn add(&mut self, key: SavedKey, sides: [Result<CellOfRun, String>; 2]) {
        let name = format!("{}, seed {}", Repeats::of(key).name(), key.seed);
        let group = self.groups.entry(Repeats::of(key)).or_default();
        let [a, b] = match sides {
            [Ok(a), Ok(b)] => [a, b],
            [a, b] => {
                let reasons: Vec<String> = [("A", a), ("B", b)]
                    .into_iter()
                    .filter_map(|(side, cell)| Some(format!("{side}: {}", cell.err()?)))
                    .collect();
                let reason = reasons.join("; ");
                group.reasons.push(reason.clone());
                group.remarks.insert(Remark::Seeds);
                return self.unpaired.push((name, reason));
            }
        };
        let common = common(&a.predictions, &b.predictions);
        let right = |prediction: &Prediction| match self.scorer {
            Scorer::Published => prediction.correct_published,
            Scorer::Strict => prediction.correct_strict,
        };
        let verdicts =
            |at: usize| Verdicts::new(common.iter().map(|pair| (pair[at].index, right(pair[at]))));
        let (Ok(before), Ok(after)) = (verdicts(0), verdicts(1)) else {
            let reason = format!(
                "no image in common: A answered {}, B {} others",
                a.predictions.len(),
                b.predictions.len()
            );
            group.reasons.push(reason.clone());
            group.remarks.insert(Remark::Seeds);
            return self.unpaired.push((name, reason));
        };
        group.remarks.extend(remarks(&a, &b, &common));
        group.seeds.push((key.seed, [before, after]));
        for [one, other] in &common {
            let [was_right, is_right] = [right(one), right(other)];
            group.n_other_answers += usize::from(one.raw != other.raw);
            if was_right == is_right {
                continue;
            }
            group.n_flips[usize::from(was_right)] += 1;
            self.flips.push(Flip {
                cell: Repeats::of(key).name(),
                seed: key.seed,
                index: one.index,
                image: one.image.clone(),
                gold: one.gold.clone(),
                answers: [one.extracted.clone(), other.extracted.clone()],
                became_right: is_right,
            });
        }
        let training = differing_values(&a.training, &b.training);
        let training =
            training.into_iter().map(|(field, a, b)| (format!("fine-tune: {field}"), [a, b]));
        let own = differing_values(&a.identity, &b.identity).into_iter();
        // The fine-tune's id; what differs in it stands before.
        let own = own.filter(|(field, ..)| field != "training");
        for setting in training.chain(own.map(|(field, a, b)| (field, [a, b]))) {
            *self.settings.entry(setting).or_default() += 1;
        }
    }

    /// The numbers of everything that was offered.
    pub fn finish(self, sides: [Side; 2], level: Level) -> Comparison {
        let summed: BTreeMap<Repeats, Result<Summed<'_>, String>> =
            self.groups.iter().map(|(repeats, group)| (*repeats, group.sum())).collect();
        let mut together: BTreeMap<Together, Vec<Repeats>> = BTreeMap::new();
        for repeats in summed.keys() {
            together.entry(Together::of(*repeats)).or_default().push(*repeats);
        }
        let cells = summed.keys().map(|repeats| (repeats.name(), vec![*repeats]));
        let cells = rows(cells, &summed, &self.groups, level);
        let averages = together.into_iter().map(|(together, of)| (together.name(), of));
        let averages = rows(averages, &summed, &self.groups, level);
        let setting = |((field, values), n_cells): (&(String, [String; 2]), &usize)| Setting {
            field: field.clone(),
            values: values.clone(),
            n_cells: *n_cells,
        };
        Comparison {
            sides,
            score: self.scorer.as_str(),
            level,
            averages,
            cells,
            unpaired: self.unpaired.clone(),
            settings: self.settings.iter().map(setting).collect(),
            flips: self.flips.clone(),
        }
    }
}

/// The answers about the same images, in the order of their positions.
fn common<'p>(a: &'p [Prediction], b: &'p [Prediction]) -> Vec<[&'p Prediction; 2]> {
    let of_b: BTreeMap<(usize, &str), &Prediction> =
        b.iter().map(|one| ((one.index, one.image.as_str()), one)).collect();
    let mut common: Vec<[&Prediction; 2]> = a
        .iter()
        .filter_map(|one| Some([one, of_b.get(&(one.index, one.image.as_str()))?]))
        .collect();
    common.sort_by_key(|pair| pair[0].index);
    common
}

fn remarks(a: &CellOfRun, b: &CellOfRun, common: &[[&Prediction; 2]]) -> BTreeSet<Remark> {
    let differs = |of: fn(&CellOfRun) -> &Value| of(a) != of(b);
    let n_most = a.predictions.len().max(b.predictions.len());
    let asks_otherwise = common.iter().any(|[one, other]| one.question != other.question);
    [
        (Remark::Weights, differs(|cell| &cell.training["base_weights"])),
        (
            Remark::Data,
            differs(|cell| &cell.identity["data"])
                || differs(|cell| &cell.training["train_on"]["data"])
                || common.iter().any(|[one, other]| one.gold != other.gold),
        ),
        (Remark::Prompts, asks_otherwise || differs(|cell| &cell.identity["prompt"])),
        (Remark::Images, common.len() < n_most),
        (Remark::Unlocked, !(a.is_locked && b.is_locked)),
    ]
    .into_iter()
    .filter_map(|(remark, holds)| holds.then_some(remark))
    .collect()
}

impl Group {
    fn sum(&self) -> Result<Summed<'_>, String> {
        if self.seeds.is_empty() {
            return Err(self.reasons.join("; "));
        }
        let runs: Vec<(Seed, &Verdicts, &Verdicts)> =
            self.seeds.iter().map(|(seed, [before, after])| (*seed, before, after)).collect();
        let scores = Scores::of_change(&runs).map_err(|error| error.to_string())?;
        let accuracy = |at: usize| {
            let of = |(_, verdicts): &(Seed, [Verdicts; 2])| {
                100.0 * verdicts[at].n_right() as f64 / verdicts[at].n() as f64
            };
            self.seeds.iter().map(of).sum::<f64>() / self.seeds.len() as f64
        };
        Ok(Summed { group: self, scores, accuracy_pct: [accuracy(0), accuracy(1)] })
    }
}

/// A row for each of some sets of cells; those that have numbers share the level of their stars.
fn rows(
    named: impl Iterator<Item = (String, Vec<Repeats>)>,
    summed: &BTreeMap<Repeats, Result<Summed<'_>, String>>,
    groups: &BTreeMap<Repeats, Group>,
    level: Level,
) -> Vec<Row> {
    let rows: Vec<(Row, Option<Change>)> = named
        .map(|(name, of)| {
            let remarks = of.iter().flat_map(|repeats| groups[repeats].remarks.clone()).collect();
            match measure(&of, summed, level) {
                Ok((measured, change)) => {
                    (Row { name, found: Ok(measured), remarks }, Some(change))
                }
                Err(reason) => (Row { name, found: Err(reason), remarks }, None),
            }
        })
        .collect();
    let n_present = rows.iter().filter(|(_, change)| change.is_some()).count();
    let shared = level.shared_by(n_present.max(1));
    let judge = |(mut row, change): (Row, Option<Change>)| {
        if let (Ok(measured), Some(change)) = (&mut row.found, change) {
            measured.is_significant = !change.interval_points(shared).has(0.0);
        }
        row
    };
    rows.into_iter().map(judge).collect()
}

/// The numbers of some cells, each with the same weight; none unless all have some.
fn measure(
    of: &[Repeats],
    summed: &BTreeMap<Repeats, Result<Summed<'_>, String>>,
    level: Level,
) -> Result<(Measured, Change), String> {
    let absent: Vec<&String> =
        of.iter().filter_map(|repeats| summed[repeats].as_ref().err()).collect();
    if let Some(first) = absent.first() {
        return Err(match of.len() {
            1 => (*first).clone(),
            n => format!(
                "{} of its {n} cells cannot be compared; one of them: {first}",
                absent.len()
            ),
        });
    }
    let present: Vec<(Repeats, &Summed<'_>)> =
        of.iter().filter_map(|repeats| Some((*repeats, summed[repeats].as_ref().ok()?))).collect();
    let names: Vec<[String; 2]> =
        present.iter().map(|(repeats, _)| [repeats.fine_tunes(), repeats.images()]).collect();
    let cells: Vec<AveragedCell<'_>> = present
        .iter()
        .zip(&names)
        .map(|((_, summed), [fine_tunes, images])| AveragedCell {
            fine_tunes,
            images,
            scores: &summed.scores,
        })
        .collect();
    let average = Average::new(&cells).map_err(|error| error.to_string())?;
    let change = Change::of(&average);
    let mean = |at: usize| {
        present.iter().map(|(_, one)| one.accuracy_pct[at]).sum::<f64>() / present.len() as f64
    };
    let sum = |of: fn(&Group) -> usize| present.iter().map(|(_, one)| of(one.group)).sum();
    let measured = Measured {
        accuracy_pct: [mean(0), mean(1)],
        change_points: change.points(),
        interval: change.interval_points(level),
        is_significant: false,
        n_images: average.n_images(),
        n_seeds: average.fewest_seeds(),
        n_flips: [sum(|group| group.n_flips[0]), sum(|group| group.n_flips[1])],
        n_other_answers: sum(|group| group.n_other_answers),
    };
    Ok((measured, change))
}
