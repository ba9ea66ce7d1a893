//! Log-probabilities of given tokens, and the gradients that a loss of them gives.
//!
//! With 152,000 words the logits of a batch are larger than everything else. They exist only for the tokens that
//! are scored, and for a chunk of those at a time.

use clsrl_libtorch::{add_product, backward};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{
    layers::{cast, linear},
    model::Model,
};

/// Logits that one chunk may hold: 64 MiB in float32 on a CPU. On a GPU, which wants larger products, 1 GiB.
fn max_chunk(device: Device) -> i64 {
    if device.is_cuda() { 1 << 28 } else { 1 << 24 }
}

/// Scores each target: hidden (n, c) and targets (n) to float32 log-probabilities (n).
///
/// Where gradients are wanted they can be had of these, and all chunks are kept for them; see
/// [`backward_log_probs`].
pub fn token_log_probs(model: &Model, hidden: &Tensor, targets: &Tensor) -> Tensor {
    let head = model.head_weight(hidden.kind());
    let scored = chunks(model, hidden, targets).map(|(hidden, targets)| {
        let log_probs = all_log_probs(&hidden, &head);
        log_probs.gather(-1, &targets.unsqueeze(-1), false).squeeze_dim(-1)
    });
    Tensor::cat(&scored.collect::<Vec<_>>(), 0)
}

/// Scores each target as [`token_log_probs`] does, and takes a loss of it backward, a chunk at a time.
///
/// The loss is a sum over chunks: `loss_of` makes a chunk's part of the place of its first token and of its
/// log-probabilities, which are a leaf there. Gradients go to the head's weights and into `hidden`; no logits are
/// kept or computed twice for that. Returns log-probabilities (n) without gradients.
pub fn backward_log_probs(
    model: &Model,
    hidden: &Tensor,
    targets: &Tensor,
    mut loss_of: impl FnMut(i64, &Tensor) -> Tensor,
) -> Tensor {
    let head = model.head_weight(hidden.kind()).detach(); // (vocabulary, c)
    let leaf = &model.head_leaf;
    let add = |of_logits: Tensor, hidden: Tensor| {
        if leaf.requires_grad() {
            add_product(leaf, &of_logits.transpose(0, 1), &hidden)
                .unwrap_or_else(|error| panic!("{error}"));
        }
    };
    let (mut scored, mut gradients, mut first) = (Vec::new(), Vec::new(), 0);
    let mut last: Option<(Tensor, Tensor)> = None;
    for (hidden, targets) in chunks(model, &hidden.detach(), targets) {
        let targets = targets.unsqueeze(-1); // (m, 1)
        let mut all = no_grad(|| all_log_probs(&hidden, &head)); // (m, vocabulary)
        let of_targets = all.gather(-1, &targets, false).squeeze_dim(-1).set_requires_grad(true);
        loss_of(first, &of_targets).backward();
        first += of_targets.size()[0];
        let weight = of_targets.grad().unsqueeze(-1); // (m, 1)
        scored.push(of_targets.detach());
        no_grad(|| {
            // A logit's gradient: 1 for the target, less its probability, times the token's weight in the loss.
            let _ = all.exp_().g_mul_(&weight.neg()).scatter_add_(-1, &targets, &weight);
            let of_logits = cast(&all, hidden.kind());
            gradients.push(linear(&of_logits, &head.transpose(0, 1), None));
            if let Some((of_logits, hidden)) = last.replace((of_logits, hidden)) {
                add(of_logits, hidden);
            }
        });
    }
    if hidden.requires_grad() {
        let gradient = Tensor::cat(&gradients, 0);
        backward(hidden, &gradient).unwrap_or_else(|error| panic!("{error}"));
    }
    // The last, and as a rule the only one: a new gradient of the head's size has room when activations are gone.
    if let Some((of_logits, hidden)) = last {
        add(of_logits, hidden);
    }
    Tensor::cat(&scored, 0)
}

fn chunks(
    model: &Model,
    hidden: &Tensor,
    targets: &Tensor,
) -> impl Iterator<Item = (Tensor, Tensor)> {
    let most_rows = (max_chunk(model.device()) / model.config().vocab_size).max(1) as u64;
    let n_tokens = hidden.size()[0] as u64;
    let n_chunks = n_tokens.div_ceil(most_rows).max(1);
    let n_rows = n_tokens.div_ceil(n_chunks).max(1) as i64; // as many in each
    hidden.split(n_rows, 0).into_iter().zip(targets.split(n_rows, 0))
}

/// (n, c) and the head (vocabulary, c) to (n, vocabulary).
fn all_log_probs(hidden: &Tensor, head: &Tensor) -> Tensor {
    cast(&linear(hidden, head, None), Kind::Float).log_softmax(-1, Kind::Float)
}
