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

use clsrl_libtorch::clear_gradients;
use clsrl_spec::{
    EndMask, Fitted, GrpoSettings, RolloutRecord, Seed, StepRecord, StepSeconds, ZeroVariance,
};
use clsrl_vlm::{Model, Prefill, Prompt};
use tch::{Device, Kind, Tensor};

use crate::{
    AdamW, EngineError,
    adamw::linear_schedule,
    advantage::{advantages, has_variance, zero_variance_share},
    budget::TokenBudget,
    groups::{Group, Pass},
    inputs::AskedPrompt,
    order::{EpochOrder, Prepare, check_finite},
    prefetch::run_steps,
    profiler::{Phase, profile},
    rewarder::Rewarder,
    rollout::{Rollout, Sampled, sample, scored_completions},
    timings::{TrainingTimings, timed},
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

impl Grpo<'_> {
    /// Trains a model against a frozen copy of its start; `prepare` makes the prompts of a step from
    /// their positions in the training set, `on_step` hears of every optimizer step.
    pub fn train(
        &self,
        model: &Model,
        order: &mut EpochOrder,
        prepare: &Prepare<AskedPrompt>,
        on_step: &mut dyn FnMut(StepRecord) -> Result<(), EngineError>,
    ) -> Result<TrainingTimings, EngineError> {
        self.train_within(MemoryBudgets::new(self.settings), model, order, prepare, on_step)
    }

    fn train_within(
        &self,
        budgets: MemoryBudgets,
        model: &Model,
        order: &mut EpochOrder,
        prepare: &Prepare<AskedPrompt>,
        on_step: &mut dyn FnMut(StepRecord) -> Result<(), EngineError>,
    ) -> Result<TrainingTimings, EngineError> {
        let n_steps = self.settings.duration.total_steps(order.n_examples());
        let mut state = self.begin(model, budgets, n_steps);
        if model.device().is_cuda() {
            self.warm_up(&state)?;
            self.rehearse(&mut state, &prepare(order.peek())?)?;
        }
        run_steps(n_steps, model.device(), (order, prepare), |step, seconds, chosen| {
            on_step(self.step(&mut state, step, seconds, &chosen)?)
        })?;
        Ok(TrainingTimings { fitted: state.budgets.fitted(), ..state.timings })
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
            optimizer: AdamW::new(model.trained_parameters(), &self.settings.optimizer),
            timings: TrainingTimings::default(),
            budgets,
            n_steps,
        }
    }

    /// Takes an optimizer step.
    fn step(
        &self,
        state: &mut TrainingState,
        step: usize,
        mut seconds: StepSeconds,
        chosen: &[AskedPrompt],
    ) -> Result<StepRecord, EngineError> {
        self.check_prompt_lengths(chosen)?;
        let TrainingState { model, leaves, reference, optimizer, budgets, timings, n_steps } =
            state;
        let policy = model.working_copy();
        let rollout =
            timed(&mut seconds.rollout, || self.roll_out(&policy, chosen, step, budgets))?;
        let StepRollout { groups, record, n_tokens, reward_seconds } = rollout;
        let learning_rate = linear_schedule(self.settings.optimizer.learning_rate, step, *n_steps);
        let (loss, kl, grad_norm) = timed(&mut seconds.update, || {
            if groups.is_empty() {
                return Ok((0.0, 0.0, 0.0)); // every group was dropped: nothing to learn
            }
            let (loss, kl) = profile(Phase::Update, model.device(), || {
                self.update((&policy, leaves), reference.as_ref(), groups, &mut budgets.update)
            })?;
            let step = || optimizer.step(learning_rate);
            Ok::<_, EngineError>((loss, kl, profile(Phase::Optimizer, model.device(), step)?))
        })?;
        seconds.reward = reward_seconds;
        timings.add_step(seconds);
        timings.n_images += chosen.len();
        timings.n_tokens += n_tokens;
        let rollout = Some(RolloutRecord { kl, ..record });
        let record = StepRecord { step, loss, grad_norm, learning_rate, rollout };
        check_finite(&record)?;
        Ok(record)
    }

    /// Runs a token forward and backward, for no gradients: what the device's libraries want for themselves when each
    /// thread first calls them, they get before the rehearsal fills the device.
    fn warm_up(&self, state: &TrainingState) -> Result<(), EngineError> {
        let model = &state.model.working_copy();
        let patch_len = model.config().vision_config.patch_len();
        let pixels = Tensor::zeros([0, patch_len], (Kind::Float, Device::Cpu));
        let prompt = Prompt { ids: vec![self.pad_id], pixels, grids: Vec::new() };
        // The second token has the first one run behind the prompt.
        let completions = vec![vec![self.pad_id; 2]];
        let group = Group { prompt: &prompt, completions, advantages: vec![1.0] };
        let (reference, beta) = (state.reference.as_ref(), self.settings.beta);
        let pass = Pass { model, reference, beta, pad_id: self.pad_id };
        pass.accumulate(&[group], None, 1.0)?;
        Ok(clear_gradients(&state.leaves)?)
    }

    /// Finds what the device has room for before the first step, so that no later one is run twice: an update of
    /// these prompts with completions of the longest length, whose gradients are thrown away.
    ///
    /// One prompt that has no room with them is no error yet: its completions may turn out shorter. A CPU's memory
    /// is not looked for: it does not refuse, its system ends the process.
    fn rehearse(
        &self,
        state: &mut TrainingState,
        prompts: &[AskedPrompt],
    ) -> Result<(), EngineError> {
        let n = self.settings.generations;
        let groups = prompts.iter().map(|asked| Group {
            prompt: &asked.prompt,
            completions: vec![vec![self.pad_id; self.settings.max_new_tokens]; n],
            advantages: vec![1.0; n],
        });
        let step = StepGroups { groups: groups.collect(), prefill: None };
        let TrainingState { model, leaves, reference, budgets, .. } = state;
        let policy = model.working_copy();
        match self.update((&policy, leaves), reference.as_ref(), step, &mut budgets.update) {
            Ok(_) | Err(EngineError::OutOfMemory { .. }) => Ok(clear_gradients(&*leaves)?),
            Err(error) => Err(error),
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
        let policy = (&policy, &model.trained_leaves()[..]);
        self.update(policy, reference.as_ref(), groups, &mut budgets.update).map(|_| ())
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
        budgets: &mut MemoryBudgets,
    ) -> Result<StepRollout<'p>, EngineError> {
        let Sampled { rollouts, mean_entropy, prefill } =
            sample(self, model, chosen, step, budgets)?;
        let group = self.settings.generations;
        let mut reward_seconds = 0.0;
        let score = |id, rollout: &Rollout| self.rewarder.score(id, &rollout.text, &rollout.gold);
        let of_reward = |&id| rollouts.iter().map(|r| score(id, r)).collect::<Vec<f64>>();
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
            .filter(|at| self.is_in_loss(&totals[at * group..(at + 1) * group]))
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
            prefill: prefill.map(|prefill| of_kept(prefill, &counted, model)),
        };
        Ok(StepRollout { groups, record, n_tokens, reward_seconds })
    }

    /// Whether a group with these rewards is part of the loss.
    fn is_in_loss(&self, rewards: &[f64]) -> bool {
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
        (model, leaves): (&Model, &[Tensor]),
        reference: Option<&Model>,
        step: StepGroups,
        budget: &mut TokenBudget,
    ) -> Result<(f64, f64), EngineError> {
        let n_completions = (step.groups.len() * self.settings.generations) as f64;
        let step = if reference.is_none() { step.with_advantages(model) } else { step };
        let pass = Pass { model, reference, beta: self.settings.beta, pad_id: self.pad_id };
        let sizes: Vec<usize> = step.groups.iter().map(Group::n_tokens).collect();
        let mut prefill = step.prefill;
        let sums = Tensor::zeros([2], (Kind::Float, model.device()));
        let begin = || {
            let _ = sums.shallow_clone().zero_();
            Ok(clear_gradients(leaves)?)
        };
        budget.fit(&sizes, begin, |run| {
            // Prompts that were read together serve all groups together.
            let prefill = prefill.take().filter(|_| run.len() == sizes.len());
            let parts = pass.accumulate(&step.groups[run], prefill, n_completions)?;
            let mut sums = sums.shallow_clone();
            sums += Tensor::stack(&[parts.loss, parts.kl], 0) / n_completions;
            Ok(())
        })?;
        // The step's one wait for the device.
        Ok((sums.double_value(&[0]), sums.double_value(&[1])))
    }
}

/// A model while it is trained, and what goes with it from step to step.
struct TrainingState<'a> {
    model: &'a Model,
    leaves: Vec<Tensor>,
    reference: Option<Model>,
    optimizer: AdamW,
    budgets: MemoryBudgets,
    timings: TrainingTimings,
    n_steps: usize,
}

/// What the device has room for, in sampling and in the update.
#[derive(Debug, Clone)]
pub struct MemoryBudgets {
    pub(crate) rollout: TokenBudget,
    pub(crate) update: TokenBudget,
}

impl MemoryBudgets {
    fn new(settings: &GrpoSettings) -> MemoryBudgets {
        let update = TokenBudget::new(settings.micro_batch);
        MemoryBudgets { rollout: TokenBudget::new(usize::MAX), update }
    }

    fn fitted(&self) -> Fitted {
        let (update, rollout) = (self.update.fitted(), self.rollout.fitted());
        Fitted { out_of_memory: update.out_of_memory + rollout.out_of_memory, ..update }
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

#[cfg(test)]
mod tests;
