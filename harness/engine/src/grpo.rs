//! GRPO: the one loop behind CLS-RL and No-Thinking-CLS-RL.
//!
//! Deviations from the released trainer (a fork of TRL 0.14):
//! - A group's prompt is read once and its keys and values are shared by the group's completions, in
//!   sampling, in the reference pass and in the differentiated pass; the numbers are the same. Where a step
//!   is one micro-batch, sampling and the differentiated pass share that reading as well.
//! - Without a KL term there is no reference pass, and a group without advantages is not run.
//! - All prompts of an optimizer step roll out together.
//! - A prompt longer than the limit is an error; there its tail is taken for part of the completion.
//! - Log-probabilities are taken in float32; there, by reading, in the model's bfloat16.
//! - A step of fewer prompts than others weighs as much as they do; there the divisor stays the same.
//! - A sampled image placeholder is a token like others; there the forward pass fails.
//! - A loss or gradient norm that is not finite ends the trial; there training goes on.
//! - Random numbers come from streams of our own, one per completion; there from torch's generator.
//! - Which examples a step sees: `order`.
//! - Where a completion's mask ends is a field of the protocol (`end_mask`), and so is whether a group
//!   whose rewards are all equal stays in the loss (`zero_variance_groups`).
//!
//! As there: one update per batch, so the ratio is 1 in value and needs no clip; the loss is the mean
//! over completions of the token mean of `-(ratio * advantage - beta * k3)`.

use clsrl_spec::{
    EndMask, GrpoSettings, RolloutRecord, Seed, StepRecord, StepSeconds, ZeroVariance,
};
use clsrl_vlm::{Batch, Model, PadSide, Prefill, token_log_probs};
use tch::{Kind, Tensor, no_grad};

use crate::{
    AdamW, EngineError,
    adamw::linear_schedule,
    advantage::{advantages, has_variance, k3, zero_variance_share},
    clock::{TrainingClock, timed},
    inputs::AskedPrompt,
    laps::{Phase, lap},
    order::{EpochOrder, Prepare, check_finite},
    rewarder::Rewarder,
    rollout::{Rollout, Sampled, sample, scored_completions},
    scored::ScoredTokens,
};

/// What a GRPO run works with.
pub struct Grpo<'a> {
    /// The settings.
    pub settings: &'a GrpoSettings,
    /// Reads completions and pays them.
    pub rewarder: &'a dyn Rewarder,
    /// Where a completion's mask ends.
    pub end_mask: EndMask,
    /// Tokens that end a completion.
    pub stop_ids: &'a [i64],
    /// Fills rows up.
    pub pad_id: i64,
    /// The end of a turn.
    pub im_end: i64,
    /// The seed of sampling.
    pub seed: Seed,
}

/// A group ready for the loss: one prompt, its completions, their advantages.
#[derive(Debug)]
pub struct Group<'a> {
    /// The prompt.
    pub prompt: &'a clsrl_vlm::Prompt,
    /// The scored tokens of each completion.
    pub completions: Vec<Vec<i64>>,
    /// One per completion.
    pub advantages: Vec<f64>,
}

