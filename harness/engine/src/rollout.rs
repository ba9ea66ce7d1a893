//! Sampling the completions of an optimizer step; what differs from the released trainer: `grpo`.

use clsrl_spec::{EndMask, GrpoSettings, Seed, derive_seed};
use clsrl_vlm::{Batch, Decoding, Model, PadSide, Prefill, Sampling, generate};
use tch::no_grad;

use crate::{
    EngineError,
    inputs::AskedPrompt,
    loss::StepPrompts,
    profiler::{Phase, profile},
    rewarder::Rewarder,
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

/// What was sampled for some of a step's prompts.
pub(crate) struct Sampled {
    /// The completions, prompt by prompt.
    pub(crate) rollouts: Vec<Rollout>,
    /// Mean token entropy in nats.
    pub(crate) mean_entropy: Option<f64>,
}

/// Samples completions. Each draws from a stream of its own, named by seed, step, place in the step and generation.
pub(crate) struct Sampler<'a> {
    pub(crate) policy: &'a Model,
    pub(crate) settings: &'a GrpoSettings,
    pub(crate) rewarder: &'a dyn Rewarder,
    pub(crate) stop_ids: &'a [i64],
    pub(crate) pad_id: i64,
    pub(crate) seed: Seed,
}

impl Sampler<'_> {
    /// Samples `generations` completions per prompt, prompt by prompt; `first` is the first prompt's place in the step.
    pub(crate) fn sample(
        &self,
        asked: &[AskedPrompt],
        first: usize,
        step: usize,
    ) -> Result<Sampled, EngineError> {
        let frozen = self.policy.frozen_copy(false);
        let batch = self.batch(asked)?;
        let prefill =
            profile(Phase::Prefill, self.policy.device(), || no_grad(|| frozen.prefill(&batch)));
        self.complete(&frozen, &prefill, (asked, first), step)
    }

    /// Samples for all prompts of a step; returns their prefill too, which has gradients.
    pub(crate) fn sample_and_keep_prefill(
        &self,
        asked: &[AskedPrompt],
        step: usize,
    ) -> Result<(Sampled, StepPrompts), EngineError> {
        let frozen = self.policy.frozen_copy(false);
        let batch = self.batch(asked)?;
        let prefill = profile(Phase::Prefill, self.policy.device(), || self.policy.prefill(&batch));
        let sampled = self.complete(&frozen, &prefill, (asked, 0), step)?;
        Ok((sampled, StepPrompts { prefill, batch: Some(batch) }))
    }

    fn batch(&self, asked: &[AskedPrompt]) -> Result<Batch, EngineError> {
        let prompts: Vec<_> = asked.iter().map(|asked| &asked.prompt).collect();
        let side = PadSide::of_prompts(self.policy.device());
        Ok(self.policy.batch(&prompts, side, self.pad_id)?)
    }

    fn complete(
        &self,
        frozen: &Model,
        prefill: &Prefill,
        (asked, first): (&[AskedPrompt], usize),
        step: usize,
    ) -> Result<Sampled, EngineError> {
        let n_generations = self.settings.generations;
        let rows = first * n_generations..(first + asked.len()) * n_generations;
        let row_seeds: Vec<u64> = rows.map(|row| self.seed_of(step, row)).collect();
        let decoding = Decoding::Sample(Sampling {
            temperature: self.settings.temperature,
            top_k: self.settings.top_k,
            top_p: self.settings.top_p,
        });
        let max_new_tokens = self.settings.max_new_tokens;
        let generated = profile(Phase::Decode, self.policy.device(), || {
            generate(frozen, prefill, &decoding, max_new_tokens, self.stop_ids, &row_seeds)
        });
        let generated = generated.map_err(|error| {
            EngineError::from(error).about("completion", |row| &asked[row / n_generations].image)
        })?;
        let golds = asked.iter().flat_map(|asked| std::iter::repeat_n(&asked.gold, n_generations));
        let rollouts = generated.completions.into_iter().zip(golds);
        let rollouts = rollouts.map(|(completion, gold)| Rollout {
            text: self.rewarder.decode(&completion.ids),
            ids: completion.ids,
            stopped: completion.stopped,
            gold: gold.clone(),
        });
        Ok(Sampled { rollouts: rollouts.collect(), mean_entropy: generated.mean_entropy })
    }

    fn seed_of(&self, step: usize, row: usize) -> u64 {
        derive_seed(self.seed, &["rollout", &step.to_string(), &row.to_string()])
    }
}

impl Sampled {
    /// Joins what was sampled for one prompt after the other; entropies weigh as much as there are tokens.
    pub(crate) fn concat(mut parts: Vec<Sampled>) -> Sampled {
        if parts.len() == 1 {
            return parts.swap_remove(0);
        }
        let n_tokens = |part: &Sampled| part.rollouts.iter().map(|rollout| rollout.ids.len()).sum();
        let lengths: Vec<usize> = parts.iter().map(n_tokens).collect();
        let weighted = parts.iter().zip(&lengths);
        let sums = weighted.map(|(part, n_tokens)| Some(part.mean_entropy? * *n_tokens as f64));
        let mean_entropy =
            sums.sum::<Option<f64>>().map(|sum| sum / lengths.iter().sum::<usize>() as f64);
        let rollouts = parts.into_iter().flat_map(|part| part.rollouts).collect();
        Sampled { rollouts, mean_entropy }
    }
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
