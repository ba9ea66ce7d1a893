//! Every published number that a suite can give, held to what it gave.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::{
    Binding, CellKey, CellRecord, EvalSplit, Form, MethodId, PromptStyle, Seed, Trial,
    cell_identity, differing_fields, training_identity,
};

use super::{
    estimate::{self, Estimate, Part},
    published::{Metric, PublishedNumber, PublishedNumbers},
    question::{FineTune, Question, Term, questions},
    reason::{ANSWER_TOKENS, Reason},
};
use crate::TrialResults;

/// What a comparison is made from, beside the results.
#[derive(Debug, Clone, Copy)]
pub struct PaperContext<'a> {
    /// The suite's name.
    pub suite_name: &'a str,
    /// The start model, by the name of its folder.
    pub base_model: &'a str,
    /// Whether the suite's images are drawn.
    pub synthetic: bool,
    /// Every trial of the plan, done or not.
    pub planned: &'a [Trial],
    /// The same trials under the paper's protocol.
    pub under_paper: &'a [Trial],
}

/// A suite against the paper, number by number in the paper's order.
#[derive(Debug, Clone, PartialEq)]
pub struct AgainstPaper {
    pub(super) suite_name: String,
    pub(super) compared: Vec<Compared>,
}

/// A published number and ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) number: PublishedNumber,
    /// The prompt of our evaluation.
    pub(crate) prompt: PromptStyle,
    /// The prompt of the zero-shot cells that our change is against.
    pub(crate) zero_shot_prompt: Option<PromptStyle>,
    /// Ours, if all its cells are there.
    pub(crate) ours: Option<Estimate>,
    /// The word on it.
    pub(crate) verdict: Verdict,
}

/// The word on a number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The paper's lies where one more run of ours would.
    Within,
    /// It does not.
    Outside,
    /// It cannot be said, and why: at least one reason.
    NotComparable(Vec<Reason>),
}

impl Verdict {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Verdict::Within => "within",
            Verdict::Outside => "outside",
            Verdict::NotComparable(_) => "not comparable",
        }
    }

    pub(super) fn reasons(&self) -> &[Reason] {
        match self {
            Verdict::Within | Verdict::Outside => &[],
            Verdict::NotComparable(reasons) => reasons,
        }
    }
}

/// What the paper's rounding, which cuts some numbers off, can be wrong by: in the numbers' units.
const PRINTED: f64 = 0.01;

impl AgainstPaper {
    /// Compares. Numbers that these trials do not give are left out.
    pub fn new(
        published: &PublishedNumbers,
        results: &[TrialResults],
        context: PaperContext<'_>,
    ) -> Self {
        let run = Run::new(results, context);
        let PublishedNumbers(numbers) = published;
        let PaperContext { planned, under_paper, .. } = context;
        let questions =
            numbers.iter().flat_map(|number| questions(number, numbers, planned, under_paper));
        let compared = questions.map(|question| run.compare(question)).collect();
        AgainstPaper { suite_name: context.suite_name.to_owned(), compared }
    }
}

/// The records of one cell, each with those of its trial.
type BySeed<'a> = BTreeMap<Seed, (&'a TrialResults, &'a CellRecord)>;

type Cells<'a> = BTreeMap<(FineTune, CellKey), BySeed<'a>>;

/// A run's results, by what was evaluated.
struct Run<'a> {
    context: PaperContext<'a>,
    cells: Cells<'a>,
}

impl<'a> Run<'a> {
    fn new(results: &'a [TrialResults], context: PaperContext<'a>) -> Self {
        let mut cells = Cells::new();
        for results in results {
            let trial = &results.trial;
            for (_, record) in &results.cells {
                let key = (FineTune::of(trial), record.outcome.cell);
                cells.entry(key).or_default().insert(trial.seed, (results, record));
            }
        }
        Run { context, cells }
    }

