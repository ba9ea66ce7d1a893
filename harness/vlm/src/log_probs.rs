//! Log-probabilities of given tokens, and the gradients that a loss of them gives.
//!
//! With 152,000 words the logits of a batch are larger than everything else. They exist only for the tokens that
//! are scored, and for a chunk of those at a time.

use clsrl_libtorch::{add_product, backward};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{
    model::Model,
    ops::{cast, linear},
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
/// The loss is a sum over chunks: `loss_of(first_token, log_probs)` returns a chunk's, whose log-probabilities are a
/// leaf. Gradients go to the head's weights and into `hidden`; no logits are
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
    let states = hidden.detach();
    let mut chunks = chunks(model, &states, targets).peekable();
    let mut last = None;
    while let Some((hidden, targets)) = chunks.next() {
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
            match chunks.peek() {
                Some(_) => add(of_logits, hidden),
                None => last = Some((of_logits, hidden)),
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
    let most_rows = (max_chunk(model.device()) / model.config().vocab_size).max(1);
    let sizes = split_into_chunks(hidden.size()[0], most_rows);
    hidden.split_with_sizes(&sizes, 0).into_iter().zip(targets.split_with_sizes(&sizes, 0))
}

/// Splits `n_tokens` into chunks of at most `most`. Each is smaller than the one before it, down to half of the first:
/// glibc's allocator does not give a freed block to an aligned one of the same size, and lets the heap grow instead.
fn split_into_chunks(n_tokens: i64, most: i64) -> Vec<i64> {
    let (mut sizes, mut left, mut size) = (Vec::new(), n_tokens, most);
    while 0 < left || sizes.is_empty() {
        sizes.push(size.min(left));
        left -= size.min(left);
        size = (size - 1).max((most + 1) / 2);
    }
    sizes
}

/// (n, c) and the head (vocabulary, c) to (n, vocabulary).
fn all_log_probs(hidden: &Tensor, head: &Tensor) -> Tensor {
    let logits = cast(&linear(hidden, head, None), Kind::Float);
    if logits.device() != Device::Cpu || logits.requires_grad() {
        return logits.log_softmax(-1, Kind::Float);
    }
    // Over the logits: a CPU's kernel has read a row when it writes it.
    logits.internal_log_softmax_out(&logits, -1, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probs_over_the_logits_have_the_bits_of_a_copy() {
        let values = Tensor::arange(3 * 4003, (Kind::Float, Device::Cpu)).view([3, 4003]);
        let (hidden, head) =
            ((values * 0.7).sin() * 9.0, Tensor::eye(4003, (Kind::Float, Device::Cpu)));
        let log_probs = all_log_probs(&hidden, &head);
        assert!(log_probs.equal(&hidden.log_softmax(-1, Kind::Float)));
    }

    #[test]
    fn chunks_become_smaller_and_hold_every_token() {
        assert_eq!(split_into_chunks(504, 110), [110, 109, 108, 107, 70]);
        assert_eq!(split_into_chunks(13, 4), [4, 3, 2, 2, 2]);
        assert_eq!(split_into_chunks(3, 1), [1, 1, 1]);
        assert_eq!(split_into_chunks(7, 9), [7]);
        assert_eq!(split_into_chunks(0, 9), [0]);
    }
}
