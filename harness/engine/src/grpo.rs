//! GRPO: the one loop behind CLS-RL and No-Thinking-CLS-RL.
//!
//! Deviations from the released trainer (a fork of TRL 0.14):
//! - A group's prompt is prefilled once and its KV cache is shared by the group's completions, in sampling, in the
//!   reference pass and in the differentiated pass; the numbers are the same. Where a step is one micro-batch,
//!   sampling and the differentiated pass share one prefill as well (`shared_prefill`).
//! - Without a KL term there is no reference pass, and a group without advantages is not run.
//! - The reference's keys of a prompt are kept over epochs; the numbers are the same (`reference`).
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

mod rehearsal;

use std::ops::Range;

use clsrl_spec::{
    EndMask, GrpoSettings, RolloutRecord, Seed, StepRecord, StepSeconds, ZeroVariance,
};
use clsrl_vlm::Model;
use tch::Tensor;

use crate::{
    AdamW, EngineError,
    adamw::linear_schedule,
    advantage::{advantages, has_variance, zero_variance_share},
    budget::{MemoryBudgets, TokenBudget},
    inputs::AskedPrompt,
    loss::{Group, GrpoLoss, StepGroups, StepLoss},
    order::{EpochOrder, Prepare, check_finite},
    prefetch::run_steps,
    profiler::{Phase, profile},
    reference::{KeptPrompts, Reference},
    rewarder::Rewarder,
    rollout::{Rollout, Sampled, Sampler, scored_completions},
    shared_prefill::sample_step,
    timings::{TrainingTimings, timed},
    watch::{Ended, Listener, LoopState, Watch},
};

/// A GRPO run: its settings and what they leave open.
pub struct Grpo<'a> {
    /// The method's, from the protocol.
    pub settings: &'a GrpoSettings,
    /// Decodes completions and scores them.
    pub rewarder: &'a dyn Rewarder,
    /// Where a completion's mask ends.
    pub end_mask: EndMask,
    /// Tokens that end a completion.
    pub stop_ids: &'a [i64],
    /// The id of padding.
    pub pad_id: i64,
    /// The id of `<|im_end|>`.
    pub im_end: i64,
    /// The seed of sampling.
    pub seed: Seed,
}

