//! Keys and values of tokens that were seen already.
//!
//! Nothing is changed in place: every step makes a new cache, so that gradients flow through it
//! and several continuations can share one prompt.

use tch::Tensor;

/// What the decoder remembers of each row.
#[derive(Debug)]
pub struct Cache {
    /// One (k, v) for each layer, each (b, g, s, d).
    pub(crate) layers: Vec<(Tensor, Tensor)>,
    /// 1 for tokens, 0 for padding (b, s).
    pub(crate) mask: Tensor,
    /// What the next token of each row gets (b).
    pub(crate) next_positions: Tensor,
}

/// A prompt that was run: its cache, and what its last token came to.
#[derive(Debug)]
pub struct Prefill {
    /// Keys and values of the prompt.
    pub cache: Cache,
    /// After the final norm, at the last real token of each row (b, c).
    pub last_hidden: Tensor,
}

impl Prefill {
    /// Turns row i into rows i * n to (i + 1) * n.
    pub fn repeat_each(&self, n: i64) -> Prefill {
        Prefill { cache: self.cache.repeat_each(n), last_hidden: repeat_rows(&self.last_hidden, n) }
    }
}

impl Cache {
    /// Number of rows.
    pub fn n_rows(&self) -> i64 {
        self.mask.size()[0]
    }

    /// Turns row i into rows i * n to (i + 1) * n.
    pub fn repeat_each(&self, n: i64) -> Cache {
        self.map(|tensor| repeat_rows(tensor, n))
    }

    /// Keeps the rows whose indices are given (int64), in that order.
    pub fn select(&self, rows: &Tensor) -> Cache {
        self.map(|tensor| tensor.index_select(0, rows))
    }

    /// The same tensors again.
    pub(crate) fn shallow_clone(&self) -> Cache {
        self.map(Tensor::shallow_clone)
    }

    fn map(&self, change: impl Fn(&Tensor) -> Tensor) -> Cache {
        Cache {
            layers: self.layers.iter().map(|(k, v)| (change(k), change(v))).collect(),
            mask: change(&self.mask),
            next_positions: change(&self.next_positions),
        }
    }
}

/// A broadcast and a copy: its backward is a plain sum.
fn repeat_rows(tensor: &Tensor, n: i64) -> Tensor {
    let size = tensor.size();
    let mut repeated = vec![size[0], n];
    repeated.extend(&size[1..]);
    tensor.unsqueeze(1).expand(repeated, false).flatten(0, 1)
}