/// What the loss of some groups is made of; sums are over completions.
#[derive(Debug)]
pub struct GroupLoss {
    /// Sum of the completions' losses, differentiable.
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

impl Grpo<'_> {
    /// Trains a model against a frozen copy of its start; `prepare` makes the prompts of a step from
    /// their positions in the training set, `on_step` hears of every optimizer step.
    pub fn train(
        &self,
        model: &Model,
        order: &mut EpochOrder,
        prepare: &Prepare<AskedPrompt>,
        on_step: &mut dyn FnMut(StepRecord) -> Result<(), EngineError>,
    ) -> Result<TrainingClock, EngineError> {
        let reference = self.reference(model);
        let optimizer_settings = &self.settings.optimizer;
        let mut optimizer = AdamW::new(model.trained_parameters(), optimizer_settings);
        let n_steps = self.settings.duration.total_steps(order.n_examples());
        let mut clock = TrainingClock::default();
        for step in 1..=n_steps {
            let mut seconds = StepSeconds::default();
            let next = || lap(Phase::Preprocess, model.device(), || prepare(&order.next_batch()));
            let chosen = timed(&mut seconds.load, next)?;
            self.check_prompt_lengths(&chosen)?;
            let policy = model.working_copy();
            let rollout = timed(&mut seconds.rollout, || self.roll_out(&policy, &chosen, step))?;
            let StepRollout { groups, record, n_tokens, reward_seconds } = rollout;
            let learning_rate = linear_schedule(optimizer_settings.learning_rate, step, n_steps);
            let (loss, kl, grad_norm) = timed(&mut seconds.update, || {
                if groups.is_empty() {
                    return Ok((0.0, 0.0, 0.0)); // every group was dropped: nothing to learn
                }
                let (loss, kl) = lap(Phase::Update, model.device(), || {
                    self.update(&policy, reference.as_ref(), groups)
                })?;
                let step = || optimizer.step(learning_rate);
                Ok::<_, EngineError>((loss, kl, lap(Phase::Optimizer, model.device(), step)?))
            })?;
            seconds.reward = reward_seconds;
            clock.add_step(seconds);
            clock.n_images += chosen.len();
            clock.n_tokens += n_tokens;
            check_finite(step, loss, grad_norm)?;
            let rollout = Some(RolloutRecord { kl, ..record });
            on_step(StepRecord { step, loss, grad_norm, learning_rate, rollout })?;
        }
        Ok(clock)
    }

    /// Accumulates the gradients of the first step, and takes no step.
    pub(crate) fn accumulate_first(
        &self,
        model: &Model,
        chosen: &[AskedPrompt],
    ) -> Result<(), EngineError> {
        let (reference, policy) = (self.reference(model), model.working_copy());
        self.check_prompt_lengths(chosen)?;
        let rollout = self.roll_out(&policy, chosen, 1)?;
        self.update(&policy, reference.as_ref(), rollout.groups).map(|_| ())
    }

    /// The model that the KL term holds to; none where that term weighs nothing.
    fn reference(&self, model: &Model) -> Option<Model> {
        (self.settings.beta != 0.0).then(|| model.frozen_start())
    }

    fn check_prompt_lengths(&self, prompts: &[AskedPrompt]) -> Result<(), EngineError> {
        let limit = self.settings.max_prompt_tokens;
        match prompts.iter().find(|asked| limit < asked.prompt.ids.len()) {
            None => Ok(()),
            Some(asked) => {
                let (image, found) = (asked.image.clone(), asked.prompt.ids.len());
                Err(EngineError::PromptTooLong { image, found, limit })
            }
        }
    }

