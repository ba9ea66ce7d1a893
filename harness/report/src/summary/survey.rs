//! The plan beside the results: one row per planned cell, its scores null where it is not done.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use clsrl_spec::{CellKey, DatasetId, Form, MethodId, PromptStyle, Seed, Trial};
use polars::prelude::{Column, DataFrame, IntoLazy, NamedFrom, Series, col};

use super::read::{Reader, grouped, joined};
use crate::{DatasetOrder, ReportError, verdicts::Repeats};

const AXES: [&str; 7] = ["method", "train_on", "shots", "seed", "target", "form", "prompt"];

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

/// One planned cell, and what its record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SurveyedCell {
    pub(crate) repeats: Repeats,
    pub(crate) seed: Seed,
    /// None where the cell is not done.
    pub(crate) counts: Option<Counts>,
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
    /// One row per planned cell: its axes, and the cells' frame's columns or nulls.
    pub(super) frame: DataFrame,
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
    pub(crate) fn new(
        cells: &DataFrame,
        planned: &[Trial],
        order: DatasetOrder,
    ) -> Result<Self, ReportError> {
        let mut axes: BTreeSet<Axes> = planned.iter().flat_map(axes_of_trial).collect();
        axes.extend(axes_of_frame(cells)?);
        let frame = joined(axes_frame(&axes)?.lazy(), cells.clone().lazy(), &AXES).collect()?;
        let trained: BTreeSet<DatasetId> = axes.iter().filter_map(|axes| axes.1).collect();
        let targets: BTreeSet<DatasetId> = axes.iter().map(|axes| axes.4.target).collect();
        let arms: BTreeSet<Arm> = axes.iter().map(arm_of).collect();
        let forms: BTreeSet<Form> = axes.iter().map(|axes| axes.4.form).collect();
        let any_trained = !trained.is_empty();
        let seeds = axes.iter().filter(|axes| axes.1.is_some() == any_trained).map(|axes| axes.3);
        let n_missing = frame.column("cell_id")?.null_count();
        Ok(Survey {
            arms: arms.into_iter().collect(),
            in_domain: order.sorted(if any_trained { &trained } else { &targets }),
            forms: forms.into_iter().collect(),
            targets: order.sorted(&targets),
            seeds: seeds.collect(),
            n_planned: frame.height(),
            n_missing,
            frame,
        })
    }

    /// Every planned cell, with its counts if it is done.
    pub(crate) fn cells(&self) -> Result<Vec<SurveyedCell>, ReportError> {
        let reader = Reader(&self.frame);
        let ids = self.frame.column("cell_id")?.str()?;
        let cell = |row| {
            let (method, source, shots, seed, cell) = axes_of_row(&reader, row)?;
            let counts = match ids.get(row) {
                None => None,
                Some(_) => Some(Counts {
                    n: reader.count("n", row)?,
                    n_published: reader.count("n_correct_published", row)?,
                    n_strict: reader.count("n_correct_strict", row)?,
                }),
            };
            Ok(SurveyedCell { repeats: Repeats { method, source, shots, cell }, seed, counts })
        };
        (0..reader.height()).map(cell).collect()
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
    pub(crate) fn questions(&self) -> Result<Vec<(Asked, Option<Questions>)>, ReportError> {
        let span = |name: &str| {
            [
                col(name).min().alias(format!("{name}_min")),
                col(name).max().alias(format!("{name}_max")),
            ]
        };
        let means = ["mean_choices", "chance_pct"].map(|name| col(name).mean());
        let aggregations = [&span("n")[..], &span("n_split"), &means].concat();
        let done = self.frame.clone().lazy().filter(col("cell_id").is_not_null());
        let frame = grouped(done, &["form", "target"], aggregations).collect()?;
        let reader = Reader(&frame);
        let mut found = Vec::new();
        for row in 0..reader.height() {
            let questions = Questions {
                n: (reader.count("n_min", row)?, reader.count("n_max", row)?),
                n_split: (reader.count("n_split_min", row)?, reader.count("n_split_max", row)?),
                mean_choices: reader.float("mean_choices", row)?,
                chance_pct: reader.float("chance_pct", row)?,
            };
            let key = (reader.id::<Form>("form", row)?, reader.id::<DatasetId>("target", row)?);
            found.push((key, questions));
        }
        let of =
            |key| found.iter().find(|(found, _)| *found == key).map(|(_, questions)| *questions);
        let asked =
            self.forms.iter().flat_map(|&form| self.targets.iter().map(move |&id| (form, id)));
        Ok(asked.map(|key| (key, of(key))).collect())
    }

    /// The score of guessing, by form and target.
    pub(crate) fn chances(&self) -> Result<BTreeMap<(Form, DatasetId), Option<f64>>, ReportError> {
        let chance = |questions: Option<Questions>| questions.and_then(|found| found.chance_pct);
        let questions = self.questions()?.into_iter();
        Ok(questions.map(|(asked, questions)| (asked, chance(questions))).collect())
    }

    /// The values of a text column, each once, in order.
    pub(crate) fn distinct(&self, column: &str) -> Result<BTreeSet<String>, ReportError> {
        let values = self.frame.column(column)?.str()?;
        Ok(values.iter().flatten().map(str::to_owned).collect())
    }

    /// The pairs of values of two text columns, each once, in order, where both are there.
    pub(crate) fn distinct_pairs(
        &self,
        one: &str,
        other: &str,
    ) -> Result<BTreeSet<(String, String)>, ReportError> {
        let (one, other) = (self.frame.column(one)?.str()?, self.frame.column(other)?.str()?);
        let pairs = one.iter().zip(other.iter());
        Ok(pairs.filter_map(|(one, other)| Some((one?.to_owned(), other?.to_owned()))).collect())
    }

    /// The values of a count column, each once, in order.
    pub(crate) fn distinct_counts(&self, column: &str) -> Result<BTreeSet<i64>, ReportError> {
        Ok(self.frame.column(column)?.i64()?.iter().flatten().collect())
    }

    /// The datasets, as targets or as what was trained on, of which a column of truths holds in no row. A
    /// row of two datasets is true only if it is true of both.
    pub(crate) fn never(&self, column: &str) -> Result<Vec<DatasetId>, ReportError> {
        let reader = Reader(&self.frame);
        let truths = self.frame.column(column)?.bool()?;
        let mut ever = BTreeMap::new();
        for (row, truth) in truths.iter().enumerate() {
            let Some(truth) = truth else { continue };
            let target = reader.id::<DatasetId>("target", row)?;
            for dataset in reader.train_on(row)?.into_iter().chain([target]) {
                *ever.entry(dataset).or_insert(false) |= truth;
            }
        }
        Ok(ever.into_iter().filter(|(_, ever)| !ever).map(|(dataset, _)| dataset).collect())
    }

    /// Whether some cell's column of truths holds true.
    pub(crate) fn any(&self, column: &str) -> Result<bool, ReportError> {
        Ok(self.frame.column(column)?.bool()?.any())
    }
}