    fn compare(&self, question: Question<'_>) -> Compared {
        let reasons = self.reasons(&question);
        let ours = self.ours(&question);
        let number = question.number.clone();
        let verdict = match ours.and_then(|ours| ours.interval) {
            Some(interval) if reasons.is_empty() => {
                let is_within =
                    (interval.lower - PRINTED..=interval.upper + PRINTED).contains(&number.value);
                if is_within { Verdict::Within } else { Verdict::Outside }
            }
            _ => Verdict::NotComparable(reasons),
        };
        let Question { prompt, zero_shot_prompt, .. } = question;
        Compared { number, prompt, zero_shot_prompt, ours, verdict }
    }

    /// The trials of a term, one per planned seed.
    fn planned(&self, term: Term) -> impl Iterator<Item = &'a Trial> {
        let trials = self.context.planned.iter();
        trials.filter(move |trial| FineTune::of(trial) == term.fine_tune)
    }

    fn reasons(&self, question: &Question<'_>) -> Vec<Reason> {
        let mut reasons = BTreeSet::new();
        let expected = &question.number.model;
        if !self.context.base_model.eq_ignore_ascii_case(expected) {
            let found = self.context.base_model.to_owned();
            reasons.insert(Reason::Model { found, expected: expected.clone() });
        }
        let records = || {
            let terms = question.terms.iter();
            let of = terms.filter_map(|term| self.cells.get(&(term.fine_tune, term.cell)));
            of.flat_map(|by_seed| by_seed.values()).map(|(_, record)| *record)
        };
        if self.context.synthetic || records().any(|record| record.outcome.synthetic) {
            reasons.insert(Reason::Drawn);
        }
        if reasons.iter().any(Reason::is_all) {
            return reasons.into_iter().collect();
        }
        for record in records() {
            let outcome = &record.outcome;
            let holds = [
                (outcome.n < outcome.n_split, Reason::Limited),
                (outcome.n == 0, Reason::NoImages),
                (!outcome.locked, Reason::Unlocked),
                (!outcome.standard_lists, Reason::OtherLists),
            ];
            reasons.extend(holds.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason));
        }
        reasons.extend(self.other_machine(question));
        reasons.extend(self.missing(question));
        reasons.extend(self.other_protocol(question));
        reasons.extend(self.other_evaluation(question));
        let is_one_seed =
            |term: &Term| term.fine_tune.train_on.is_some() && self.planned(*term).count() < 2;
        if !is_time(question) && question.terms.iter().any(is_one_seed) {
            reasons.insert(Reason::OneSeed);
        }
        reasons.into_iter().collect()
    }

    /// Minutes are those of a machine, whatever it is: a trial has one device.
    fn other_machine(&self, question: &Question<'_>) -> Option<Reason> {
        if !is_time(question) {
            return None;
        }
        let of = |term: &Term| self.cells.get(&(term.fine_tune, term.cell));
        let runs = question.terms.iter().filter_map(of).flat_map(|by_seed| by_seed.values());
        let devices: BTreeSet<&str> =
            runs.map(|(_, record)| record.run.place.device.as_str()).collect();
        let found = devices.into_iter().collect::<Vec<_>>().join(", ");
        (!found.is_empty()).then_some(Reason::Machine { found })
    }

    fn missing(&self, question: &Question<'_>) -> Option<Reason> {
        let (mut n_found, mut of) = (0, 0);
        for term in &question.terms {
            let found = self.cells.get(&(term.fine_tune, term.cell));
            of += self.planned(*term).count();
            let is_there =
                |trial: &&Trial| found.is_some_and(|by_seed| by_seed.contains_key(&trial.seed));
            n_found += self.planned(*term).filter(is_there).count();
        }
        (n_found < of).then_some(Reason::Missing { n: of - n_found, of })
    }

    /// The fields of the protocol in which the cells differ from the same cells under the paper's.
    fn other_protocol(&self, question: &Question<'_>) -> Option<Reason> {
        let mut fields = BTreeSet::new();
        for &term in &question.terms {
            for trial in self.planned(term) {
                let under_paper = self.context.under_paper.iter();
                match under_paper.clone().find(|other| other.key() == trial.key()) {
                    Some(other) => fields.extend(protocol_fields(trial, other, term.cell)),
                    None => _ = fields.insert(trial.method.to_string()),
                }
            }
        }
        (!fields.is_empty()).then(|| Reason::Protocol(fields.into_iter().collect()))
    }

    fn other_evaluation(&self, question: &Question<'_>) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for &term in &question.terms {
            for trial in self.planned(term) {
                let evaluation = &trial.evaluation;
                if evaluation.split_of(term.cell.target) != EvalSplit::Test {
                    reasons.push(Reason::Validation);
                }
                if evaluation.max_new_tokens != ANSWER_TOKENS {
                    reasons.push(Reason::AnswerLength { found: evaluation.max_new_tokens });
                }
            }
        }
        reasons
    }

    /// Our number; none unless all its cells are there, with images in them.
    fn ours(&self, question: &Question<'_>) -> Option<Estimate> {
        if self.missing(question).is_some() {
            return None;
        }
        let cells: Vec<(Term, &BySeed<'_>)> = question
            .terms
            .iter()
            .map(|&term| Some((term, self.cells.get(&(term.fine_tune, term.cell))?)))
            .collect::<Option<_>>()?;
        let part = |&(term, by_seed): &(Term, &BySeed<'_>)| {
            let outcomes = || by_seed.values().map(|(_, record)| &record.outcome);
            Some(Part {
                weight: term.weight,
                fine_tune: term.fine_tune,
                by_seed: by_seed
                    .iter()
                    .map(|(&seed, (_, r))| (seed, r.outcome.published_pct()))
                    .collect(),
                n_images: outcomes().map(|outcome| outcome.n).min().filter(|&n| 0 < n)?,
            })
        };
        let parts = |form: Option<Form>| {
            let of =
                cells.iter().filter(|(term, _)| form.is_none_or(|form| term.cell.form == form));
            of.map(part).collect::<Option<Vec<Part>>>()
        };
        let minutes = |seconds: fn(&TrialResults, &CellRecord) -> f64| {
            let runs: Vec<f64> = cells
                .iter()
                .flat_map(|(_, by_seed)| by_seed.values())
                .map(|(results, record)| seconds(results, record) / 60.0)
                .collect();
            let value = runs.iter().sum::<f64>() / runs.len() as f64;
            value.is_finite().then_some(Estimate { value, interval: None })
        };
        match question.number.metric {
            Metric::Accuracy(_) | Metric::Change => Some(estimate::sum(&parts(None)?)),
            Metric::HarmonicMean => {
                Some(estimate::harmonic_mean(parts(Some(Form::Base))?, parts(Some(Form::New))?))
            }
            Metric::TrainingMinutes => minutes(|results, _| {
                let seconds = &results.training.run.seconds;
                seconds.load + seconds.rollout + seconds.update
            }),
            Metric::InferenceMinutes => minutes(|_, record| record.run.evaluate_seconds),
        }
    }
}

fn is_time(question: &Question<'_>) -> bool {
    matches!(question.number.metric, Metric::TrainingMinutes | Metric::InferenceMinutes)
}

/// What of a cell and its fine-tune the protocol decides, and decides otherwise there. The size of a
/// micro-batch changes nothing but rounding, and what only the suite decides is equal on both sides.
fn protocol_fields(ours: &Trial, paper: &Trial, cell: CellKey) -> Vec<String> {
    let binding = Binding::unknown();
    let of_training = differing_fields(
        training_identity(ours, &binding).json(),
        training_identity(paper, &binding).json(),
    );
    let of_cell = differing_fields(
        cell_identity(ours, cell, &binding).json(),
        cell_identity(paper, cell, &binding).json(),
    );
    let of_training = of_training
        .into_iter()
        .filter(|_| ours.method != MethodId::ZeroShot)
        .filter(|field| !field.ends_with(".micro_batch"))
        .map(|field| format!("training: {}", field.trim_start_matches("protocol.")));
    let of_cell = of_cell
        .into_iter()
        .filter(|field| field != "training")
        .map(|field| format!("evaluation: {field}"));
    of_training.chain(of_cell).collect()
}
