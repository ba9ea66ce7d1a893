//! The loss: GRPO's of groups of completions, and the token means of which SFT's is made as well.
//!
//! A group's prompt is run once for all of its completions, for the policy and for the reference. Logits are computed
//! for the scored tokens only; with 152,000 words that is most of the memory.

use std::cell::Cell;

use clsrl_libtorch::{clear_gradients, upload};
use clsrl_vlm::{Batch, Model, PadSide, Prefill, Prompt, backward_log_probs, token_log_probs};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{
    EngineError,
    advantage::k3,
    budget::TokenBudget,
    profiler::{Phase, profile},
    reference::Reference,
};

/// A group ready for the loss: one prompt, its completions, their advantages.
#[derive(Debug)]
pub struct Group<'a> {
    /// What its completions answer.
    pub prompt: &'a Prompt,
    /// What names the prompt among those of the training set; none if it is of no set.
    pub name: Option<String>,
    /// The scored tokens of each completion.
    pub completions: Vec<Vec<i64>>,
    /// One per completion.
    pub advantages: Vec<f64>,
}

impl Group<'_> {
    /// Tokens that the device runs for it.
    pub(crate) fn n_tokens(&self) -> usize {
        self.prompt.ids.len() + self.completions.iter().map(Vec::len).sum::<usize>()
    }
}

/// The groups of an optimizer step that are in its loss.
pub(crate) struct StepGroups<'a> {
    pub(crate) groups: Vec<Group<'a>>,
    /// The prompts of the groups, where the rollout has left them.
    pub(crate) prompts: Option<StepPrompts>,
    /// What the loss is a mean over; more than the groups have where some without a gradient are left out.
    pub(crate) n_completions: usize,
}

/// The prompts of a step as its rollout leaves them for the update.
pub(crate) struct StepPrompts {
    /// With gradients.
    pub(crate) prefill: Prefill,
    /// What was prefilled, as it lies on the device; none where only a part of it is in the loss.
    pub(crate) batch: Option<Batch>,
}

/// The loss of some groups, without gradients; sums are over completions.
#[derive(Debug)]
pub struct GroupLoss {
    /// Sum of the completions' losses.
    pub loss: Tensor,
    /// Sum of the completions' token-mean k3; 0 without a reference.
    pub kl: Tensor,
    /// Per scored token, completions one after the other.
    pub log_probs: Tensor,
    /// The same under the reference model.
    pub reference_log_probs: Tensor,
    /// The same for k3.
    pub token_kl: Tensor,
}

/// What a step came to: means over its completions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StepLoss {
    pub(crate) loss: f64,
    pub(crate) kl: f64,
}

/// The mean over completions of the token mean of `-(ratio * advantage - beta * k3)`.
pub struct GrpoLoss<'a> {
    /// The model whose leaves get gradients.
    pub policy: &'a Model,
    /// The model that the KL term holds to; none where that term weighs nothing.
    pub reference: Option<Reference<'a>>,
    /// Weight of the KL term.
    pub beta: f64,
    /// The id of padding.
    pub pad_id: i64,
}

