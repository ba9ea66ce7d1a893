//! The plain form: one row at a time, nothing shared, logits everywhere.

use clsrl_vlm::{Batch, Model, PadSide, Prompt};
use tch::{Device, Kind, Tensor};

use crate::drawn::PAD_ID;

/// Relative to the largest number of what is compared: rounding of float32 sums in another order.
const TOLERANCE: f64 = 5e-5;

/// Log-probabilities (t) of the tokens that continue a prompt.
pub fn log_probs(model: &Model, prompt: &Prompt, completion: &[i64]) -> Tensor {
    let ids = [&prompt.ids, completion].concat();
    let row = Prompt { ids, pixels: prompt.pixels.shallow_clone(), grids: prompt.grids.clone() };
    let all = of_row(model, &row);
    all.narrow(0, prompt.ids.len() as i64 - 1, completion.len() as i64)
}

/// Log-probabilities (t - 1) of all tokens of a row but the first.
pub fn of_row(model: &Model, row: &Prompt) -> Tensor {
    let batch = Batch::new(&[row], PadSide::Right, PAD_ID, model.config(), Device::Cpu).unwrap();
    let log_probs = model.logits(&model.hidden(&batch)).squeeze_dim(0).log_softmax(-1, Kind::Float);
    let n_predicted = row.ids.len() as i64 - 1;
    let targets = Tensor::from_slice(&row.ids[1..]).unsqueeze(1);
    log_probs.narrow(0, 0, n_predicted).gather(1, &targets, false).squeeze_dim(1)
}

/// A loss, and the gradient of every parameter that it gives.
pub struct Backward {
    pub loss: f64,
    pub gradients: Vec<(String, Tensor)>,
}

/// Runs the backward pass from a loss, and clears the gradients.
pub fn backward(model: &Model, loss: &Tensor) -> Backward {
    loss.backward();
    accumulated(model, loss)
}

/// A loss that was taken backward already; clears the gradients.
pub fn accumulated(model: &Model, loss: &Tensor) -> Backward {
    Backward { loss: loss.double_value(&[]), gradients: take_gradients(model) }
}

fn take_gradients(model: &Model) -> Vec<(String, Tensor)> {
    let taken = |(name, parameter): (String, Tensor)| {
        let mut gradient = parameter.grad();
        // Of the vision tower, where no prompt has an image.
        let copy = if gradient.defined() { gradient.copy() } else { parameter.zeros_like() };
        if gradient.defined() {
            let _ = gradient.zero_();
        }
        (name, copy.detach())
    };
    model.named_parameters().into_iter().map(taken).collect()
}

pub fn assert_same(case: &str, found: &Backward, expected: &Backward) {
    assert_close(&format!("{case}: loss"), &of(found.loss), &of(expected.loss), 1.0);
    let largest = expected.gradients.iter().map(|(_, gradient)| largest(gradient));
    let floor = 1e-3 * largest.fold(0.0, f64::max); // what cancels is as exact as its parts
    for ((name, expected), (_, found)) in expected.gradients.iter().zip(&found.gradients) {
        assert_close(&format!("{case}: gradient of {name}"), found, expected, floor);
    }
}

/// Compares to the tolerance times the largest number, or times `floor` where all are smaller.
pub fn assert_close(what: &str, found: &Tensor, expected: &Tensor, floor: f64) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let difference = largest(&(found - expected));
    let allowed = TOLERANCE * largest(expected).max(floor);
    assert!(difference <= allowed, "{what}: off by {difference:e}, allowed {allowed:e}");
}

fn largest(tensor: &Tensor) -> f64 {
    if tensor.numel() == 0 { 0.0 } else { tensor.abs().max().double_value(&[]) }
}

fn of(number: f64) -> Tensor {
    Tensor::from_slice(&[number])
}
