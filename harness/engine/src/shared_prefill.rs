//! A step's prompts prefilled once, for sampling and for the loss.
//!
//! The weights are the same in both, and so are the numbers. It needs the activations of all prompts at once, so it is
//! done where the update is one micro-batch.

use std::cell::RefCell;

use clsrl_libtorch::{OutOfMemory, catch_out_of_memory};
use clsrl_vlm::Model;
use tch::Tensor;

use crate::{
    EngineError,
    budget::MemoryBudgets,
    inputs::AskedPrompt,
    loss::{Group, StepGroups, StepPrompts},
    rollout::{Sampled, Sampler},
};

/// Samples the completions of a step's prompts. Leaves their prefill, with gradients, for the update to go on from
/// where it has memory for all of them at once.
pub(crate) fn sample_step(
    sampler: &Sampler,
    chosen: &[AskedPrompt],
    step: usize,
    budgets: &mut MemoryBudgets,
) -> Result<(Sampled, Option<StepPrompts>), EngineError> {
    let prompt_lengths: Vec<usize> = chosen.iter().map(|asked| asked.prompt.ids.len()).collect();
    if budgets.update.holds(&prompt_lengths) {
        match catch_out_of_memory(|| sampler.sample_and_keep_prefill(chosen, step)) {
            Ok(sampled) => return sampled.map(|(sampled, prompts)| (sampled, Some(prompts))),
            Err(OutOfMemory) => budgets.update.shrink(&prompt_lengths)?,
        }
    }
    let settings = sampler.settings;
    let longest = settings.generations * settings.max_new_tokens;
    let sizes: Vec<usize> = prompt_lengths.into_iter().map(|length| length + longest).collect();
    let parts = RefCell::new(Vec::new());
    let begin = || {
        parts.borrow_mut().clear();
        Ok(())
    };
    budgets.rollout.fit(&sizes, begin, |micro_batch| {
        let first = micro_batch.start;
        parts.borrow_mut().push(sampler.sample(&chosen[micro_batch], first, step)?);
        Ok(())
    })?;
    Ok((Sampled::concat(parts.into_inner()), None))
}

impl<'a> StepGroups<'a> {
    /// Builds the groups of some of a step's prompts, by their indices; `prompts` has all of the step's.
    pub(crate) fn new(
        in_loss: &[usize],
        group_of: impl Fn(usize) -> Group<'a>,
        prompts: Option<StepPrompts>,
        model: &Model,
    ) -> Self {
        let groups: Vec<Group> = in_loss.iter().map(|&prompt_idx| group_of(prompt_idx)).collect();
        let n_completions = groups.iter().map(|group| group.completions.len()).sum();
        let prompts = prompts.map(|prompts| select_prompts(prompts, in_loss, model));
        StepGroups { groups, prompts, n_completions }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Keeps the groups that have an advantage; the first one if none has.
    pub(crate) fn with_advantages(self, model: &Model) -> Self {
        let has = |group: &Group| group.advantages.iter().any(|advantage| *advantage != 0.0);
        let any = self.groups.iter().any(has);
        let is_kept = |(idx, group): &(usize, &Group)| if any { has(group) } else { *idx == 0 };
        let kept: Vec<usize> =
            self.groups.iter().enumerate().filter(is_kept).map(|(idx, _)| idx).collect();
        let prompts = self.prompts.map(|prompts| select_prompts(prompts, &kept, model));
        let groups = self.groups.into_iter().enumerate();
        let groups = groups.filter(|(idx, _)| kept.contains(idx)).map(|(_, group)| group).collect();
        StepGroups { groups, prompts, n_completions: self.n_completions }
    }
}

/// Selects the prompts whose groups are kept, which are all as a rule.
fn select_prompts(prompts: StepPrompts, kept: &[usize], model: &Model) -> StepPrompts {
    let StepPrompts { prefill, .. } = &prompts;
    if kept.len() as i64 == prefill.n_prompts() {
        return prompts;
    }
    let kept: Vec<i64> = kept.iter().map(|&prompt_idx| prompt_idx as i64).collect();
    let prefill = prefill.select(&Tensor::from_slice(&kept).to_device(model.device()));
    StepPrompts { prefill, batch: None }
}
