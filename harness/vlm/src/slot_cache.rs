//! The KV cache of rows whose prompts stand in it too, for a GPU: attention is one product of all keys, where a prompt
//! that is kept once would need a second kernel of each kind.

use tch::{Kind, Tensor};

use crate::kv_cache::Prefill;

/// Own tokens of a row that fit at first; their number doubles when it is used up.
const FIRST_CAPACITY: i64 = 64;

/// Keys and values of rows, each a slot of the batch. All rows are equally long: a row that has ended goes on unread
/// until it leaves.
#[derive(Debug)]
pub(crate) struct SlotCache {
    /// One (k, v) for each layer, each (b, g, capacity, d): a row's prompt, then its own tokens.
    layers: Vec<(Tensor, Tensor)>,
    /// Added to the scores of all keys (b g, 1, capacity); hides the padding of prompts.
    mask: Tensor,
    /// What the first own token of each row gets (b).
    first_positions: Tensor,
    /// Tokens of a prompt, padding included.
    n_prompt: i64,
    /// Tokens of a row, its prompt's included.
    length: i64,
}

impl SlotCache {
    /// Rows without own tokens, `n_per_prompt` for each prompt, that will have at most `max_own`.
    pub(crate) fn new(prompts: &Prefill, n_per_prompt: i64, max_own: i64) -> Self {
        let like = &prompts.layers[0].0;
        let (p, g, s, d) = like.size4().expect("keys are (p, g, s, d)");
        let (b, capacity) = (p * n_per_prompt, s + max_own.min(FIRST_CAPACITY));
        let of_rows = |of_prompt: &Tensor| {
            // What nothing has written yet is no NaN, which a weight of 0 would not hide.
            let all = Tensor::zeros([b, g, capacity, d], (like.kind(), like.device()));
            let of_prompts = all.narrow(2, 0, s).unflatten(0, [p, n_per_prompt]);
            of_prompts.shallow_clone().copy_(&of_prompt.unsqueeze(1));
            all
        };
        let mask = Tensor::zeros([p, 1, capacity], (Kind::Float, like.device()));
        if let Some(of_prompts) = &prompts.mask {
            mask.narrow(2, 0, s).copy_(&of_prompts.squeeze_dim(1));
        }
        SlotCache {
            layers: prompts.layers.iter().map(|(k, v)| (of_rows(k), of_rows(v))).collect(),
            mask: mask.repeat_interleave_self_int(n_per_prompt * g, 0, None).to_kind(like.kind()),
            first_positions: prompts.next_positions.repeat_interleave_self_int(
                n_per_prompt,
                0,
                None,
            ),
            n_prompt: s,
            length: s,
        }
    }

    /// Tokens of a row, its prompt's included.
    pub(crate) fn length(&self) -> i64 {
        self.length
    }

    /// Forgets the tokens after the first `length`.
    pub(crate) fn rewind(&mut self, length: i64) {
        self.length = length;
    }

    /// Positions (3, b, 1) of the next token: text counts time, height and width together.
    pub(crate) fn next_positions(&self) -> Tensor {
        let positions = &self.first_positions + (self.length - self.n_prompt);
        positions.view([1, -1, 1]).expand([3, -1, 1], false)
    }

    /// Reserves memory for another token in all layers.
    pub(crate) fn reserve(&mut self) {
        let capacity = self.mask.size()[2];
        if self.length < capacity {
            return;
        }
        let n_own = capacity - self.n_prompt;
        let longer = |tensor: &Tensor| {
            let more = tensor.narrow(2, 0, 1).zeros_like();
            let more = more.expand([-1, -1, n_own, -1], false);
            Tensor::cat(&[tensor, &more], 2)
        };
        self.layers = self.layers.iter().map(|(k, v)| (longer(k), longer(v))).collect();
        let seen = self.mask.narrow(2, 0, 1).zeros_like().expand([-1, -1, n_own], false);
        self.mask = Tensor::cat(&[&self.mask, &seen], 2);
    }

    /// Writes a layer's key and value of the next token, each (b, g, 1, d); returns all of that layer's up to there,
    /// each (b, g, length + 1, d), and what is added to their scores (b g, 1, length + 1).
    pub(crate) fn push(&self, layer_idx: usize, k: &Tensor, v: &Tensor) -> [Tensor; 3] {
        let (keys, values) = &self.layers[layer_idx];
        keys.narrow(2, self.length, 1).copy_(k);
        values.narrow(2, self.length, 1).copy_(v);
        [keys, values, &self.mask].map(|tensor| tensor.narrow(2, 0, self.length + 1))
    }

    /// Counts the token that all layers have written.
    pub(crate) fn advance(&mut self) {
        self.length += 1;
    }

    /// Keeps the rows whose indices are given (int64), in that order.
    pub(crate) fn select(&mut self, rows: &Tensor) {
        let keep = |tensor: &Tensor| tensor.index_select(0, rows);
        self.layers = self.layers.iter().map(|(k, v)| (keep(k), keep(v))).collect();
        let g = self.mask.size()[0] / self.first_positions.size()[0];
        self.mask = keep(&self.mask.unflatten(0, [-1, g])).flatten(0, 1);
        self.first_positions = keep(&self.first_positions);
    }
}
