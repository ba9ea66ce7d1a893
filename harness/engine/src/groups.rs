//! The loss of groups, and the gradients that it gives.
//!
//! A group's prompt is run once for all of its completions, for the policy and for the reference.

use clsrl_vlm::{Batch, Model, PadSide, Prefill, Prompt, backward_log_probs, token_log_probs};
use tch::{Kind, Tensor, no_grad};

use crate::{
    EngineError,
    advantage::k3,
    profiler::{Phase, profile},
    scored::{ScoredTensors, ScoredTokens},
};

/// A group ready for the loss: one prompt, its completions, their advantages.
#[derive(Debug)]
pub struct Group<'a> {
    /// The prompt.
    pub prompt: &'a Prompt,
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

/// What the loss of some groups is made of, without gradients; sums are over completions.
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

/// What the loss of groups is computed with.
pub struct Pass<'a> {
    /// The policy, whose leaves get gradients.
    pub model: &'a Model,
    /// The model that the KL term holds to; none where that term weighs nothing.
    pub reference: Option<&'a Model>,
    /// Weight of the KL term.
    pub beta: f64,
    /// Fills rows up.
    pub pad_id: i64,
}

impl Pass<'_> {
    /// Adds the gradients of the loss of groups of one size, summed over their completions and divided by `divisor`.
    /// Reads their prompts unless they were read before.
    pub fn accumulate(
        &self,
        groups: &[Group],
        prefill: Option<Prefill>,
        divisor: f64,
    ) -> Result<GroupLoss, EngineError> {
        let model = self.model;
        let completions = Completions::new(groups, self.pad_id, model);
        let scored = &completions.scored;
        let batch = || {
            let prompts: Vec<_> = groups.iter().map(|group| group.prompt).collect();
            let side = PadSide::of_prompts(model.device());
            Batch::new(&prompts, side, self.pad_id, model.config(), model.device())
        };
        // First, so that nothing is kept for the backward pass meanwhile.
        let reference_log_probs = match self.reference {
            None => None,
            Some(reference) => {
                let batch = batch()?;
                let log_probs = || {
                    let states = completions.states(reference, &reference.prefill(&batch));
                    token_log_probs(reference, &states, &scored.targets)
                };
                Some(profile(Phase::Reference, model.device(), || no_grad(log_probs)))
            }
        };
        let prefill = match prefill {
            Some(prefill) => prefill,
            None => model.prefill(&batch()?),
        };
        let states = completions.states(model, &prefill);
        drop(prefill);

        let advantages: Vec<f32> =
            groups.iter().flat_map(|group| &group.advantages).map(|&a| a as f32).collect();
        let advantages =
            Tensor::from_slice(&advantages).to_device(model.device()).index_select(0, &scored.rows);
        let mut loss = Tensor::zeros([0i64; 0], (Kind::Float, model.device()));
        let log_probs = backward_log_probs(model, &states, &scored.targets, |first, log_probs| {
            let n_tokens = log_probs.size()[0];
            let ratio = (log_probs - log_probs.detach()).exp();
            let token_loss = -ratio * advantages.narrow(0, first, n_tokens);
            let token_loss = match &reference_log_probs {
                None => token_loss,
                Some(reference) => {
                    token_loss + k3(log_probs, &reference.narrow(0, first, n_tokens)) * self.beta
                }
            };
            let of_chunk = scored.part(first, n_tokens).row_means(&token_loss).sum(Kind::Float);
            loss += of_chunk.detach();
            of_chunk / divisor
        });
        let reference_log_probs = reference_log_probs.unwrap_or_else(|| log_probs.shallow_clone());
        let token_kl = k3(&log_probs, &reference_log_probs);
        let kl = scored.row_means(&token_kl).sum(Kind::Float);
        Ok(GroupLoss { loss, kl, log_probs, reference_log_probs, token_kl })
    }
}

/// The completions of some groups as tensors: `rows` = groups × completions, `t` = longest completion.
struct Completions {
    group: i64,
    ids: Tensor, // (rows, t), padded on the right
    scored: ScoredTensors,
}

impl Completions {
    fn new(groups: &[Group], pad_id: i64, model: &Model) -> Self {
        let rows: Vec<&Vec<i64>> = groups.iter().flat_map(|group| &group.completions).collect();
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let mut ids = vec![pad_id; rows.len() * width];
        let mut scored = ScoredTokens::new(rows.len());
        for (row, tokens) in rows.iter().enumerate() {
            let start = row * width;
            ids[start..start + tokens.len()].copy_from_slice(tokens);
            // The prompt's last state stands first in a row of states, so states and tokens align.
            scored.push_row(row, tokens.iter().enumerate().map(|(at, id)| (start + at, *id)));
        }
        let shape = [rows.len() as i64, width as i64];
        Completions {
            group: (rows.len() / groups.len()) as i64,
            ids: Tensor::from_slice(&ids).reshape(shape).to_device(model.device()),
            scored: scored.to_device(model.device()),
        }
    }

    /// The states (n, c) that predict the scored tokens, behind their prompts.
    fn states(&self, model: &Model, prompts: &Prefill) -> Tensor {
        let last = prompts.last_hidden.repeat_interleave_self_int(self.group, 0, None).unsqueeze(1);
        let n_inputs = self.ids.size()[1] - 1; // a completion's last token predicts nothing
        let hidden = model.continue_with(prompts, &self.ids.narrow(1, 0, n_inputs));
        let states = Tensor::cat(&[last, hidden], 1); // (rows, t, c)
        states.flatten(0, 1).index_select(0, &self.scored.states)
    }
}
