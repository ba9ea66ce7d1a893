//! Log-probabilities of given tokens.

use tch::{Kind, Tensor};

use crate::model::Model;

/// Logits that one chunk may hold: 64 MiB in float32.
const MAX_CHUNK: i64 = 1 << 24;

/// Scores each target: hidden (n, c) and targets (n) to float32 log-probabilities (n).
///
/// Logits exist only for the rows given, and for a chunk of them at a time.
pub fn token_log_probs(model: &Model, hidden: &Tensor, targets: &Tensor) -> Tensor {
    let n_rows = (MAX_CHUNK / model.config().vocab_size).max(1);
    let score = |hidden: Tensor, targets: Tensor| {
        let log_probs = model.logits(&hidden).log_softmax(-1, Kind::Float); // (n, vocabulary)
        log_probs.gather(-1, &targets.unsqueeze(-1), false).squeeze_dim(-1)
    };
    let chunks = hidden.split(n_rows, 0).into_iter().zip(targets.split(n_rows, 0));
    let scored: Vec<Tensor> = chunks.map(|(hidden, targets)| score(hidden, targets)).collect();
    Tensor::cat(&scored, 0)
}