    fn roll_out<'p>(
        &self,
        model: &Model,
        chosen: &'p [AskedPrompt],
        step: usize,
    ) -> Result<StepRollout<'p>, EngineError> {
        // A step that is one micro-batch reads its prompts once, for the rollout and for the update.
        let is_read_once = chosen.len() <= self.settings.micro_batch;
        let Sampled { rollouts, mean_entropy, prefill } =
            sample(self, model, chosen, step, is_read_once)?;
        let group = self.settings.generations;
        let mut reward_seconds = 0.0;
        let pay = |id, rollout: &Rollout| self.rewarder.pay(id, &rollout.text, &rollout.gold);
        let of_reward = |&id| rollouts.iter().map(|r| pay(id, r)).collect::<Vec<f64>>();
        let per_reward: Vec<Vec<f64>> =
            timed(&mut reward_seconds, || self.settings.rewards.iter().map(of_reward).collect());
        let totals: Vec<f64> =
            (0..rollouts.len()).map(|row| per_reward.iter().map(|r| r[row]).sum()).collect();
        let advantages = advantages(&totals, group, self.settings.advantage_epsilon);
        let n_tokens = rollouts.iter().map(|rollout| rollout.ids.len()).sum();
        let n_rows = rollouts.len() as f64;
        let record = RolloutRecord {
            reward_mean: totals.iter().sum::<f64>() / n_rows,
            rewards: per_reward.iter().map(|r| r.iter().sum::<f64>() / n_rows).collect(),
            kl: 0.0, // known after the update
            entropy: mean_entropy,
            mean_tokens: n_tokens as f64 / n_rows,
            truncated: rollouts.iter().filter(|rollout| !rollout.stopped).count() as f64 / n_rows,
            zero_variance_groups: zero_variance_share(&totals, group),
        };
        let counted: Vec<usize> = (0..chosen.len())
            .filter(|at| self.counts(&totals[at * group..(at + 1) * group]))
            .collect();
        let made = |&at: &usize| {
            let rollouts = &rollouts[at * group..(at + 1) * group];
            Group {
                prompt: &chosen[at].prompt,
                completions: scored_completions(rollouts, self.end_mask, self.im_end, self.pad_id),
                advantages: advantages[at * group..(at + 1) * group].to_vec(),
            }
        };
        let groups = StepGroups {
            groups: counted.iter().map(made).collect(),
            prefill: is_read_once.then(|| of_kept(prefill, &counted, model)),
        };
        Ok(StepRollout { groups, record, n_tokens, reward_seconds })
    }

    /// Whether a group with these rewards is part of the loss.
    fn counts(&self, rewards: &[f64]) -> bool {
        match self.settings.zero_variance_groups {
            ZeroVariance::Keep => true,
            ZeroVariance::Drop => has_variance(rewards),
        }
    }

    /// Accumulates the gradients of a step; returns its loss and mean k3.
    ///
    /// Without a KL term a group without advantages has no gradient and no loss: it counts and is not run,
    /// but for one group, so that there are gradients.
    fn update(
        &self,
        model: &Model,
        reference: Option<&Model>,
        step: StepGroups,
    ) -> Result<(f64, f64), EngineError> {
        let n_completions = (step.groups.len() * self.settings.generations) as f64;
        let step = if reference.is_none() { step.with_advantages(model) } else { step };
        let pass = Pass { model, reference, beta: self.settings.beta, pad_id: self.pad_id };
        let mut sums = Tensor::zeros([2], (Kind::Float, model.device()));
        let mut prefill = step.prefill;
        for micro_batch in step.groups.chunks(self.settings.micro_batch) {
            let parts = pass.loss(micro_batch, prefill.take())?;
            let micro_loss = parts.loss / n_completions;
            micro_loss.backward();
            sums += Tensor::stack(&[micro_loss.detach(), parts.kl / n_completions], 0);
        }
        // The step's one wait for the device.
        Ok((sums.double_value(&[0]), sums.double_value(&[1])))
    }
}

struct StepRollout<'a> {
    groups: StepGroups<'a>,
    record: RolloutRecord,
    n_tokens: usize,
    reward_seconds: f64,
}

/// The groups that count, and their prompts as they were read for the rollout, if with gradients.
struct StepGroups<'a> {
    groups: Vec<Group<'a>>,
    prefill: Option<Prefill>,
}

impl StepGroups<'_> {
    fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Keeps the groups that have an advantage; the first one if none has.
    fn with_advantages(self, model: &Model) -> Self {
        let has = |group: &Group| group.advantages.iter().any(|advantage| *advantage != 0.0);
        let any = self.groups.iter().any(has);
        let is_kept = |(at, group): &(usize, &Group)| if any { has(group) } else { *at == 0 };
        let kept: Vec<usize> =
            self.groups.iter().enumerate().filter(is_kept).map(|(at, _)| at).collect();
        let prefill = self.prefill.map(|prefill| of_kept(prefill, &kept, model));
        let groups = self.groups.into_iter().enumerate();
        let groups = groups.filter(|(at, _)| kept.contains(at)).map(|(_, group)| group).collect();
        StepGroups { groups, prefill }
    }
}

