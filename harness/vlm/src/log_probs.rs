//! Log-probabilities of given tokens.

use clsrl_libtorch::recompute;
use tch::{Kind, Tensor};

use crate::{layers::cast, model::Model};

/// Logits that one chunk may hold: 64 MiB in float32.
const MAX_CHUNK: i64 = 1 << 24;

/// Scores each target: hidden (n, c) and targets (n) to float32 log-probabilities (n).
///
/// Logits exist only for the rows given, and for a chunk of them at a time: where there are several chunks,
/// the backward pass computes each again, so that memory does not grow with words times tokens.
pub fn token_log_probs(model: &Model, hidden: &Tensor, targets: &Tensor) -> Tensor {
    let n_rows = (MAX_CHUNK / model.config().vocab_size).max(1);
    if hidden.size()[0] <= n_rows {
        return score(hidden, &model.head_weight(hidden.kind()), targets);
    }
    let head = model.head_weight(hidden.kind());
    let chunks = hidden.split(n_rows, 0).into_iter().zip(targets.split(n_rows, 0));
    let scored: Vec<Tensor> = chunks
        .map(|(hidden, targets)| {
            let [log_probs] = recompute(&[&hidden, &head], move |inputs| {
                [score(&inputs[0], &inputs[1], &targets)]
            })
            .unwrap_or_else(|error| panic!("{error}"));
            log_probs
        })
        .collect();
    Tensor::cat(&scored, 0)
}

/// (n, c), the head (vocabulary, c) and (n) to (n).
fn score(hidden: &Tensor, head: &Tensor, targets: &Tensor) -> Tensor {
    let logits = cast(&hidden.linear(head, None::<&Tensor>), Kind::Float);
    let log_probs = logits.log_softmax(-1, Kind::Float); // (n, vocabulary)
    log_probs.gather(-1, &targets.unsqueeze(-1), false).squeeze_dim(-1)
}
