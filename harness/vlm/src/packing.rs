//! Packing: tokens of prompts of different lengths, one after the other without padding.
//!
//! Everything but attention works on each token alone, and so on no padding at all; attention works on the
//! rectangle of rows, which is gathered for it and taken apart again.

use tch::Tensor;

/// Where the tokens of a rectangle (b, t) lie when its padding is left out.
#[derive(Debug)]
pub(crate) struct Packing {
    shape: [i64; 2],
    /// Index in the rectangle, flattened, of each token (n).
    indices: Tensor,
    /// The token at each index of the rectangle (b t); any token at padding, which nobody reads.
    tokens: Tensor,
}

impl Packing {
    /// Packs a rectangle whose mask has 1 for tokens and 0 for padding, row after row.
    pub(crate) fn new(mask: &[i64], shape: [i64; 2]) -> Self {
        let mut n_before = 0;
        let (mut indices, mut tokens) = (Vec::new(), Vec::with_capacity(mask.len()));
        for (index, &is_token) in mask.iter().enumerate() {
            tokens.push(if is_token == 1 { n_before } else { 0 });
            if is_token == 1 {
                indices.push(index as i64);
                n_before += 1;
            }
        }
        let [indices, tokens] = [indices, tokens].map(|values| Tensor::from_slice(&values));
        Packing { shape, indices, tokens }
    }

    /// The same tensors again.
    pub(crate) fn share(&self) -> Packing {
        self.map(|tensor| tensor.shallow_clone())
    }

    /// Changes each tensor, first to last.
    pub(crate) fn map(&self, mut change: impl FnMut(&Tensor) -> Tensor) -> Packing {
        let Packing { shape, indices, tokens } = self;
        Packing { shape: *shape, indices: change(indices), tokens: change(tokens) }
    }

    /// (b, t, …) to (1, n, …).
    pub(crate) fn pack(&self, x: &Tensor) -> Tensor {
        x.flatten(0, 1).index_select(0, &self.indices).unsqueeze(0)
    }

    /// (1, n, …) to (b, t, …).
    pub(crate) fn unpack(&self, x: &Tensor) -> Tensor {
        let [b, t] = self.shape;
        x.squeeze_dim(0).index_select(0, &self.tokens).unflatten(0, [b, t])
    }

    /// Indices in the rectangle, flattened, to those among the tokens.
    pub(crate) fn packed_indices(&self, indices: &Tensor) -> Tensor {
        self.tokens.index_select(0, indices)
    }
}
