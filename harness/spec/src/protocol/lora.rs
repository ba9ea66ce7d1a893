//! Low-rank adapters in place of training all weights.

use serde::{Deserialize, Serialize};

/// LoRA (Hu et al. 2021): to the frozen weight W of a linear layer `alpha / rank · B A` is added, and only A
/// and B are trained, at every linear layer of the decoder and of the vision tower. The paper trains all
/// weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraRule {
    /// Rows of A, columns of B.
    pub rank: usize,
    /// The weight of the product, times the rank.
    pub alpha: f64,
}