impl Grpo<'_> {
    /// Trains a model on-policy, its KL term against a frozen copy of its start; `prepare` makes the prompts of a step
    /// from their positions in the training set, `on_step` hears of every optimizer step and of what
    /// it took.
    pub fn train(
        &self,
        model: &Model,
        order: &mut EpochOrder,
        prepare: &Prepare<AskedPrompt>,
        on_step: &mut dyn FnMut(StepRecord, StepSeconds) -> Result<(), EngineError>,
    ) -> Result<TrainingTimings, EngineError> {
        let listener = &mut Listener(on_step);
        self.train_watched(model, (order, prepare), listener).map(|(timings, _)| timings)
    }

    /// As [`Grpo::train`], from where the watcher sets it on to where the watcher breaks it off.
    pub(crate) fn train_watched(
        &self,
        model: &Model,
        inputs: (&mut EpochOrder, &Prepare<AskedPrompt>),
        watch: &mut dyn Watch,
    ) -> Result<Ended, EngineError> {
        self.train_within(MemoryBudgets::new(self.settings), model, inputs, watch)
    }

    fn train_within(
        &self,
        budgets: MemoryBudgets,
        model: &Model,
        (order, prepare): (&mut EpochOrder, &Prepare<AskedPrompt>),
        watch: &mut dyn Watch,
    ) -> Result<Ended, EngineError> {
        let n_steps = self.settings.duration.total_steps(order.n_examples());
        // The reference is taken of the start weights, before anything else becomes of them.
        let mut state = self.begin(model, budgets, n_steps);
        let n_done = watch.resume(state.between_steps())?;
        order.skip(n_done);
        if model.device().is_cuda() && n_done < n_steps {
            self.warm_up(&state)?;
            self.rehearse(&mut state, &prepare(order.peek())?)?;
        }
        state.kept_prompts.take_room_of(model.device());
        let rest = (n_done + 1)..=n_steps;
        let ended = run_steps(rest, model.device(), (order, prepare), |step, seconds, chosen| {
            let taken = self.take_step(&mut state, step, seconds, &chosen)?;
            watch.hear(taken, state.between_steps())
        })?;
        Ok((TrainingTimings { fitted: state.budgets.fitted(), ..state.timings }, ended))
    }

    fn begin<'m>(
        &self,
        model: &'m Model,
        budgets: MemoryBudgets,
        n_steps: usize,
    ) -> TrainingState<'m> {
        TrainingState {
            model,
            leaves: model.trained_leaves(),
            reference: self.reference(model),
            kept_prompts: KeptPrompts::default(),
            optimizer: AdamW::new(model.trained_parameters(), &self.settings.optimizer),
            timings: TrainingTimings::default(),
            budgets,
            n_steps,
        }
    }

    /// Rolls out, scores, accumulates gradients, and takes one optimizer step.
    fn take_step(
        &self,
        state: &mut TrainingState,
        step: usize,
        mut seconds: StepSeconds,
        chosen: &[AskedPrompt],
    ) -> Result<(StepRecord, StepSeconds), EngineError> {
        self.check_prompt_lengths(chosen)?;
        let TrainingState { model, leaves, optimizer, budgets, timings, n_steps, .. } = state;
        let reference = state.reference.as_ref();
        let reference = reference.map(|model| Reference { model, kept: Some(&state.kept_prompts) });
        let device = model.device();
        let policy = model.working_copy();
        let rollout =
            timed(&mut seconds.rollout, || self.roll_out(&policy, chosen, step, budgets))?;
        let StepRollout { groups, record, n_tokens, reward_seconds } = rollout;
        let learning_rate = linear_schedule(self.settings.optimizer.learning_rate, step, *n_steps);
        let beta = self.settings.beta_at(step, *n_steps);
        let (StepLoss { loss, kl }, grad_norm) = timed(&mut seconds.update, || {
            if groups.is_empty() {
                return Ok((StepLoss::default(), 0.0)); // every group was dropped: nothing to learn
            }
            let loss = profile(Phase::Update, device, || {
                self.update((&policy, reference), leaves, beta, groups, &mut budgets.update)
            })?;
            let grad_norm = profile(Phase::Optimizer, device, || optimizer.step(learning_rate))?;
            Ok::<_, EngineError>((loss, grad_norm))
        })?;
        seconds.reward = reward_seconds;
        timings.add_step(seconds);
        timings.n_images += chosen.len();
        timings.n_tokens += n_tokens;
        let rollout = Some(RolloutRecord { kl, ..record });
        let record = StepRecord { step, loss, grad_norm, learning_rate, rollout };
        check_finite(&record)?;
        Ok((record, seconds))
    }

    /// Samples completions, scores them, and builds the groups that are in the loss.
    fn roll_out<'p>(
        &self,
        policy: &Model,
        chosen: &'p [AskedPrompt],
        step: usize,
        budgets: &mut MemoryBudgets,
    ) -> Result<StepRollout<'p>, EngineError> {
        let &Grpo { settings, rewarder, stop_ids, pad_id, seed, .. } = self;
        let sampler = Sampler { policy, settings, rewarder, stop_ids, pad_id, seed };
        let (sampled, prompts) = sample_step(&sampler, chosen, step, budgets)?;
        let Sampled { rollouts, mean_entropy } = sampled;
        let mut reward_seconds = 0.0;
        let scores = timed(&mut reward_seconds, || self.score(&rollouts));
        let n_generations = settings.generations;
        let advantages = advantages(&scores.totals, n_generations, settings.advantage_epsilon);
        let rows_of =
            |prompt_idx: usize| prompt_idx * n_generations..(prompt_idx + 1) * n_generations;
        let in_loss: Vec<usize> = (0..chosen.len())
            .filter(|&prompt_idx| self.is_in_loss(&scores, rows_of(prompt_idx)))
            .collect();
        let group_of = |prompt_idx: usize| {
            let rollouts = &rollouts[rows_of(prompt_idx)];
            Group {
                prompt: &chosen[prompt_idx].prompt,
                name: Some(chosen[prompt_idx].name()),
                completions: scored_completions(rollouts, self.end_mask, self.im_end, pad_id),
                advantages: advantages[rows_of(prompt_idx)].to_vec(),
            }
        };
        Ok(StepRollout {
            groups: StepGroups::new(&in_loss, group_of, prompts, policy),
            record: self.record(&rollouts, &scores, mean_entropy),
            n_tokens: n_tokens(&rollouts),
            reward_seconds,
        })
    }

    /// Scores completions by every reward.
    fn score(&self, rollouts: &[Rollout]) -> Scores {
        let score = |id, rollout: &Rollout| self.rewarder.score(id, &rollout.text, &rollout.gold);
        let of_reward = |&id| rollouts.iter().map(|rollout| score(id, rollout)).collect();
        let per_reward: Vec<Vec<f64>> = self.settings.rewards.iter().map(of_reward).collect();
        let totals =
            (0..rollouts.len()).map(|row| per_reward.iter().map(|scores| scores[row]).sum());
        Scores { totals: totals.collect(), per_reward }
    }

    fn record(&self, rollouts: &[Rollout], scores: &Scores, entropy: Option<f64>) -> RolloutRecord {
        let n_rows = rollouts.len() as f64;
        let mean = |scores: &Vec<f64>| scores.iter().sum::<f64>() / n_rows;
        RolloutRecord {
            reward_mean: mean(&scores.totals),
            rewards: scores.per_reward.iter().map(mean).collect(),
            kl: 0.0, // known after the update
            entropy,
            mean_tokens: n_tokens(rollouts) as f64 / n_rows,
            truncated: rollouts.iter().filter(|rollout| !rollout.stopped).count() as f64 / n_rows,
            zero_variance_groups: zero_variance_share(&scores.totals, self.settings.generations),
        }
    }

    /// Whether a group, of these completions, is part of the loss.
    fn is_in_loss(&self, scores: &Scores, group: Range<usize>) -> bool {
        let varies = |scores: &[f64]| has_variance(&scores[group.clone()]);
        match self.settings.zero_variance_groups {
            ZeroVariance::Keep => true,
            ZeroVariance::Drop => varies(&scores.totals),
            ZeroVariance::DropAllRightOrWrong => {
                let mut paid = self.settings.rewards.iter().zip(&scores.per_reward);
                varies(&scores.totals)
                    && paid.any(|(reward, scores)| !reward.is_of_form() && varies(scores))
            }
        }
    }

    /// Accumulates the gradients of a step.
    ///
    /// Without a KL term a group without advantages has no gradient and no loss: it counts and is not run,
    /// but for one group, so that there are gradients.
    fn update(
        &self,
        (policy, reference): (&Model, Option<Reference<'_>>),
        leaves: &[Tensor],
        beta: f64,
        groups: StepGroups,
        budget: &mut TokenBudget,
    ) -> Result<StepLoss, EngineError> {
        let groups = if reference.is_none() { groups.with_advantages(policy) } else { groups };
        self.loss(policy, reference, beta).accumulate_step(groups, leaves, budget)
    }

    fn loss<'m>(
        &self,
        policy: &'m Model,
        reference: Option<Reference<'m>>,
        beta: f64,
    ) -> GrpoLoss<'m> {
        GrpoLoss { policy, reference, beta, pad_id: self.pad_id }
    }

    /// The model that the KL term holds to; none where that term weighs nothing.
    fn reference(&self, model: &Model) -> Option<Model> {
        self.settings.has_kl_term().then(|| model.frozen_start())
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

    /// Accumulates the gradients of the first step, and takes no step.
    pub(crate) fn accumulate_first(
        &self,
        model: &Model,
        chosen: &[AskedPrompt],
    ) -> Result<(), EngineError> {
        let (reference, policy) = (self.reference(model), model.working_copy());
        self.check_prompt_lengths(chosen)?;
        let mut budgets = MemoryBudgets::new(self.settings);
        let StepRollout { groups, .. } = self.roll_out(&policy, chosen, 1, &mut budgets)?;
        let models = (&policy, reference.as_ref().map(Reference::of));
        let (leaves, beta) = (model.trained_leaves(), self.settings.beta);
        self.update(models, &leaves, beta, groups, &mut budgets.update).map(|_| ())
    }
}

/// A model while it is trained, and what goes with it from step to step.
struct TrainingState<'a> {
    model: &'a Model,
    leaves: Vec<Tensor>,
    reference: Option<Model>,
    kept_prompts: KeptPrompts,
    optimizer: AdamW,
    budgets: MemoryBudgets,
    timings: TrainingTimings,
    n_steps: usize,
}

impl TrainingState<'_> {
    fn between_steps(&mut self) -> LoopState<'_> {
        let TrainingState { optimizer, budgets, timings, .. } = self;
        LoopState { optimizer, timings, budgets: budgets.all() }
    }
}

/// The rewards of a step's completions.
struct Scores {
    /// Sum over rewards, for each completion.
    totals: Vec<f64>,
    /// Each reward's, in the settings' order.
    per_reward: Vec<Vec<f64>>,
}

struct StepRollout<'a> {
    groups: StepGroups<'a>,
    record: RolloutRecord,
    n_tokens: usize,
    reward_seconds: f64,
}

fn n_tokens(rollouts: &[Rollout]) -> usize {
    rollouts.iter().map(|rollout| rollout.ids.len()).sum()
}

#[cfg(test)]
mod tests;
