//! The KV cache: keys and values of prompts, and of the rows that continue them.
//!
//! A prompt's are kept once, however many rows continue it. Nothing of a [`Prefill`] is changed in place, so
//! gradients flow through it; a [`RowCache`] is written in place, and only while sampling.

use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use crate::{attention::KeyValues, batch::Batch, config::Config, mask::padding_mask};

/// Tokens of a row that fit at first; the capacity doubles when it is used up.
const FIRST_CAPACITY: i64 = 16;

/// Prefilled prompts: their keys and values, and the hidden states of their last tokens.
#[derive(Debug)]
pub struct Prefill {
    /// One (k, v) for each layer, each (p, g, s, d).
    pub(crate) layers: Vec<(Tensor, Tensor)>,
    /// What is added to the score of each key (p, 1, 1, s); none where nothing is padding.
    pub(crate) mask: Option<Tensor>,
    /// What the next token of each prompt gets (p).
    pub(crate) next_positions: Tensor,
    /// After the final norm, at the last token of each prompt (p, c).
    pub last_hidden: Tensor,
    /// The prompts' ids, and 1 for tokens and 0 for padding, each (p, s).
    pub(crate) tokens: (Tensor, Tensor),
}

/// What one prompt's prefill leaves for what continues it, in one tensor, so that many can be kept.
#[derive(Debug)]
pub struct PromptKeys {
    /// Keys and values of each layer in turn, without padding (2 · layers, g, s, d).
    pub(crate) key_values: Tensor,
    /// After the final norm, at the last token (1, c).
    pub(crate) last_hidden: Tensor,
}

impl PromptKeys {
    /// Takes them from the prefill of a prompt alone, of `n_tokens` that stand at the side of a batch.
    pub(crate) fn of(prefill: &Prefill, n_tokens: i64, is_left_padded: bool) -> Self {
        let layers = prefill.layers.iter().flat_map(|(k, v)| [k, v]);
        let key_values = Tensor::cat(&layers.collect::<Vec<_>>(), 0);
        let first = if is_left_padded { key_values.size()[2] - n_tokens } else { 0 };
        let key_values = key_values.narrow(2, first, n_tokens).contiguous();
        PromptKeys { key_values, last_hidden: prefill.last_hidden.shallow_clone() }
    }

    /// What they take on the device.
    pub fn n_bytes(&self) -> u64 {
        let bytes = |tensor: &Tensor| (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64;
        bytes(&self.key_values) + bytes(&self.last_hidden)
    }
}

impl Prefill {
    /// The prefill of a batch from what is kept of each of its prompts.
    pub fn of_keys(batch: &Batch, keys: &[Rc<PromptKeys>]) -> Prefill {
        let (n_prompts, width) = batch.ids.size2().expect("ids are (b, t)");
        let [n, g, _, d] = keys[0].key_values.size()[..] else { panic!("keys have four axes") };
        let options = (keys[0].key_values.kind(), keys[0].key_values.device());
        let all = Tensor::zeros([n, n_prompts, g, width, d], options);
        for (row, keys) in keys.iter().enumerate() {
            let n_tokens = keys.key_values.size()[2];
            let first = if batch.starts_together { 0 } else { width - n_tokens };
            all.select(1, row as i64).narrow(2, first, n_tokens).copy_(&keys.key_values);
        }
        let layers = (0..n / 2).map(|layer| (all.get(2 * layer), all.get(2 * layer + 1)));
        let last_hidden: Vec<&Tensor> = keys.iter().map(|keys| &keys.last_hidden).collect();
        Prefill {
            layers: layers.collect(),
            mask: batch.is_padded.then(|| padding_mask(&batch.mask)),
            next_positions: batch.next_positions.shallow_clone(),
            last_hidden: Tensor::cat(&last_hidden, 0),
            tokens: (batch.ids.shallow_clone(), batch.mask.shallow_clone()),
        }
    }

