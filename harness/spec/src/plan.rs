//! The plan: which trials a suite asks for, in which order.
//!
//! A pure function of suite and selection: no data, no weights, no results.

use std::fmt::Display;

use crate::{
    DatasetId, Evaluation, MethodId, PromptStyle, QWEN2_VL_SYSTEM, Seed, Suite, Targets, Training,
    Trial,
};

/// The part of a suite that the user asked for; `None` asks for the whole axis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// These methods.
    pub methods: Option<Vec<MethodId>>,
    /// These datasets, both for training and as targets.
    pub datasets: Option<Vec<DatasetId>>,
    /// These numbers of training images per class.
    pub shots: Option<Vec<usize>>,
    /// These seeds.
    pub seeds: Option<Vec<Seed>>,
    /// Only n images of each target, spread evenly; wins over the suite's own limit.
    pub limit: Option<usize>,
}

/// A selection that gives no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Something was asked for that the suite does not have.
    #[error("suite `{suite}` has no {}", lacking.join(" and no "))]
    NotInSuite {
        /// The suite's name.
        suite: String,
        /// What it lacks, in words.
        lacking: Vec<String>,
    },
    /// Nothing is left to run.
    #[error("nothing is selected from suite `{suite}`")]
    Nothing {
        /// The suite's name.
        suite: String,
    },
}

/// Plans a suite: zero-shot first, then by method, dataset, shots and seed in the suite's order.
pub fn plan(suite: &Suite, selection: &Selection) -> Result<Vec<Trial>, PlanError> {
    let axes = Axes::narrowed(suite, selection)?;
    let trials: Vec<Trial> = axes.trials(suite, selection.limit.or(suite.evaluation.limit));
    if trials.is_empty() {
        return Err(PlanError::Nothing { suite: suite.name.clone() });
    }
    Ok(trials)
}

/// The axes of a suite after the user's selection.
struct Axes {
    methods: Vec<MethodId>,
    sources: Vec<DatasetId>,
    shots: Vec<usize>,
    seeds: Vec<Seed>,
    /// Of zero-shot, and of every trial unless it is evaluated on its source alone.
    targets: Vec<DatasetId>,
}

impl Axes {
    fn narrowed(suite: &Suite, selection: &Selection) -> Result<Axes, PlanError> {
        let mut lacking = Vec::new();
        let methods = narrow("method", &suite.methods, &selection.methods, &mut lacking);
        let shots = narrow("shots", &suite.shots, &selection.shots, &mut lacking);
        let seeds = narrow("seed", &suite.seeds, &selection.seeds, &mut lacking);
        let mut datasets = suite.datasets.clone();
        if let Targets::List(targets) = &suite.targets {
            datasets.extend(targets.iter().filter(|target| !suite.datasets.contains(target)));
        }
        let datasets = narrow("dataset", &datasets, &selection.datasets, &mut lacking);
        if !lacking.is_empty() {
            return Err(PlanError::NotInSuite { suite: suite.name.clone(), lacking });
        }
        let wanted = |all: &[DatasetId]| -> Vec<DatasetId> {
            all.iter().copied().filter(|dataset| datasets.contains(dataset)).collect()
        };
        let mut targets = match &suite.targets {
            Targets::All | Targets::Source => wanted(&suite.datasets),
            Targets::List(targets) => wanted(targets),
        };
        targets.sort();
        Ok(Axes { methods, sources: wanted(&suite.datasets), shots, seeds, targets })
    }

    fn trials(&self, suite: &Suite, limit: Option<usize>) -> Vec<Trial> {
        if self.targets.is_empty() || limit == Some(0) {
            return Vec::new();
        }
        let mut trials = Vec::new();
        if self.methods.contains(&MethodId::ZeroShot) {
            trials.push(zero_shot(suite, self.targets.clone(), limit));
        }
        for &method in self.methods.iter().filter(|&&method| method != MethodId::ZeroShot) {
            for &source in &self.sources {
                for &shots in &self.shots {
                    for &seed in &self.seeds {
                        trials.extend(self.trial(suite, (method, source, shots, seed), limit));
                    }
                }
            }
        }
        trials
    }

    fn trial(
        &self,
        suite: &Suite,
        (method, source, shots, seed): (MethodId, DatasetId, usize, Seed),
        limit: Option<usize>,
    ) -> Option<Trial> {
        let targets = match suite.targets {
            Targets::Source => vec![source],
            Targets::All | Targets::List(_) => self.targets.clone(),
        };
        let training = suite.training(method, source)?;
        let prompts = match training {
            Training::None | Training::Sft(_) => suite.protocol.sft_eval_prompts.clone(),
            Training::Grpo(settings) => vec![settings.prompt],
        };
        Some(Trial {
            method,
            train_on: Some(source),
            form: suite.task.training_form(),
            shots,
            seed,
            training: training.clone(),
            evaluation: evaluation(suite, prompts, targets, limit),
            protocol: suite.protocol.with_template_system(QWEN2_VL_SYSTEM),
        })
    }
}

fn zero_shot(suite: &Suite, targets: Vec<DatasetId>, limit: Option<usize>) -> Trial {
    Trial {
        method: MethodId::ZeroShot,
        train_on: None,
        form: suite.task.training_form(),
        shots: 0,
        seed: 0,
        training: Training::None,
        evaluation: evaluation(suite, suite.protocol.zero_shot_prompts.clone(), targets, limit),
        protocol: suite.protocol.with_template_system(QWEN2_VL_SYSTEM),
    }
}

fn evaluation(
    suite: &Suite,
    prompts: Vec<PromptStyle>,
    targets: Vec<DatasetId>,
    limit: Option<usize>,
) -> Evaluation {
    let settings = &suite.evaluation;
    let splits = targets.iter().map(|&target| (target, *settings.split.of(target))).collect();
    let (batch, max_new_tokens) = (settings.batch, settings.max_new_tokens);
    let forms = suite.task.evaluation_forms().to_vec();
    Evaluation { prompts, forms, targets, splits, limit, batch, max_new_tokens }
}

/// The wanted part of an axis, in the suite's order; what the axis lacks is noted in words.
fn narrow<T: Copy + PartialEq + Display>(
    axis: &str,
    all: &[T],
    wanted: &Option<Vec<T>>,
    lacking: &mut Vec<String>,
) -> Vec<T> {
    let Some(wanted) = wanted else { return all.to_vec() };
    let has = || all.iter().map(T::to_string).collect::<Vec<_>>().join(", ");
    for unknown in wanted.iter().filter(|item| !all.contains(item)) {
        lacking.push(format!("{axis} `{unknown}` (it has {})", has()));
    }
    all.iter().copied().filter(|item| wanted.contains(item)).collect()
}
