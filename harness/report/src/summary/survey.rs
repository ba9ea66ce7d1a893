//! The plan beside the results: every planned cell, with its row if it is done.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use clsrl_spec::{CellKey, DatasetId, Form, MethodId, PromptStyle, Seed, Trial};

use super::mean;
use crate::{
    DatasetOrder,
    rows::{CellRow, StepRow},
    verdicts::Repeats,
};

/// One method with one number of shots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub(crate) method: MethodId,
    pub(crate) shots: usize,
}

impl Group {
    /// Whether anything is trained.
    pub(crate) fn is_trained(self) -> bool {
        self.method != MethodId::ZeroShot
    }

    /// The one of an optimizer step.
    pub(super) fn of_step(row: &StepRow) -> Self {
        Group { method: row.method, shots: row.shots }
    }
}

/// One row of the tables: a group asked in one form under one prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arm {
    pub(crate) group: Group,
    pub(crate) form: Form,
    /// Reversed, so that the direct prompt stands first.
    prompt: Reverse<PromptStyle>,
}

impl Arm {
    pub(crate) fn new(group: Group, form: Form, prompt: PromptStyle) -> Self {
        Arm { group, form, prompt: Reverse(prompt) }
    }

    /// The one that trains nothing, asked in one way.
    pub(crate) fn zero_shot(form: Form, prompt: PromptStyle) -> Self {
        Arm::new(Group { method: MethodId::ZeroShot, shots: 0 }, form, prompt)
    }

    pub(crate) fn prompt(self) -> PromptStyle {
        self.prompt.0
    }

    pub(crate) fn is_trained(self) -> bool {
        self.group.is_trained()
    }

    /// The cells of this arm that were trained on one dataset and asked about another, or the same one;
    /// zero-shot is trained on none.
    pub(crate) fn repeats(self, train_on: DatasetId, target: DatasetId) -> Repeats {
        Repeats {
            method: self.group.method,
            source: self.is_trained().then_some(train_on),
            shots: self.group.shots,
            cell: CellKey { target, form: self.form, prompt: self.prompt() },
        }
    }
}

/// One planned cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SurveyedCell {
    pub(crate) repeats: Repeats,
    pub(crate) seed: Seed,
    /// None where the cell is not done.
    pub(crate) row: Option<CellRow>,
}

impl SurveyedCell {
    /// What its record counts.
    pub(crate) fn counts(&self) -> Option<Counts> {
        self.row.as_ref().map(|row| Counts {
            n: row.n,
            n_published: row.n_correct_published,
            n_strict: row.n_correct_strict,
        })
    }
}

/// What a cell's record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) n: usize,
    pub(crate) n_published: usize,
    pub(crate) n_strict: usize,
}

/// All planned cells and what is known of them.
pub(crate) struct Survey {
    /// The planned cells, in table order.
    pub(crate) cells: Vec<SurveyedCell>,
    /// The rows of the tables, in order.
    pub(crate) arms: Vec<Arm>,
    /// The forms of the questions, in table order.
    pub(crate) forms: Vec<Form>,
    /// The datasets that are evaluated, in table order.
    pub(crate) targets: Vec<DatasetId>,
    /// The datasets that are trained on, in table order; the targets if nothing is trained.
    pub(crate) in_domain: Vec<DatasetId>,
    /// The seeds of the trained trials; of zero-shot if nothing is trained.
    pub(crate) seeds: BTreeSet<Seed>,
    /// Planned cells.
    pub(crate) n_planned: usize,
    /// Planned cells without a record.
    pub(crate) n_missing: usize,
}

/// What the questions about one target were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Questions {
    pub(crate) n: (usize, usize),
    pub(crate) n_split: (usize, usize),
    pub(crate) mean_choices: Option<f64>,
    pub(crate) chance_pct: Option<f64>,
}

/// A form and a dataset: what is the same in all questions about it.
pub(crate) type Asked = (Form, DatasetId);

/// One planned cell.
type Axes = (MethodId, Option<DatasetId>, usize, Seed, CellKey);

impl Survey {
    /// Puts plan and cells together. A cell that no plan names counts as planned.
    pub(crate) fn new(done: &[CellRow], planned: &[Trial], order: DatasetOrder) -> Self {
        let planned = planned.iter().flat_map(axes_of_trial).map(|axes| (axes, None));
        let mut by_axes: BTreeMap<Axes, Option<&CellRow>> = planned.collect();
        by_axes.extend(done.iter().map(|row| (axes_of_row(row), Some(row))));
        let axes = || by_axes.keys();
        let trained: BTreeSet<DatasetId> = axes().filter_map(|axes| axes.1).collect();
        let targets: BTreeSet<DatasetId> = axes().map(|axes| axes.4.target).collect();
        let arms: BTreeSet<Arm> = axes().map(arm_of).collect();
        let forms: BTreeSet<Form> = axes().map(|axes| axes.4.form).collect();
        let any_trained = !trained.is_empty();
        let seeds = axes().filter(|axes| axes.1.is_some() == any_trained).map(|axes| axes.3);
        let seeds = seeds.collect();
        let cell = |((method, source, shots, seed, cell), row): (Axes, Option<&CellRow>)| {
            let repeats = Repeats { method, source, shots, cell };
            SurveyedCell { repeats, seed, row: row.cloned() }
        };
        Survey {
            arms: arms.into_iter().collect(),
            in_domain: order.sorted(if any_trained { &trained } else { &targets }),
            forms: forms.into_iter().collect(),
            targets: order.sorted(&targets),
            seeds,
            n_planned: by_axes.len(),
            n_missing: by_axes.values().filter(|row| row.is_none()).count(),
            cells: by_axes.into_iter().map(cell).collect(),
        }
    }