fn arm_of(&(method, _, shots, _, cell): &Axes) -> Arm {
    Arm::new(Group { method, shots }, cell.form, cell.prompt)
}

fn axes_of_trial(trial: &Trial) -> impl Iterator<Item = Axes> {
    let Trial { method, train_on, shots, seed, .. } = *trial;
    trial.cells().into_iter().map(move |cell| (method, train_on, shots, seed, cell))
}

fn axes_of_frame(cells: &DataFrame) -> Result<Vec<Axes>, ReportError> {
    let reader = Reader(cells);
    (0..reader.height()).map(|row| axes_of_row(&reader, row)).collect()
}

fn axes_of_row(reader: &Reader<'_>, row: usize) -> Result<Axes, ReportError> {
    let Arm { group: Group { method, shots }, form, prompt } = reader.arm(row)?;
    let cell = CellKey { target: reader.id("target", row)?, form, prompt: prompt.0 };
    Ok((method, reader.train_on(row)?, shots, reader.seed(row)?, cell))
}

fn axes_frame(axes: &BTreeSet<Axes>) -> Result<DataFrame, ReportError> {
    fn texts(name: &str, values: impl Iterator<Item = Option<&'static str>>) -> Column {
        Series::new(name.into(), values.collect::<Vec<_>>()).into()
    }
    let shots: Vec<i64> =
        axes.iter().map(|axes| i64::try_from(axes.2).unwrap_or(i64::MAX)).collect();
    let seeds: Vec<Seed> = axes.iter().map(|axes| axes.3).collect();
    let columns = vec![
        texts("method", axes.iter().map(|axes| Some(axes.0.as_str()))),
        texts("train_on", axes.iter().map(|axes| axes.1.map(DatasetId::as_str))),
        Series::new("shots".into(), shots).into(),
        Series::new("seed".into(), seeds).into(),
        texts("target", axes.iter().map(|axes| Some(axes.4.target.as_str()))),
        texts("form", axes.iter().map(|axes| Some(axes.4.form.as_str()))),
        texts("prompt", axes.iter().map(|axes| Some(axes.4.prompt.as_str()))),
    ];
    Ok(DataFrame::new(axes.len(), columns)?)
}
