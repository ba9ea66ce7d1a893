//! Supervised fine-tuning.
//!
//! Deviations from the released `sft.py` (PAPER §2.10), each a field of the protocol:
//! - What the loss covers, the order of picture and text, the target and the trailing generation
//!   prompt are chosen by the protocol; the released code's choices are among them.
//! - The step's loss is the mean over examples of each example's token mean, whatever the micro-batch,
//!   as with one example per device there.

use clsrl_spec::{SftSettings, StepRecord};
use clsrl_vlm::{Batch, Model, PadSide, token_log_probs};
use tch::Tensor;

use crate::{
    AdamW, EngineError,
    adamw::linear_schedule,
    inputs::LabelledPrompt,
    order::{EpochOrder, check_finite},
    scored::ScoredTokens,
};

/// Trains a model on labelled examples; `on_step` hears of every optimizer step.
pub fn train(
    model: &Model,
    examples: &[LabelledPrompt],
    settings: &SftSettings,
    pad_id: i64,
    order: &mut EpochOrder,
    on_step: &mut dyn FnMut(StepRecord) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut optimizer = AdamW::new(model.named_parameters(), &settings.optimizer);
    let n_steps = settings.duration.total_steps(examples.len());
    for step in 1..=n_steps {
        let chosen: Vec<&LabelledPrompt> =
            order.next_batch().into_iter().map(|idx| &examples[idx]).collect();
        let mut loss = 0.0;
        for micro_batch in chosen.chunks(settings.micro_batch) {
            let losses = example_losses(model, micro_batch, pad_id)?;
            let micro_loss = losses.sum(tch::Kind::Float) / chosen.len() as f64;
            micro_loss.backward();
            loss += micro_loss.double_value(&[]);
        }
        let learning_rate = linear_schedule(settings.optimizer.learning_rate, step, n_steps);
        let grad_norm = optimizer.step(learning_rate);
        check_finite(step, loss, grad_norm)?;
        on_step(StepRecord { step, loss, grad_norm, learning_rate, rollout: None })?;
    }
    Ok(())
}

/// The token-mean loss of each example, shape (examples), differentiable.
pub fn example_losses(
    model: &Model,
    examples: &[&LabelledPrompt],
    pad_id: i64,
) -> Result<Tensor, EngineError> {
    let prompts: Vec<_> = examples.iter().map(|example| &example.prompt).collect();
    let batch = Batch::new(&prompts, PadSide::Right, pad_id, model.config(), model.device())?;
    let hidden = model.hidden(&batch); // (b, t, c)

    // The state at one position predicts the token at the next.
    let width = hidden.size()[1] as usize;
    let mut scored = ScoredTokens::new(examples.len());
    for (row, example) in examples.iter().enumerate() {
        let targets = example.labels.iter().enumerate().skip(1).filter(|(_, label)| 0 <= **label);
        scored.push_row(row, targets.map(|(at, label)| (row * width + at - 1, *label)));
    }
    let scored = scored.to_device(model.device());
    let states = hidden.flatten(0, 1).index_select(0, &scored.states);
    let log_probs = token_log_probs(model, &states, &scored.targets);
    Ok(-scored.row_means(&log_probs))
}
