//! The loss of labelled examples.

use clsrl_engine::{inputs::LabelledPrompt, sft::accumulate_examples};
use clsrl_vlm::{Model, Prompt};
use tch::{Kind, Tensor};

use crate::{
    drawn::{Draws, PAD_ID, model, prompts},
    plain::{accumulated, assert_close, assert_same, backward, of_row},
};

/// Labels from a drawn place on, with a gap within.
fn labelled(draws: &Draws, idx: usize, prompt: Prompt) -> LabelledPrompt {
    let n_tokens = prompt.ids.len();
    let first = draws.between(1, n_tokens - 1, &[20, idx]);
    let is_scored = |at: usize| first <= at && at != first + 2;
    let labels = prompt.ids.iter().enumerate();
    let labels = labels.map(|(at, &id)| if is_scored(at) { id } else { -100 }).collect();
    LabelledPrompt { prompt, labels }
}

fn plain_losses(model: &Model, examples: &[LabelledPrompt]) -> Tensor {
    let loss = |example: &LabelledPrompt| {
        let scored: Vec<i64> =
            example.labels[1..].iter().map(|&label| i64::from(0 <= label)).collect();
        let scored = Tensor::from_slice(&scored).nonzero().squeeze_dim(1);
        -of_row(model, &example.prompt).index_select(0, &scored).mean(Kind::Float)
    };
    Tensor::stack(&examples.iter().map(loss).collect::<Vec<_>>(), 0)
}

#[test]
fn losses_and_gradients_of_examples_are_those_of_single_rows() {
    let model = model(1, 64);
    for seed in 0..16 {
        let draws = Draws::new(seed);
        let prompts = prompts(&draws, draws.between(1, 6, &[0]));
        let examples: Vec<LabelledPrompt> = prompts
            .into_iter()
            .enumerate()
            .map(|(idx, prompt)| labelled(&draws, idx, prompt))
            .collect();
        let plain = plain_losses(&model, &examples);
        let of_plain = backward(&model, &plain.sum(Kind::Float));
        let found = accumulate_examples(&model, &examples, 1.0, PAD_ID).unwrap();
        assert_close(&format!("case {seed}: losses"), &found, &plain, 1.0);
        let found = accumulated(&model, &found.sum(Kind::Float));
        assert_same(&format!("case {seed}"), &found, &of_plain);
    }
}