impl GrpoLoss<'_> {
    /// Accumulates the gradients of a step in `leaves`, in micro-batches that fit the budget.
    pub(crate) fn accumulate_step(
        &self,
        step: StepGroups,
        leaves: &[Tensor],
        budget: &mut TokenBudget,
    ) -> Result<StepLoss, EngineError> {
        let StepGroups { groups, mut prompts, n_completions } = step;
        let sizes: Vec<usize> = groups.iter().map(Group::n_tokens).collect();
        let divisor = n_completions as f64;
        let sums = Tensor::zeros([2], (Kind::Float, self.policy.device()));
        let is_first = Cell::new(true);
        let begin = || {
            // It did not fit: what is kept must not be in the way.
            if !is_first.take()
                && let Some(kept) = self.reference.and_then(|reference| reference.kept)
            {
                kept.give_up();
            }
            let _ = sums.shallow_clone().zero_();
            Ok(clear_gradients(leaves)?)
        };
        budget.fit(&sizes, begin, |micro_batch| {
            // Prompts that were prefilled together serve all groups together.
            let prompts = prompts.take().filter(|_| micro_batch.len() == sizes.len());
            let parts = self.accumulate_after(prompts, &groups[micro_batch], divisor)?;
            let mut sums = sums.shallow_clone();
            sums += Tensor::stack(&[parts.loss, parts.kl], 0) / divisor;
            Ok(())
        })?;
        // The step's one wait for the device.
        let sums = Vec::<f64>::try_from(sums.to_kind(Kind::Double)).expect("two numbers");
        Ok(StepLoss { loss: sums[0], kl: sums[1] })
    }

    /// Accumulates the gradients of one micro-batch: groups of one size, their loss summed over completions and divided
    /// by `divisor`.
    pub fn accumulate(&self, groups: &[Group], divisor: f64) -> Result<GroupLoss, EngineError> {
        self.accumulate_after(None, groups, divisor)
    }

    /// As [`GrpoLoss::accumulate`]; what the rollout has left of the prompts is not made again.
    fn accumulate_after(
        &self,
        prompts: Option<StepPrompts>,
        groups: &[Group],
        divisor: f64,
    ) -> Result<GroupLoss, EngineError> {
        let policy = self.policy;
        let device = policy.device();
        let completions = Completions::new(groups, self.pad_id, device)?;
        let (prefill, batch) =
            prompts.map_or((None, None), |prompts| (Some(prompts.prefill), prompts.batch));
        let batch = match (batch, &prefill, self.reference) {
            (Some(batch), _, _) => Some(batch),
            (None, Some(_), None) => None, // nobody reads it
            (None, _, _) => Some(self.prompt_batch(groups)?),
        };
        let scored = &completions.scored;
        // First, so that nothing is kept for the backward pass meanwhile.
        let reference_log_probs = match self.reference {
            None => None,
            Some(reference) => {
                let batch = batch.as_ref().expect("a reference reads a batch");
                let log_probs =
                    || no_grad(|| self.reference_log_probs(reference, groups, &completions, batch));
                Some(profile(Phase::Reference, device, log_probs)?)
            }
        };
        let prefill = match (prefill, &batch) {
            (None, Some(batch)) => policy.prefill(batch),
            (prefill, _) => prefill.expect("prompts are prefilled or a batch"),
        };
        let hidden = completions.hidden(policy, &prefill);
        drop((prefill, batch));

        let advantages = completions.advantages.index_select(0, &scored.rows); // (scored)
        let mut loss = Tensor::zeros([0i64; 0], (Kind::Float, device));
        let log_probs = backward_log_probs(policy, &hidden, &scored.targets, |first, log_probs| {
            let n_tokens = log_probs.size()[0];
            let ratio = (log_probs - log_probs.detach()).exp();
            let token_loss = -ratio * advantages.narrow(0, first, n_tokens);
            let token_loss = match &reference_log_probs {
                None => token_loss,
                Some(reference) => {
                    token_loss + k3(log_probs, &reference.narrow(0, first, n_tokens)) * self.beta
                }
            };
            let chunk_loss = scored.narrow(first, n_tokens).row_means(&token_loss).sum(Kind::Float);
            loss += chunk_loss.detach();
            chunk_loss / divisor
        });
        let reference_log_probs = reference_log_probs.unwrap_or_else(|| log_probs.shallow_clone());
        let token_kl = k3(&log_probs, &reference_log_probs);
        let kl = scored.row_means(&token_kl).sum(Kind::Float);
        Ok(GroupLoss { loss, kl, log_probs, reference_log_probs, token_kl })
    }

    /// The log-probabilities of the scored tokens (n) under the reference.
    fn reference_log_probs(
        &self,
        reference: Reference<'_>,
        groups: &[Group],
        completions: &Completions,
        batch: &Batch,
    ) -> Result<Tensor, EngineError> {
        let keys_of =
            |group: &Group| reference.keys(group.prompt, group.name.as_deref(), self.pad_id);
        let keys = groups.iter().map(keys_of).collect::<Result<Vec<_>, _>>()?;
        let prefill = Prefill::of_keys(batch, &keys);
        let hidden = completions.hidden(reference.model, &prefill);
        Ok(token_log_probs(reference.model, &hidden, &completions.scored.targets))
    }

    fn prompt_batch(&self, groups: &[Group]) -> Result<Batch, EngineError> {
        let prompts: Vec<_> = groups.iter().map(|group| group.prompt).collect();
        let side = PadSide::of_prompts(self.policy.device());
        Ok(self.policy.batch(&prompts, side, self.pad_id)?)
    }
}

/// The completions of some groups as tensors: `rows` = groups × completions, `t` = longest completion.
struct Completions {
    n_generations: i64,
    ids: Tensor,        // (rows, t), padded on the right
    advantages: Tensor, // (rows), float32
    scored: ScoredTensors,
}

impl Completions {
    /// On the device, in one copy.
    fn new(groups: &[Group], pad_id: i64, device: Device) -> Result<Self, EngineError> {
        let rows: Vec<&Vec<i64>> = groups.iter().flat_map(|group| &group.completions).collect();
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let mut ids = vec![pad_id; rows.len() * width];
        let mut scored = ScoredTokens::new(rows.len());
        for (row, tokens) in rows.iter().enumerate() {
            let start = row * width;
            ids[start..start + tokens.len()].copy_from_slice(tokens);
            // The prompt's last state comes first in a row of states, so states and tokens align.
            scored.push_row(row, tokens.iter().enumerate().map(|(at, id)| (start + at, *id)));
        }
        let shape = [rows.len() as i64, width as i64];
        let advantages = groups.iter().flat_map(|group| &group.advantages);
        let advantages: Vec<f32> = advantages.map(|&advantage| advantage as f32).collect();
        let others = [Tensor::from_slice(&ids).view(shape), Tensor::from_slice(&advantages)];
        let (scored, [ids, advantages]) = scored.to_device_with(others, device)?;
        let n_generations = (rows.len() / groups.len()) as i64;
        Ok(Completions { n_generations, ids, advantages, scored })
    }

