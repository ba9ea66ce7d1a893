//! Supervised fine-tuning.
//!
//! Deviations from the released `sft.py`:
//! - What the loss covers, the order of image and text, the target and the trailing generation
//!   prompt are fields of the protocol; the released code's choices are among them.
//! - The step's loss is the mean over examples of each example's token mean, whatever the micro-batch,
//!   as with one example per device there; with more there, it is the mean over the tokens of all.
//! - A loss or gradient norm that is not finite ends the trial; there training goes on.
//! - Which examples a step sees: `order`.

use std::cell::Cell;

use clsrl_libtorch::clear_gradients;
use clsrl_spec::{SftSettings, StepRecord, StepSeconds};
use clsrl_vlm::{Model, PadSide, backward_log_probs};
use tch::{Kind, Tensor};

use crate::{
    AdamW, EngineError,
    adamw::linear_schedule,
    budget::TokenBudget,
    inputs::LabelledPrompt,
    loss::ScoredTokens,
    order::{EpochOrder, Prepare, check_finite},
    prefetch::run_steps,
    profiler::{Phase, profile},
    timings::{TrainingTimings, timed},
    watch::{Ended, Listener, LoopState, Watch},
};

/// Trains a model; `prepare` makes the examples of a step from their positions in the training set,
/// `on_step` hears of every optimizer step and of what it took.
pub fn train(
    model: &Model,
    settings: &SftSettings,
    pad_id: i64,
    order: &mut EpochOrder,
    prepare: &Prepare<LabelledPrompt>,
    on_step: &mut dyn FnMut(StepRecord, StepSeconds) -> Result<(), EngineError>,
) -> Result<TrainingTimings, EngineError> {
    let listener = &mut Listener(on_step);
    train_watched((model, settings), pad_id, (order, prepare), listener).map(|(timings, _)| timings)
}

/// As [`train`], from where the watcher sets it on to where the watcher breaks it off.
pub(crate) fn train_watched(
    (model, settings): (&Model, &SftSettings),
    pad_id: i64,
    (order, prepare): (&mut EpochOrder, &Prepare<LabelledPrompt>),
    watch: &mut dyn Watch,
) -> Result<Ended, EngineError> {
    let mut optimizer = AdamW::new(model.trained_parameters(), &settings.optimizer);
    let n_steps = settings.duration.total_steps(order.n_examples());
    let leaves = model.trained_leaves();
    let mut budget = TokenBudget::new(settings.micro_batch);
    let mut timings = TrainingTimings::default();
    let budgets = vec![&mut budget];
    let n_done =
        watch.resume(LoopState { optimizer: &optimizer, timings: &mut timings, budgets })?;
    order.skip(n_done);
    let rest = (n_done + 1)..=n_steps;
    let ended = run_steps(rest, model.device(), (order, prepare), |step, mut seconds, chosen| {
        timings.n_images += chosen.len();
        timings.n_tokens += chosen.iter().map(|example| example.prompt.ids.len()).sum::<usize>();

        let learning_rate = linear_schedule(settings.optimizer.learning_rate, step, n_steps);
        let (loss, grad_norm) = timed(&mut seconds.update, || {
            let loss = profile(Phase::Update, model.device(), || {
                accumulate(&model.working_copy(), &leaves, &chosen, &mut budget, pad_id)
            })?;
            let step = || optimizer.step(learning_rate);
            Ok::<_, EngineError>((loss, profile(Phase::Optimizer, model.device(), step)?))
        })?;
        timings.add_step(seconds);
        let record = StepRecord { step, loss, grad_norm, learning_rate, rollout: None };
        check_finite(&record)?;
        let budgets = vec![&mut budget];
        let taken = (record, seconds);
        watch.hear(taken, LoopState { optimizer: &optimizer, timings: &mut timings, budgets })
    })?;
    Ok((TrainingTimings { fitted: budget.fitted(), ..timings }, ended))
}

/// Accumulates the gradients of a step; returns its loss.
pub(crate) fn accumulate(
    model: &Model,
    leaves: &[Tensor],
    examples: &[LabelledPrompt],
    budget: &mut TokenBudget,
    pad_id: i64,
) -> Result<f64, EngineError> {
    let sizes: Vec<usize> = examples.iter().map(|example| example.prompt.ids.len()).collect();
    let loss = Cell::new(0.0);
    let begin = || {
        loss.set(0.0);
        Ok(clear_gradients(leaves)?)
    };
    budget.fit(&sizes, begin, |run| {
        let losses = accumulate_examples(model, &examples[run], examples.len() as f64, pad_id)?;
        let of_run = losses.sum(Kind::Double) / examples.len() as f64;
        loss.set(loss.get() + of_run.double_value(&[]));
        Ok(())
    })?;
    Ok(loss.get())
}

/// Adds the gradients of some examples' losses, each divided by `divisor`; returns the token-mean loss of each
/// (examples).
pub fn accumulate_examples(
    model: &Model,
    examples: &[LabelledPrompt],
    divisor: f64,
    pad_id: i64,
) -> Result<Tensor, EngineError> {
    let prompts: Vec<_> = examples.iter().map(|example| &example.prompt).collect();
    let batch = model.batch(&prompts, PadSide::Right, pad_id)?;

    // The state at one position predicts the token at the next.
    let width = batch.ids.size()[1] as usize;
    let mut scored = ScoredTokens::new(examples.len());
    for (row, example) in examples.iter().enumerate() {
        let targets = example.labels.iter().enumerate().skip(1).filter(|(_, label)| 0 <= **label);
        scored.push_row(row, targets.map(|(at, label)| (row * width + at - 1, *label)));
    }
    let scored = scored.to_device(model.device())?;
    let states = model.hidden_at(&batch, &scored.states);
    let log_probs = backward_log_probs(model, &states, &scored.targets, |first, log_probs| {
        let part = scored.narrow(first, log_probs.size()[0]);
        -part.row_means(log_probs).sum(Kind::Float) / divisor
    });
    Ok(-scored.row_means(&log_probs))
}
