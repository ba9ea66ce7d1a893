//! What a trial costs by a table, on whichever machine it is asked.
//!
//! The table decides in which order trials begin where nothing was measured, and which of them make up a shard. So it
//! must be the same everywhere, and only its proportions matter. Its milliseconds are an estimate for one H200 and
//! Qwen2-VL-2B, from operation counts: nothing here was measured.

use clsrl_spec::{Duration, PromptStyle, Training, Trial};

/// Loading weights, and what else every trial does once.
const LOAD_MS: u64 = 30_000;

/// An example of supervised fine-tuning: forward, backward and its share of the optimizer.
const EXAMPLE_MS: u64 = 60;

/// A GRPO prompt without its completions.
const PROMPT_MS: u64 = 20;

/// What a trial costs, in milliseconds of the table's GPU.
pub fn cost_ms(trial: &Trial) -> u64 {
    LOAD_MS + training_ms(trial) + evaluation_ms(trial)
}

fn training_ms(trial: &Trial) -> u64 {
    let n_prompts = |duration: &Duration| {
        let n_steps = duration.total_steps(trial.full_training_set()) as u64;
        n_steps.saturating_mul(duration.prompts_per_step as u64)
    };
    match &trial.training {
        Training::None => 0,
        Training::Sft(settings) => n_prompts(&settings.duration).saturating_mul(EXAMPLE_MS),
        Training::Grpo(settings) => {
            let completions = settings.generations as u64 * completion_ms(settings.prompt);
            n_prompts(&settings.duration).saturating_mul(PROMPT_MS + completions)
        }
    }
}

fn evaluation_ms(trial: &Trial) -> u64 {
    let prompts = &trial.evaluation.prompts;
    // All prompts have the same images.
    let n_images = (trial.full_evaluation() / prompts.len().max(1)) as u64;
    prompts.iter().map(|&prompt| n_images.saturating_mul(answer_ms(prompt))).sum()
}

/// A completion of a rollout, and its share of the update.
fn completion_ms(prompt: PromptStyle) -> u64 {
    match prompt {
        PromptStyle::Direct => 14,
        PromptStyle::AdaptiveThinking => 24,
        PromptStyle::Thinking | PromptStyle::ThinkAfterAnswer => 34,
    }
}

/// An evaluated image with its greedy answer.
fn answer_ms(prompt: PromptStyle) -> u64 {
    match prompt {
        PromptStyle::Direct => 13,
        PromptStyle::AdaptiveThinking => 27,
        PromptStyle::Thinking | PromptStyle::ThinkAfterAnswer => 40,
    }
}