    /// The hidden states (n, c) that predict the scored tokens, after their prompts.
    fn hidden(&self, model: &Model, prompts: &Prefill) -> Tensor {
        let last = prompts.last_hidden.repeat_interleave_self_int(self.n_generations, 0, None);
        let n_inputs = self.ids.size()[1] - 1; // a completion's last token predicts nothing
        let hidden = model.continue_with(prompts, &self.ids.narrow(1, 0, n_inputs));
        let hidden = Tensor::cat(&[last.unsqueeze(1), hidden], 1); // (rows, t, c)
        hidden.flatten(0, 1).index_select(0, &self.scored.states)
    }
}

/// Scored tokens of a batch, collected row by row.
#[derive(Debug)]
pub(crate) struct ScoredTokens {
    n_rows: usize,
    states: Vec<i64>,
    targets: Vec<i64>,
    rows: Vec<i64>,
    weights: Vec<f64>,
}

/// The same on a device, all of shape (scored tokens).
#[derive(Debug)]
pub(crate) struct ScoredTensors {
    n_rows: i64,
    /// Positions of the predicting states in the flattened batch.
    pub(crate) states: Tensor,
    /// The tokens to predict.
    pub(crate) targets: Tensor,
    /// The row of each token.
    pub(crate) rows: Tensor,
    weights: Tensor,
}

impl ScoredTokens {
    pub(crate) fn new(n_rows: usize) -> Self {
        let (states, targets, rows, weights) = Default::default();
        ScoredTokens { n_rows, states, targets, rows, weights }
    }

    /// Adds a row's tokens, each as (position of its predicting state, the token).
    pub(crate) fn push_row(&mut self, row: usize, tokens: impl Iterator<Item = (usize, i64)>) {
        let before = self.targets.len();
        for (state, target) in tokens {
            self.states.push(state as i64);
            self.targets.push(target);
            self.rows.push(row as i64);
        }
        let n_tokens = self.targets.len() - before;
        self.weights.extend(std::iter::repeat_n(1.0 / n_tokens as f64, n_tokens));
    }

    pub(crate) fn to_device(&self, device: Device) -> Result<ScoredTensors, EngineError> {
        Ok(self.to_device_with([], device)?.0)
    }

    /// Brings other tensors to the device in the same copy.
    fn to_device_with<const N: usize>(
        &self,
        others: [Tensor; N],
        device: Device,
    ) -> Result<(ScoredTensors, [Tensor; N]), EngineError> {
        let indices = [&self.states, &self.targets, &self.rows].map(|of| Tensor::from_slice(of));
        let weights = Tensor::from_slice(&self.weights);
        let given = indices.iter().chain([&weights]).chain(&others);
        let given: Vec<_> = given.map(|tensor| (tensor, tensor.kind())).collect();
        let mut arrived = upload(&given, device)?.into_iter();
        let mut next = || arrived.next().expect("each tensor arrives");
        let n_rows = self.n_rows as i64;
        let [states, targets, rows, weights] = [(); 4].map(|()| next());
        Ok((ScoredTensors { n_rows, states, targets, rows, weights }, [(); N].map(|()| next())))
    }
}

impl ScoredTensors {
    /// Consecutive tokens, with the rows and weights that they have among all.
    pub(crate) fn narrow(&self, first: i64, n_tokens: i64) -> ScoredTensors {
        let narrow = |tensor: &Tensor| tensor.narrow(0, first, n_tokens);
        ScoredTensors {
            n_rows: self.n_rows,
            states: narrow(&self.states),
            targets: narrow(&self.targets),
            rows: narrow(&self.rows),
            weights: narrow(&self.weights),
        }
    }

    /// The mean of a per-token value over each row's tokens, shape (rows), float32; 0 for a row without
    /// any. Summed in float64: token after token in float32 a long row would lose its last digits.
    pub(crate) fn row_means(&self, per_token: &Tensor) -> Tensor {
        Tensor::zeros([self.n_rows], (Kind::Double, per_token.device()))
            .index_add(0, &self.rows, &(per_token.to_kind(Kind::Double) * &self.weights))
            .to_kind(Kind::Float)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_a_long_row_is_as_exact_as_its_tokens() {
        let lengths = [3000, 7, 0];
        let mut scored = ScoredTokens::new(lengths.len());
        for (row, length) in lengths.into_iter().enumerate() {
            scored.push_row(row, (0..length).map(|at| (at, 0)));
        }
        let scored = scored.to_device(Device::Cpu).unwrap();
        let values = Tensor::full([3007], 9.7, (Kind::Float, Device::Cpu));
        let means: Vec<f32> = scored.row_means(&values).try_into().unwrap();
        assert_eq!(means, [9.7, 9.7, 0.0]);
    }
}