    /// Number of prompts.
    pub fn n_prompts(&self) -> i64 {
        self.last_hidden.size()[0]
    }

    /// Keeps the prompts whose indices are given (int64), in that order.
    pub fn select(&self, prompts: &Tensor) -> Prefill {
        self.map(|tensor| tensor.index_select(0, prompts))
    }

    /// The keys and values of a layer.
    pub(crate) fn key_values(&self, layer_idx: usize) -> KeyValues<'_> {
        let (k, v) = &self.layers[layer_idx];
        KeyValues { k, v, mask: self.mask.as_ref() }
    }

    /// The same numbers without gradients.
    pub fn detached(&self) -> Prefill {
        self.map(Tensor::detach)
    }

    fn map(&self, change: impl Fn(&Tensor) -> Tensor) -> Prefill {
        Prefill {
            layers: self.layers.iter().map(|(k, v)| (change(k), change(v))).collect(),
            mask: self.mask.as_ref().map(&change),
            next_positions: change(&self.next_positions),
            last_hidden: change(&self.last_hidden),
            tokens: (change(&self.tokens.0), change(&self.tokens.1)),
        }
    }
}

/// The KV cache of rows that continue prompts, the same number for each, prompt by prompt: `b = p * n`.
///
/// All rows are equally long: a row that has ended goes on unread until it leaves.
#[derive(Debug)]
pub(crate) struct RowCache {
    /// Rows of each prompt.
    pub(crate) n_per_prompt: i64,
    /// One (k, v) for each layer, each (b, g, capacity, d); used up to `length`.
    layers: Vec<(Tensor, Tensor)>,
    /// Tokens of each row.
    pub(crate) length: i64,
}

impl RowCache {
    /// Rows without a token.
    pub(crate) fn new(
        config: &Config,
        (n_prompts, n_per_prompt): (i64, i64),
        like: &Prefill,
    ) -> Self {
        let kind = like.last_hidden.kind();
        let device = like.last_hidden.device();
        let layer = |_| {
            let empty =
                || allocate(config, n_prompts * n_per_prompt, FIRST_CAPACITY, (kind, device));
            (empty(), empty())
        };
        let layers = (0..config.num_hidden_layers).map(layer).collect();
        RowCache { n_per_prompt, layers, length: 0 }
    }

    /// Reserves memory for another token in all layers.
    pub(crate) fn reserve(&mut self) {
        if self.length < self.layers[0].0.size()[2] {
            return;
        }
        let double = |tensor: &Tensor| Tensor::cat(&[tensor, &tensor.empty_like()], 2);
        self.layers = self.layers.iter().map(|(k, v)| (double(k), double(v))).collect();
    }

    /// Writes a layer's key and value of the next token, each (b, g, 1, d); returns all of that layer's up
    /// to there, each (b, g, length + 1, d).
    pub(crate) fn push(&self, layer_idx: usize, k: &Tensor, v: &Tensor) -> (Tensor, Tensor) {
        let (keys, values) = &self.layers[layer_idx];
        keys.narrow(2, self.length, 1).copy_(k);
        values.narrow(2, self.length, 1).copy_(v);
        (keys.narrow(2, 0, self.length + 1), values.narrow(2, 0, self.length + 1))
    }

    /// Keeps the rows whose indices are given (int64), in that order, `n_per_prompt` for each prompt.
    pub(crate) fn select(&mut self, rows: &Tensor, n_per_prompt: i64) {
        let keep = |tensor: &Tensor| tensor.index_select(0, rows);
        self.layers = self.layers.iter().map(|(k, v)| (keep(k), keep(v))).collect();
        self.n_per_prompt = n_per_prompt;
    }
}

fn allocate(config: &Config, n_rows: i64, capacity: i64, options: (Kind, Device)) -> Tensor {
    Tensor::empty([n_rows, config.num_key_value_heads, capacity, config.head_dim()], options)
}
