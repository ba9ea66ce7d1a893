//! The sections of a suite and of its protocol that say how trials are trained, evaluated and run.

use super::{
    EvaluationPlan, Execution, MAX_THREADS, PerDataset, Targets,
    read::{Bound, Section, Value},
};
use crate::{Duration, GrpoSettings, OptimizerSettings, PromptStyle, SftSettings, Training};

pub(super) fn targets(value: &Value) -> Option<Targets> {
    match value.written().trim_matches(['"', '\'']) {
        "all" => Some(Targets::All),
        "source" => Some(Targets::Source),
        text if text.starts_with('[') => value.names("dataset").map(Targets::List),
        _ => {
            let written = value.written();
            value.refuse(format!(
                "`targets` must be \"all\", \"source\" or a list of datasets, found {written}"
            ));
            None
        }
    }
}

pub(super) fn evaluation(section: &Section) -> Option<EvaluationPlan> {
    let split = section.take("split").and_then(|value| value.per_dataset(|v| v.name("split")));
    let limit = section.find("limit").and_then(|value| value.count(1));
    let batch = section.count("batch", 1);
    let max_new_tokens = section.count("max_new_tokens", 1);
    section.finish();
    Some(EvaluationPlan { split: split?, limit, batch: batch?, max_new_tokens: max_new_tokens? })
}

pub(super) fn execution(section: &Section) -> Option<Execution> {
    let precision = section.name("precision", "precision");
    let threads = section.take("threads").and_then(|value| value.count_up_to(1, MAX_THREADS));
    let jobs = section.count("jobs", 1);
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

fn optimizer(section: &Section, common: Option<&CommonOptimizer>) -> Option<OptimizerSettings> {
    let learning_rate = section.number("learning_rate", Bound::Positive)?;
    let &CommonOptimizer { beta1, beta2, epsilon, weight_decay, max_grad_norm } = common?;
    Some(OptimizerSettings { learning_rate, beta1, beta2, epsilon, weight_decay, max_grad_norm })
}

fn duration(section: &Section) -> Option<PerDataset<Duration>> {
    let epochs =
        section.take("epochs").and_then(|value| value.per_dataset(|v| v.number(Bound::Epochs)));
    let prompts_per_step = section.count("prompts_per_step", 1);
    let accumulation = section.take("accumulation").and_then(|value| {
        let accumulation = value.count(1)?;
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
    let micro_batch = section.count("micro_batch", 1);
    let (duration, optimizer, micro_batch) = (duration?, optimizer?, micro_batch?);
    Some(PerDataset::from_fn(|dataset| {
        Training::Sft(SftSettings {
            duration: duration.of(dataset).clone(),
            optimizer: optimizer.clone(),
            micro_batch,
        })
    }))
}

/// A section of an RL method.
pub(super) fn grpo(
    section: &Section,
    common: Option<&CommonOptimizer>,
    prompt: PromptStyle,
) -> Option<PerDataset<Training>> {
    let duration = duration(section);
    let optimizer = optimizer(section, common);
    // The unbiased deviation of a group needs two completions.
    let generations = section.count("generations", 2);
    let beta = section.number("beta", Bound::NonNegative);
    let advantage_epsilon = section.number("advantage_epsilon", Bound::Positive);
    let temperature = section.number("temperature", Bound::Positive);
    let top_k = section.count("top_k", 0);
    let top_p = section.number("top_p", Bound::Share);
    let max_prompt_tokens =
        section.take("max_prompt_tokens").and_then(|value| value.per_dataset(|v| v.count(1)));
    let max_new_tokens = section.count("max_new_tokens", 1);
    let micro_batch = section.count("micro_batch", 1);
    let rewards = section.take("rewards").and_then(|value| value.names("reward"));
    let zero_variance_groups = section.name("zero_variance_groups", "rule for equal rewards");
    section.finish();

    let (duration, optimizer, generations) = (duration?, optimizer?, generations?);
    let (beta, advantage_epsilon, temperature) = (beta?, advantage_epsilon?, temperature?);
    let (top_k, top_p, max_prompt_tokens) = (top_k?, top_p?, max_prompt_tokens?);
    let (max_new_tokens, micro_batch) = (max_new_tokens?, micro_batch?);
    let (rewards, zero_variance_groups) = (rewards?, zero_variance_groups?);
    Some(PerDataset::from_fn(|dataset| {
        Training::Grpo(GrpoSettings {
            prompt,
            duration: duration.of(dataset).clone(),
            optimizer: optimizer.clone(),
            generations,
            beta,
            advantage_epsilon,
            temperature,
            top_k,
            top_p,
            max_prompt_tokens: *max_prompt_tokens.of(dataset),
            max_new_tokens,
            micro_batch,
            rewards: rewards.clone(),
            zero_variance_groups,
        })
    }))
}
