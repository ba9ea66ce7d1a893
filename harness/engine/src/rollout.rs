//! Sampling the completions of an optimizer step; what differs from the released trainer: `grpo`.

use std::cell::RefCell;

use clsrl_libtorch::{OutOfMemory, catch_out_of_memory};
use clsrl_spec::{EndMask, derive_seed};
use clsrl_vlm::{Batch, Decoding, Model, PadSide, Prefill, Sampling, generate};
use tch::no_grad;

use crate::{
    EngineError,
    grpo::{Grpo, MemoryBudgets},
    inputs::AskedPrompt,
    profiler::{Phase, profile},
};

/// One sampled completion.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// Its tokens, the stop token included.
    pub ids: Vec<i64>,
    /// Whether it ended by a stop token, not by the longest length.
    pub stopped: bool,
    /// Its text, special tokens left out.
    pub text: String,
    /// The right class name.
    pub gold: String,
}

/// What was sampled for a step's prompts.
pub struct Sampled {
    /// The completions, prompt by prompt.
    pub rollouts: Vec<Rollout>,
    /// Mean token entropy in nats.
    pub mean_entropy: Option<f64>,
    /// The prompts as they were read, if with gradients.
    pub prefill: Option<Prefill>,
}

/// Samples `generations` completions per prompt, prompt by prompt. Each completion draws from a stream
/// of its own, named by seed, step, place in the step and generation.
///
/// A step whose update is one micro-batch has its prompts read with gradients, so that the update can go on from
/// there: the weights are the same, and so are the numbers.
pub fn sample(
    grpo: &Grpo,
    model: &Model,
    chosen: &[AskedPrompt],
    step: usize,
    budgets: &mut MemoryBudgets,
) -> Result<Sampled, EngineError> {
    let of_prompt = |asked: &AskedPrompt| asked.prompt.ids.len();
    let sizes: Vec<usize> = chosen.iter().map(of_prompt).collect();
    if budgets.update.holds(&sizes) {
        let read_once = || sample_part(grpo, model, (chosen, 0), step, true);
        match catch_out_of_memory(read_once) {
            Ok(sampled) => return sampled,
            Err(OutOfMemory) => budgets.update.shrink(&sizes)?,
        }
    }
    let longest = grpo.settings.generations * grpo.settings.max_new_tokens;
    let sizes: Vec<usize> = sizes.into_iter().map(|size| size + longest).collect();
    let parts = RefCell::new(Vec::new());
    let begin = || {
        parts.borrow_mut().clear();
        Ok(())
    };
    budgets.rollout.fit(&sizes, begin, |run| {
        let part = sample_part(grpo, model, (&chosen[run.clone()], run.start), step, false)?;
        parts.borrow_mut().push(part);
        Ok(())
    })?;
    Ok(joined(parts.into_inner()))
}

/// One after the other; entropies count for as much as there are tokens.
fn joined(mut parts: Vec<Sampled>) -> Sampled {
    if parts.len() == 1 {
        return parts.swap_remove(0);
    }
    let n_tokens = |part: &Sampled| part.rollouts.iter().map(|rollout| rollout.ids.len()).sum();
    let lengths: Vec<usize> = parts.iter().map(n_tokens).collect();
    let weighed = parts.iter().zip(&lengths);
    let sums = weighed.map(|(part, n_tokens)| Some(part.mean_entropy? * *n_tokens as f64));
    let mean_entropy =
        sums.sum::<Option<f64>>().map(|sum| sum / lengths.iter().sum::<usize>() as f64);
    let rollouts = parts.into_iter().flat_map(|part| part.rollouts).collect();
    Sampled { rollouts, mean_entropy, prefill: None }
}

/// Samples for some of a step's prompts, the first of which has a place in the step.
fn sample_part(
    grpo: &Grpo,
    model: &Model,
    (chosen, first): (&[AskedPrompt], usize),
    step: usize,
    with_gradients: bool,
) -> Result<Sampled, EngineError> {
    let settings = grpo.settings;
    let group = settings.generations;
    let policy = model.frozen_copy(false);
    let prompts: Vec<_> = chosen.iter().map(|asked| &asked.prompt).collect();
    let side = PadSide::of_prompts(model.device());
    let batch = Batch::new(&prompts, side, grpo.pad_id, model.config(), model.device())?;
    let rows = first * group..(first + chosen.len()) * group;
    let seed_of =
        |row: usize| derive_seed(grpo.seed, &["rollout", &step.to_string(), &row.to_string()]);
    let row_seeds: Vec<u64> = rows.map(seed_of).collect();
    let decoding = Decoding::Sample(Sampling {
        temperature: settings.temperature,
        top_k: settings.top_k,
        top_p: settings.top_p,
    });
    let prefill = profile(Phase::Prefill, model.device(), || match with_gradients {
        true => model.prefill(&batch),
        false => no_grad(|| policy.prefill(&batch)),
    });
    let generated = profile(Phase::Decode, model.device(), || {
        generate(&policy, &prefill, &decoding, settings.max_new_tokens, grpo.stop_ids, &row_seeds)
    });
    let generated = generated.map_err(|error| {
        EngineError::from(error).about("completion", |row| &chosen[row / group].image)
    })?;
    let golds = chosen.iter().flat_map(|asked| std::iter::repeat_n(&asked.gold, group));
    let rollouts = generated
        .completions
        .into_iter()
        .zip(golds)
        .map(|(completion, gold)| Rollout {
            text: grpo.rewarder.decode(&completion.ids),
            ids: completion.ids,
            stopped: completion.stopped,
            gold: gold.clone(),
        })
        .collect();
    let prefill = with_gradients.then_some(prefill);
    Ok(Sampled { rollouts, mean_entropy: generated.mean_entropy, prefill })
}

/// The tokens of one group's completions that the loss counts. A completion that another stop token
/// than `<|im_end|>` ended counts, under [`EndMask::ImEnd`], with its padding to the group's width.
pub fn scored_completions(
    group: &[Rollout],
    end_mask: EndMask,
    im_end: i64,
    pad_id: i64,
) -> Vec<Vec<i64>> {
    let width = group.iter().map(|rollout| rollout.ids.len()).max().unwrap_or(0);
    let scored = |rollout: &Rollout| {
        let mut ids = rollout.ids.clone();
        let runs_on = rollout.stopped && ids.last() != Some(&im_end);
        if end_mask == EndMask::ImEnd && runs_on {
            ids.resize(width, pad_id);
        }
        ids
    };
    group.iter().map(scored).collect()
}
