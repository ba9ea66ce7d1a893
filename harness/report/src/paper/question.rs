//! What a published number is of: the cells that make it, and with what weights.

use clsrl_spec::{CellKey, DatasetId, Form, MethodId, PromptStyle, Trial};

use super::published::{Metric, PublishedNumber};

/// The fine-tunes of one method, dataset and number of shots, over their seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FineTune {
    pub(super) method: MethodId,
    pub(super) train_on: Option<DatasetId>,
    pub(super) shots: usize,
}

impl FineTune {
    pub(super) fn of(trial: &Trial) -> Self {
        FineTune { method: trial.method, train_on: trial.train_on, shots: trial.shots }
    }
}

/// A cell that a number is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Term {
    pub(super) fine_tune: FineTune,
    pub(super) cell: CellKey,
    /// Its share; of base-to-new's harmonic mean, within its half.
    pub(super) weight: f64,
}

/// A published number as a suite can give it. Where the paper does not tell a prompt, each that the suite
/// evaluates is a question of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question<'a> {
    pub(super) number: &'a PublishedNumber,
    /// The prompt of the evaluation.
    pub(super) prompt: PromptStyle,
    /// The prompt of the zero-shot cells that a change is against.
    pub(super) zero_shot_prompt: Option<PromptStyle>,
    pub(super) terms: Vec<Term>,
}

/// All ways in which the planned trials give a number; none if they do not.
pub(super) fn questions<'a>(
    number: &'a PublishedNumber,
    all: &[PublishedNumber],
    planned: &[Trial],
    under_paper: &[Trial],
) -> Vec<Question<'a>> {
    let prompts = |fine_tune| prompts(fine_tune, planned, under_paper);
    let pairs = number.pairs(all);
    let fine_tune = |train_on| FineTune { method: number.method, train_on, shots: number.shots };
    let Some(&(first, _)) = pairs.first() else { return Vec::new() };
    let zero_shot = FineTune { method: MethodId::ZeroShot, train_on: None, shots: 0 };
    let references = match number.metric {
        Metric::Change => prompts(zero_shot).into_iter().map(Some).collect(),
        _ => vec![None],
    };
    let mut prompts = prompts(fine_tune(first));
    if number.metric == Metric::TrainingMinutes {
        prompts.truncate(1); // no evaluation's
    }
    let mut questions = Vec::new();
    for prompt in prompts {
        for &zero_shot_prompt in &references {
            let mut terms = Vec::new();
            for &(train_on, target) in &pairs {
                let mut push = |fine_tune, form, prompt, weight: f64| {
                    let cell = CellKey { target, form, prompt };
                    terms.push(Term { fine_tune, cell, weight: weight / pairs.len() as f64 });
                };
                for &form in forms(number.metric) {
                    push(fine_tune(train_on), form, prompt, 1.0);
                    if let Some(zero_shot_prompt) = zero_shot_prompt {
                        push(zero_shot, form, zero_shot_prompt, -1.0);
                    }
                }
            }
            if terms.iter().all(|term| is_planned(term, planned)) {
                questions.push(Question { number, prompt, zero_shot_prompt, terms });
            }
        }
    }
    questions
}

fn forms(metric: Metric) -> &'static [Form] {
    match metric {
        Metric::Accuracy(Form::FewShot) => &[Form::FewShot],
        Metric::Accuracy(Form::Base) => &[Form::Base],
        Metric::Accuracy(Form::New) => &[Form::New],
        Metric::Accuracy(Form::OpenSet) => &[Form::OpenSet],
        Metric::HarmonicMean => &[Form::Base, Form::New],
        Metric::Change | Metric::TrainingMinutes | Metric::InferenceMinutes => &[Form::FewShot],
    }
}

/// The prompts that are evaluated, of those that the paper may have used.
fn prompts(fine_tune: FineTune, planned: &[Trial], under_paper: &[Trial]) -> Vec<PromptStyle> {
    let of = |trials: &[Trial]| {
        let trial = trials.iter().find(|trial| FineTune::of(trial) == fine_tune);
        trial.map(|trial| trial.evaluation.prompts.clone())
    };
    let mut prompts = of(planned).unwrap_or_default();
    if let Some(papers) = of(under_paper) {
        prompts.retain(|prompt| papers.contains(prompt));
    }
    prompts
}

fn is_planned(term: &Term, planned: &[Trial]) -> bool {
    let mut trials = planned.iter().filter(|trial| FineTune::of(trial) == term.fine_tune);
    trials.any(|trial| trial.cells().contains(&term.cell))
}
