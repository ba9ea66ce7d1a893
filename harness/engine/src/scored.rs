//! The tokens that a loss scores: where their states are, what they should be, whose row they are of.
//!
//! Logits are computed at these positions only; with 152,000 words that is most of the memory.

use tch::{Device, Kind, Tensor};

/// Scored tokens of a batch, collected row by row.
#[derive(Debug)]
pub(crate) struct ScoredTokens {
    n_rows: usize,
    states: Vec<i64>,
    targets: Vec<i64>,
    rows: Vec<i64>,
    weights: Vec<f64>,
}

/// The same on a device, all of shape (scored tokens).
#[derive(Debug)]
pub(crate) struct ScoredTensors {
    n_rows: i64,
    /// Positions of the predicting states in the flattened batch.
    pub(crate) states: Tensor,
    /// The tokens to predict.
    pub(crate) targets: Tensor,
    /// The row of each token.
    pub(crate) rows: Tensor,
    weights: Tensor,
}

impl ScoredTokens {
    pub(crate) fn new(n_rows: usize) -> Self {
        let (states, targets, rows, weights) = Default::default();
        ScoredTokens { n_rows, states, targets, rows, weights }
    }

    /// Adds a row's tokens, each as (position of its predicting state, the token).
    pub(crate) fn push_row(&mut self, row: usize, tokens: impl Iterator<Item = (usize, i64)>) {
        let before = self.targets.len();
        for (state, target) in tokens {
            self.states.push(state as i64);
            self.targets.push(target);
            self.rows.push(row as i64);
        }
        let n_tokens = self.targets.len() - before;
        self.weights.extend(std::iter::repeat_n(1.0 / n_tokens as f64, n_tokens));
    }

    pub(crate) fn to_device(&self, device: Device) -> ScoredTensors {
        ScoredTensors {
            n_rows: self.n_rows as i64,
            states: Tensor::from_slice(&self.states).to_device(device),
            targets: Tensor::from_slice(&self.targets).to_device(device),
            rows: Tensor::from_slice(&self.rows).to_device(device),
            weights: Tensor::from_slice(&self.weights).to_device(device),
        }
    }
}

impl ScoredTensors {
    /// Some tokens that follow each other, as parts of the same rows.
    pub(crate) fn part(&self, first: i64, n_tokens: i64) -> ScoredTensors {
        let part = |tensor: &Tensor| tensor.narrow(0, first, n_tokens);
        ScoredTensors {
            n_rows: self.n_rows,
            states: part(&self.states),
            targets: part(&self.targets),
            rows: part(&self.rows),
            weights: part(&self.weights),
        }
    }

    /// The mean of a per-token value over each row's tokens, shape (rows), float32; 0 for a row without
    /// any. Summed in float64: token after token in float32 a long row would lose its last digits.
    pub(crate) fn row_means(&self, per_token: &Tensor) -> Tensor {
        Tensor::zeros([self.n_rows], (Kind::Double, per_token.device()))
            .index_add(0, &self.rows, &(per_token.to_kind(Kind::Double) * &self.weights))
            .to_kind(Kind::Float)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_a_long_row_is_as_exact_as_its_tokens() {
        let lengths = [3000, 7, 0];
        let mut scored = ScoredTokens::new(lengths.len());
        for (row, length) in lengths.into_iter().enumerate() {
            scored.push_row(row, (0..length).map(|at| (at, 0)));
        }
        let scored = scored.to_device(Device::Cpu);
        let values = Tensor::full([3007], 9.7, (Kind::Float, Device::Cpu));
        let means: Vec<f32> = scored.row_means(&values).try_into().unwrap();
        assert_eq!(means, [9.7, 9.7, 0.0]);
    }
}
