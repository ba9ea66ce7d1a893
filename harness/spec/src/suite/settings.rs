//! The sections of a suite and of its protocol that say how trials are trained, evaluated and run.

use std::ops::RangeInclusive;

use super::{
    EvaluationPlan, Execution, PerDataset, Targets,
    read::{Bound, Section, Value},
};
use crate::{
    Duration, GrpoSettings, OptimizerSettings, PromptStyle, SftSettings, Training,
    ranges::{MAX_BATCH, MAX_GENERATIONS, MAX_IMAGES, MAX_JOBS, MAX_THREADS, MAX_TOKENS},
};

pub(super) fn targets(value: &Value) -> Option<Targets> {
    match value.source_text().trim_matches(['"', '\'']) {
        "all" => Some(Targets::All),
        "source" => Some(Targets::Source),
        text if text.starts_with('[') => value.names("dataset").map(Targets::List),
        _ => {
            let written = value.source_text();
            value.refuse(format!(
                "`targets` must be \"all\", \"source\" or a list of datasets, found {written}"
            ));
            None
        }
    }
}

pub(super) fn evaluation(section: &Section) -> Option<EvaluationPlan> {
    let split = section.take("split").and_then(|value| value.per_dataset(|v| v.name("split")));
    let limit = section.find("limit").and_then(|value| value.count_up_to(1, MAX_IMAGES));
    let batch = section.count("batch", 1, MAX_BATCH);
    let max_new_tokens = section.count("max_new_tokens", 1, MAX_TOKENS);
    section.finish();
    Some(EvaluationPlan { split: split?, limit, batch: batch?, max_new_tokens: max_new_tokens? })
}

pub(super) fn execution(section: &Section) -> Option<Execution> {
    let precision = section.name("precision", "precision");
    let threads = section.take("threads").and_then(|value| value.count_up_to(1, MAX_THREADS));
    let jobs = section.count("jobs", 1, MAX_JOBS);
    section.finish();
    Some(Execution { precision: precision?, threads: threads?, jobs: jobs? })
}

/// What all methods share of the optimizer; the learning rate is each method's own.
pub(super) struct CommonOptimizer {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    max_grad_norm: f64,
}

pub(super) fn common_optimizer(section: &Section) -> Option<CommonOptimizer> {
    let beta1 = section.number("beta1", Bound::Decay);
    let beta2 = section.number("beta2", Bound::Decay);
    let epsilon = section.number("epsilon", Bound::Positive);
    let weight_decay = section.number("weight_decay", Bound::NonNegative);
    let max_grad_norm = section.number("max_grad_norm", Bound::Positive);
    section.finish();
    Some(CommonOptimizer {
        beta1: beta1?,
        beta2: beta2?,
        epsilon: epsilon?,
        weight_decay: weight_decay?,
        max_grad_norm: max_grad_norm?,
    })
}

fn optimizer(
    section: &Section,
    common: Option<&CommonOptimizer>,
) -> Option<PerDataset<OptimizerSettings>> {
    let rates = number(section, "learning_rate", Bound::Positive)?;
    let &CommonOptimizer { beta1, beta2, epsilon, weight_decay, max_grad_norm } = common?;
    Some(PerDataset::from_fn(|dataset| OptimizerSettings {
        learning_rate: *rates.of(dataset),
        beta1,
        beta2,
        epsilon,
        weight_decay,
        max_grad_norm,
    }))
}

/// A number for all datasets, or for each.
fn number(section: &Section, key: &'static str, bound: Bound) -> Option<PerDataset<f64>> {
    section.take(key)?.per_dataset(|value| value.number(bound))
}

/// An integer for all datasets, or for each.
fn count(
    section: &Section,
    key: &'static str,
    range: RangeInclusive<usize>,
) -> Option<PerDataset<usize>> {
    section.take(key)?.per_dataset(|value| value.count_up_to(*range.start(), *range.end()))
}

