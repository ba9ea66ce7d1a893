//! The sections of a suite that say how trials are trained, evaluated and run.

use std::collections::BTreeMap;

use super::{
    EvaluationPlan, Execution, MAX_THREADS, PerDataset, Targets,
    read::{Bound, Section, Value},
};
use crate::{
    Duration, GrpoSettings, MethodId, OptimizerSettings, PromptStyle, SftSettings, Training,
};

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

/// Settings of every method that has a section; a method that the suite lists must have one.
pub(super) fn training(
    suite: &Section,
    methods: &[MethodId],
) -> BTreeMap<MethodId, PerDataset<Training>> {
    let section = |method: MethodId, key| {
        let value = if methods.contains(&method) { suite.take(key) } else { suite.find(key) };
        value.and_then(|value| value.section())
    };
    let sft = section(MethodId::Sft, "sft");
    let cls_rl = section(MethodId::ClsRl, "cls-rl");
    let no_thinking = section(MethodId::NoThinkingClsRl, "no-thinking-cls-rl");
    let trains = sft.is_some() || cls_rl.is_some() || no_thinking.is_some();
    let common = if trains { suite.take("optimizer") } else { suite.find("optimizer") };
    let common = common.and_then(|value| common_optimizer(&value.section()?));

    let sft = sft.and_then(|section| sft_settings(&section, common.as_ref()));
    let thinking = PromptStyle::Thinking;
    let cls_rl = cls_rl.and_then(|section| grpo_settings(&section, common.as_ref(), thinking));
    let direct = PromptStyle::Direct;
    let no_thinking =
        no_thinking.and_then(|section| grpo_settings(&section, common.as_ref(), direct));
    [(MethodId::Sft, sft), (MethodId::ClsRl, cls_rl), (MethodId::NoThinkingClsRl, no_thinking)]
        .into_iter()
        .filter_map(|(method, settings)| Some((method, settings?)))
        .collect()
}

/// What all methods share of the optimizer; the learning rate is each method's own.
struct CommonOptimizer {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    max_grad_norm: f64,
}

fn common_optimizer(section: &Section) -> Option<CommonOptimizer> {
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

fn sft_settings(
    section: &Section,
    common: Option<&CommonOptimizer>,
) -> Option<PerDataset<Training>> {
    let duration = duration(section);
    let optimizer = optimizer(section, common);
    let micro_batch = section.count("micro_batch", 1);
    section.finish();
    let (duration, optimizer, micro_batch) = (duration?, optimizer?, micro_batch?);
    Some(PerDataset::from_fn(|dataset| {
        Training::Sft(SftSettings {
            duration: duration.of(dataset).clone(),
            optimizer: optimizer.clone(),
            micro_batch,
        })
    }))
}

fn grpo_settings(
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
    section.finish();

    let (duration, optimizer, generations) = (duration?, optimizer?, generations?);
    let (beta, advantage_epsilon, temperature) = (beta?, advantage_epsilon?, temperature?);
    let (top_k, top_p, max_prompt_tokens) = (top_k?, top_p?, max_prompt_tokens?);
    let (max_new_tokens, micro_batch) = (max_new_tokens?, micro_batch?);
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
        })
    }))
}
