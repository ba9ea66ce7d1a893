//! Turns logits into the next token.
//!
//! Temperature, then top-k, then top-p, as transformers applies them: all tokens that tie with the
//! k-th stay, and of top-p at least one token stays.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use tch::{Kind, Tensor};

use crate::random::draw_unit;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoding {
    /// The likeliest token.
    Greedy,
    /// The likeliest token where those that its row has already, its prompt's included, are less likely: their
    /// logits are divided by this number if they are positive, else multiplied with it.
    Penalised(f64),
    /// A token drawn from the filtered distribution.
    Sample(Sampling),
}

impl Decoding {
    /// Greedy decoding with transformers' `repetition_penalty`, of which 1 changes nothing.
    pub fn greedy(repetition_penalty: f64) -> Decoding {
        if repetition_penalty == 1.0 {
            Decoding::Greedy
        } else {
            Decoding::Penalised(repetition_penalty)
        }
    }
}

/// What is left of the distribution before a token is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Above 0; 1 leaves the logits as they are.
    pub temperature: f64,
    /// Only the k likeliest tokens; 0 for all.
    pub top_k: usize,
    /// Only the likeliest tokens that together reach this probability; 1 for all.
    pub top_p: f64,
}

/// Applies the filters: logits (n, vocabulary) to float32 probabilities of the same shape.
pub fn filtered_probs(logits: &Tensor, sampling: &Sampling) -> Tensor {
    assert!(0.0 < sampling.temperature, "temperature must be above 0: {sampling:?}");
    let mut logits = logits / sampling.temperature;
    let vocab_size = logits.size()[1];
    let top_k = (sampling.top_k as i64).min(vocab_size);
    if 0 < top_k && top_k < vocab_size {
        let (largest, _) = logits.topk(top_k, -1, true, true);
        let least_kept = largest.narrow(-1, top_k - 1, 1); // (n, 1)
        logits = logits.masked_fill(&logits.lt_tensor(&least_kept), f64::NEG_INFINITY);
    }
    if sampling.top_p < 1.0 {
        logits = keep_top_p(&logits, sampling.top_p);
    }
    logits.softmax(-1, Kind::Float)
}

/// Drops the unlikeliest tokens that together have at most 1 - p, but never the last.
fn keep_top_p(logits: &Tensor, top_p: f64) -> Tensor {
    let (sorted, order) = logits.sort(-1, false);
    let cumulative = sorted.softmax(-1, Kind::Float).cumsum(-1, Kind::Float);
    let dropped = cumulative.le(1.0 - top_p);
    let mut likeliest = dropped.narrow(-1, -1, 1);
    let _ = likeliest.fill_(0);
    let dropped = dropped.scatter(-1, &order, &dropped);
    logits.masked_fill(&dropped, f64::NEG_INFINITY)
}

/// Which tokens each row has already, its prompt's included, and what that makes of their logits.
///
/// Differs from transformers before 5 in one way: padding is no token of the row, so that an answer does not depend
/// on what else is in its batch.
pub(crate) struct Repetition {
    penalty: f64,
    seen: Tensor, // (b, vocabulary), bool
}

impl Repetition {
    /// Rows of prompts: ids and padding (b, t).
    pub(crate) fn new(penalty: f64, (ids, mask): (&Tensor, &Tensor), vocab_size: i64) -> Self {
        let (n_rows, device) = (ids.size()[0], ids.device());
        let n_seen = Tensor::zeros([n_rows, vocab_size], (Kind::Int64, device));
        let n_seen = n_seen.scatter_add(1, ids, &mask.to_kind(Kind::Int64));
        Repetition { penalty, seen: n_seen.gt(0) }
    }

    /// Makes the tokens that a row has already less likely: logits (b, vocabulary).
    pub(crate) fn penalise(&self, logits: &Tensor) -> Tensor {
        let less = (logits * self.penalty).where_self(&logits.lt(0.0), &(logits / self.penalty));
        less.where_self(&self.seen, logits)
    }