fn duration(section: &Section) -> Option<PerDataset<Duration>> {
    let epochs = number(section, "epochs", Bound::Epochs);
    let prompts_per_step = section.count("prompts_per_step", 1, MAX_BATCH);
    let accumulation = section.take("accumulation").and_then(|value| {
        let accumulation = value.count_up_to(1, MAX_BATCH)?;
        let prompts = prompts_per_step?;
        if prompts % accumulation != 0 {
            value.refuse(format!(
                "`accumulation` must divide `prompts_per_step` ({prompts}), found {accumulation}"
            ));
            return None;
        }
        Some(accumulation)
    });
    let (epochs, prompts_per_step, accumulation) = (epochs?, prompts_per_step?, accumulation?);
    Some(PerDataset::from_fn(|dataset| Duration {
        epochs: *epochs.of(dataset),
        prompts_per_step,
        accumulation,
    }))
}

/// The part of `[sft]` that says how long and with what is trained.
pub(super) fn sft(
    section: &Section,
    common: Option<&CommonOptimizer>,
) -> Option<PerDataset<Training>> {
    let duration = duration(section);
    let optimizer = optimizer(section, common);
    let micro_batch = section.count("micro_batch", 1, MAX_BATCH);
    let (duration, optimizer, micro_batch) = (duration?, optimizer?, micro_batch?);
    Some(PerDataset::from_fn(|dataset| {
        Training::Sft(SftSettings {
            duration: duration.of(dataset).clone(),
            optimizer: optimizer.of(dataset).clone(),
            micro_batch,
        })
    }))
}

/// A section of an RL method, which has its rewards itself and may have the rest from `[grpo]`.
pub(super) fn grpo(
    section: &Section,
    common: Option<&CommonOptimizer>,
    prompt: PromptStyle,
) -> Option<PerDataset<Training>> {
    let duration = duration(section);
    let optimizer = optimizer(section, common);
    // The unbiased deviation of a group needs two completions.
    let generations = count(section, "generations", 2..=MAX_GENERATIONS);
    let beta = number(section, "beta", Bound::NonNegative);
    let beta_start = match section.find("beta_start") {
        None => Some(None), // the weight stays as it is
        Some(value) => value.per_dataset(|value| value.number(Bound::NonNegative)).map(Some),
    };
    let advantage_epsilon = number(section, "advantage_epsilon", Bound::Positive);
    let temperature = number(section, "temperature", Bound::Positive);
    let top_k = count(section, "top_k", 0..=MAX_TOKENS);
    let top_p = number(section, "top_p", Bound::Share);
    let max_prompt_tokens = count(section, "max_prompt_tokens", 1..=MAX_TOKENS);
    let max_new_tokens = count(section, "max_new_tokens", 1..=MAX_TOKENS);
    let micro_batch = section.count("micro_batch", 1, MAX_BATCH);
    let rewards = section.take_own("rewards").and_then(|value| value.names("reward"));
    let zero_variance_groups = section
        .take("zero_variance_groups")
        .and_then(|value| value.per_dataset(|v| v.name("rule for equal rewards")));
    section.finish();

    let (duration, optimizer, generations) = (duration?, optimizer?, generations?);
    let (beta, beta_start) = (beta?, beta_start?);
    let (advantage_epsilon, temperature) = (advantage_epsilon?, temperature?);
    let (top_k, top_p, max_prompt_tokens) = (top_k?, top_p?, max_prompt_tokens?);
    let (max_new_tokens, micro_batch) = (max_new_tokens?, micro_batch?);
    let (rewards, zero_variance_groups) = (rewards?, zero_variance_groups?);
    Some(PerDataset::from_fn(|dataset| {
        Training::Grpo(GrpoSettings {
            prompt,
            duration: duration.of(dataset).clone(),
            optimizer: optimizer.of(dataset).clone(),
            generations: *generations.of(dataset),
            beta: *beta.of(dataset),
            beta_start: beta_start.as_ref().map(|start| *start.of(dataset)),
            advantage_epsilon: *advantage_epsilon.of(dataset),
            temperature: *temperature.of(dataset),
            top_k: *top_k.of(dataset),
            top_p: *top_p.of(dataset),
            max_prompt_tokens: *max_prompt_tokens.of(dataset),
            max_new_tokens: *max_new_tokens.of(dataset),
            micro_batch,
            rewards: rewards.clone(),
            zero_variance_groups: *zero_variance_groups.of(dataset),
        })
    }))
}