    /// The rows of the cells that are done, in table order.
    pub(crate) fn done(&self) -> impl Iterator<Item = &CellRow> {
        self.cells.iter().filter_map(|cell| cell.row.as_ref())
    }

    /// Whether the trained methods have more than one number of shots.
    pub(crate) fn has_several_shots(&self) -> bool {
        1 < self.shots().len()
    }

    /// The zero-shot arm that is asked as an arm is.
    pub(crate) fn zero_shot_of(&self, arm: Arm) -> Option<Arm> {
        let asked = |arm: &Arm| (arm.form, arm.prompt);
        let mut untrained = self.arms.iter().filter(|other| !other.is_trained());
        untrained.find(|other| asked(other) == asked(&arm)).copied()
    }

    /// The arms of one form: the untrained ones, and the trained ones with one number of shots.
    pub(crate) fn arms_of(&self, form: Form, shots: usize) -> Vec<Arm> {
        let is_of =
            |arm: &&Arm| arm.form == form && (!arm.is_trained() || arm.group.shots == shots);
        self.arms.iter().filter(is_of).copied().collect()
    }

    /// The numbers of shots of the trained methods; 0 alone if nothing is trained.
    pub(crate) fn shots(&self) -> BTreeSet<usize> {
        let trained = self.arms.iter().filter(|arm| arm.is_trained());
        let shots: BTreeSet<usize> = trained.map(|arm| arm.group.shots).collect();
        if shots.is_empty() { [0].into() } else { shots }
    }

    /// The methods with their numbers of shots, in order.
    pub(crate) fn groups(&self) -> BTreeSet<Group> {
        self.arms.iter().map(|arm| arm.group).collect()
    }

    /// The prompts of a method's arms.
    pub(crate) fn prompts(&self, method: MethodId) -> Vec<PromptStyle> {
        let of_method = self.arms.iter().filter(|arm| arm.group.method == method);
        of_method.map(|arm| arm.prompt).collect::<BTreeSet<_>>().into_iter().map(|p| p.0).collect()
    }

    /// What the questions about each target were, form by form, in the order of the targets.
    pub(crate) fn questions(&self) -> Vec<(Asked, Option<Questions>)> {
        let mut found: BTreeMap<Asked, Vec<&CellRow>> = BTreeMap::new();
        for row in self.done() {
            found.entry((row.form, row.target)).or_default().push(row);
        }
        let asked =
            self.forms.iter().flat_map(|&form| self.targets.iter().map(move |&id| (form, id)));
        asked.map(|key| (key, found.get(&key).and_then(|rows| Questions::of(rows)))).collect()
    }

    /// The score of guessing, by form and target.
    pub(crate) fn chances(&self) -> BTreeMap<(Form, DatasetId), Option<f64>> {
        let chance = |questions: Option<Questions>| questions.and_then(|found| found.chance_pct);
        self.questions().into_iter().map(|(asked, found)| (asked, chance(found))).collect()
    }

    /// The values that finished cells have, each once, in order.
    pub(crate) fn distinct<'a, T: Ord>(&'a self, of: fn(&'a CellRow) -> T) -> BTreeSet<T> {
        self.done().map(of).collect()
    }

    /// The number of finished cells whose records have no seal.
    pub(crate) fn n_unsealed(&self) -> usize {
        self.done().filter(|row| row.made_from.sealed == Some(false)).count()
    }

    /// The datasets, as targets or as what was trained on, of which something holds in no row. A row of two
    /// datasets holds only if it does of both.
    pub(crate) fn never(&self, holds: fn(&CellRow) -> bool) -> Vec<DatasetId> {
        let mut ever = BTreeMap::new();
        for row in self.done() {
            for dataset in row.train_on.into_iter().chain([row.target]) {
                *ever.entry(dataset).or_insert(false) |= holds(row);
            }
        }
        ever.into_iter().filter(|(_, ever)| !ever).map(|(dataset, _)| dataset).collect()
    }
}

impl Questions {
    /// Of the cells that ask alike; none of none.
    fn of(rows: &[&CellRow]) -> Option<Self> {
        let span = |of: fn(&CellRow) -> usize| {
            let counts = || rows.iter().map(|row| of(row));
            Some((counts().min()?, counts().max()?))
        };
        Some(Questions {
            n: span(|row| row.n)?,
            n_split: span(|row| row.n_split)?,
            mean_choices: mean(rows.iter().filter_map(|row| row.mean_choices)),
            chance_pct: mean(rows.iter().filter_map(|row| row.chance_pct)),
        })
    }
}

fn arm_of(&(method, _, shots, _, cell): &Axes) -> Arm {
    Arm::new(Group { method, shots }, cell.form, cell.prompt)
}

fn axes_of_trial(trial: &Trial) -> impl Iterator<Item = Axes> {
    let Trial { method, train_on, shots, seed, .. } = *trial;
    trial.cells().into_iter().map(move |cell| (method, train_on, shots, seed, cell))
}

fn axes_of_row(row: &CellRow) -> Axes {
    let cell = CellKey { target: row.target, form: row.form, prompt: row.prompt };
    (row.method, row.train_on, row.shots, row.seed, cell)
}