    /// Adds the next token of every row (b).
    pub(crate) fn push(&mut self, next: &Tensor) {
        let _ = self.seen.scatter_value_(1, &next.unsqueeze(1), 1);
    }

    /// Keeps the rows whose indices are given (int64), in that order.
    pub(crate) fn select(&mut self, rows: &Tensor) {
        self.seen = self.seen.index_select(0, rows);
    }
}

/// The random numbers in [0, 1) of rows, `n` for each (rows, n): what one draws does not depend on the others.
pub(crate) fn draws_of(row_seeds: &[u64], n: usize) -> Tensor {
    let of_row = |&seed: &u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|_| draw_unit(&mut rng)).collect::<Vec<f64>>()
    };
    let draws: Vec<f64> = row_seeds.iter().flat_map(of_row).collect();
    Tensor::from_slice(&draws).view([row_seeds.len() as i64, n as i64])
}

/// Draws one token for each row of logits (n, vocabulary), by a number in [0, 1) for each (n).
pub(crate) fn sample(logits: &Tensor, sampling: &Sampling, draws: &Tensor) -> Tensor {
    draw(&filtered_probs(logits, sampling), draws)
}

/// Tokens beyond the k-th that are looked at for ties with it.
const SPARE: i64 = 64;

/// A token for each row, drawn from the likeliest ones alone.
pub(crate) struct DrawnFromLargest {
    /// The tokens (n).
    pub(crate) ids: Tensor,
    /// Whether more tokens tie with the k-th than were looked at (n): [`sample`] draws the token then.
    pub(crate) is_open: Tensor,
}

/// Draws as [`sample`] does and sorts, adds up and compares a few numbers of each row instead of all; nothing where a
/// sampling keeps more than the k likeliest tokens and their ties, or nearly all.
pub(crate) fn sample_of_largest(
    logits: &Tensor,
    sampling: &Sampling,
    draws: &Tensor,
) -> Option<DrawnFromLargest> {
    let (top_k, n_seen) = (sampling.top_k as i64, sampling.top_k as i64 + SPARE);
    if top_k == 0 || logits.size()[1] <= n_seen || sampling.top_p < 1.0 {
        return None;
    }
    assert!(0.0 < sampling.temperature, "temperature must be above 0: {sampling:?}");
    let (largest, ids) = logits.topk(n_seen, -1, true, true);
    let largest = largest / sampling.temperature; // (n, n_seen)
    let least_kept = largest.narrow(-1, top_k - 1, 1); // (n, 1)
    let is_open = largest.narrow(-1, n_seen - 1, 1).eq_tensor(&least_kept).squeeze_dim(-1);
    // In the vocabulary's order, which is the order of the steps that a draw is held to.
    let (ids, order) = ids.sort(-1, false);
    let kept = largest.masked_fill(&largest.lt_tensor(&least_kept), f64::NEG_INFINITY);
    let probs = kept.gather(-1, &order, false).softmax(-1, Kind::Float);
    let places = draw(&probs, draws).clamp_max(n_seen - 1);
    let ids = ids.gather(-1, &places.unsqueeze(-1), false).squeeze_dim(-1);
    Some(DrawnFromLargest { ids, is_open })
}

/// Inverts the distribution: for u in [0, 1) the first token whose cumulative probability is above.
fn draw(probs: &Tensor, draws: &Tensor) -> Tensor {
    let cumulative = probs.cumsum(-1, Kind::Double); // (n, vocabulary)
    // Scaled by the total, which rounding keeps from being 1: a draw stays below the last step.
    let target = draws.unsqueeze(-1) * cumulative.narrow(-1, -1, 1); // (n, 1)
    cumulative.le_tensor(&target).sum_dim_intlist([-1i64].as_slice(), false, Kind::Int64)
}

#[cfg(test)]
mod tests;