/// The prompts whose groups are kept, which are all as a rule.
fn of_kept(prefill: Prefill, kept: &[usize], model: &Model) -> Prefill {
    if kept.len() as i64 == prefill.n_prompts() {
        return prefill;
    }
    let kept: Vec<i64> = kept.iter().map(|&at| at as i64).collect();
    prefill.select(&Tensor::from_slice(&kept).to_device(model.device()))
}

/// The loss of some groups (of one size), summed over their completions.
pub fn group_loss(
    model: &Model,
    reference: &Model,
    groups: &[Group],
    beta: f64,
    pad_id: i64,
) -> Result<GroupLoss, EngineError> {
    Pass { model, reference: Some(reference), beta, pad_id }.loss(groups, None)
}

/// What the loss of groups is computed with.
struct Pass<'a> {
    model: &'a Model,
    /// None where the KL term weighs nothing.
    reference: Option<&'a Model>,
    beta: f64,
    pad_id: i64,
}

impl Pass<'_> {
    /// Reads the groups' prompts unless they were read before.
    fn loss(&self, groups: &[Group], prefill: Option<Prefill>) -> Result<GroupLoss, EngineError> {
        let model = self.model;
        let completions = Completions::new(groups, self.pad_id, model);
        let batch = || {
            let prompts: Vec<_> = groups.iter().map(|group| group.prompt).collect();
            Batch::new(&prompts, PadSide::Left, self.pad_id, model.config(), model.device())
        };
        let log_probs = match prefill {
            Some(prefill) => completions.log_probs(model, &prefill),
            None => completions.log_probs(model, &model.prefill(&batch()?)),
        };
        let reference_log_probs = match self.reference {
            None => log_probs.detach(),
            Some(reference) => {
                let batch = batch()?;
                lap(Phase::Reference, model.device(), || {
                    no_grad(|| completions.log_probs(reference, &reference.prefill(&batch)))
                })
            }
        };

        let advantages: Vec<f32> =
            groups.iter().flat_map(|group| &group.advantages).map(|&a| a as f32).collect();
        let advantages = Tensor::from_slice(&advantages)
            .to_device(model.device())
            .index_select(0, &completions.scored.rows);
        let ratio = (&log_probs - log_probs.detach()).exp();
        let token_kl = k3(&log_probs, &reference_log_probs);
        let token_loss = -(ratio * advantages - &token_kl * self.beta);
        let loss = completions.scored.row_means(&token_loss).sum(Kind::Float);
        let kl = completions.scored.row_means(&token_kl.detach()).sum(Kind::Float);
        Ok(GroupLoss { loss, kl, log_probs, reference_log_probs, token_kl })
    }
}

/// The completions of some groups as tensors: `rows` = groups × completions, `t` = longest completion.
struct Completions {
    group: i64,
    ids: Tensor, // (rows, t), padded on the right
    scored: crate::scored::ScoredTensors,
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

    /// Log-probabilities of the scored tokens behind their prompts.
    fn log_probs(&self, model: &Model, prompts: &Prefill) -> Tensor {
        let last = prompts.last_hidden.repeat_interleave_self_int(self.group, 0, None).unsqueeze(1);
        let n_inputs = self.ids.size()[1] - 1; // a completion's last token predicts nothing
        let hidden = model.continue_with(prompts, &self.ids.narrow(1, 0, n_inputs));
        let states = Tensor::cat(&[last, hidden], 1); // (rows, t, c)
        let states = states.flatten(0, 1).index_select(0, &self.scored.states);
        token_log_probs(model, &states, &self.scored.targets)
    }
}

#[cfg(test)]
mod tests;
