//! What a step must cost, counted from its shapes.
//!
//! Counts products of matrices, 2 operations for a multiplication and its addition; norms, activations and
//! the optimizer are left out. What is counted is the least that the results need: an image and a prompt
//! are read once for all completions, attention is causal, logits exist where a token is chosen or scored.
//! A backward pass costs twice its forward pass.

use clsrl_vlm::{Config, Grid, Prompt, Tower, attended_pairs};

/// Operations by phase, and the bytes that decoding and the optimizer must move.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Work {
    /// Operations of reading the prompts before the first new token.
    pub prefill: f64,
    /// Operations of all later tokens.
    pub decode: f64,
    /// Operations of the reference model's forward pass.
    pub reference: f64,
    /// Operations of the trained model's forward and backward pass.
    pub update: f64,
    /// Bytes that decoding reads: all weights of the decoder once for each token of a row, and the keys and
    /// values that it attends to; those of a prompt once for its rows.
    pub decode_bytes: f64,
    /// Bytes of the optimizer's step: reads weights, gradients and both moments, writes all but gradients.
    pub optimizer_bytes: f64,
}

impl Work {
    /// Adds other work, weighed.
    pub(super) fn add(&mut self, other: &Work, weight: f64) {
        self.prefill += weight * other.prefill;
        self.decode += weight * other.decode;
        self.reference += weight * other.reference;
        self.update += weight * other.update;
        self.decode_bytes += weight * other.decode_bytes;
        self.optimizer_bytes += weight * other.optimizer_bytes;
    }
}

/// Rows that share a prompt and are continued, or scored, token by token.
#[derive(Debug, Clone, Copy)]
struct Shared<'a> {
    n_prompts: f64,
    grids: &'a [Grid],
    n_prompt_tokens: f64,
    rows_per_prompt: f64,
    n_new_tokens: f64,
}

/// What a GRPO step consists of.
#[derive(Debug, Clone, Copy)]
pub struct GrpoStep<'a> {
    /// The size of every image.
    pub grid: Grid,
    /// Tokens of each prompt.
    pub prompt_lengths: &'a [usize],
    /// Completions of a prompt.
    pub generations: usize,
    /// Tokens of every completion.
    pub n_new_tokens: usize,
    /// Whether the update goes on from the rollout's prefill, whose forward pass is counted there.
    pub shares_prefill: bool,
    /// Whether the reference's keys of the prompts are there from an earlier epoch.
    pub keeps_keys: bool,
}

/// Counts a GRPO step.
pub fn grpo_work(config: &Config, step: &GrpoStep, bytes_per_value: usize) -> Work {
    let counted = Counted { config, bytes_per_value: bytes_per_value as f64 };
    let mut work = Work { optimizer_bytes: counted.optimizer_bytes(), ..Work::default() };
    let n_inputs = step.n_new_tokens as f64 - 1.0;
    work.decode_bytes = n_inputs * counted.weight_bytes();
    for &length in step.prompt_lengths {
        let shape = Shared {
            n_prompts: 1.0,
            grids: &[step.grid],
            n_prompt_tokens: length as f64,
            rows_per_prompt: step.generations as f64,
            n_new_tokens: step.n_new_tokens as f64,
        };
        let forward = counted.scored_forward(&shape);
        let shared = if step.shares_prefill { counted.read_prompts(&shape) } else { 0.0 };
        work.prefill += counted.prefill(&shape);
        work.decode += counted.decode(&shape);
        work.reference += match step.keeps_keys {
            true => forward - counted.read_prompts(&shape),
            false => forward,
        };
        work.update += 3.0 * forward - shared;
        work.decode_bytes += counted.key_bytes(&shape);
    }
    work
}

/// An evaluation of one batch.
pub fn eval_work(
    config: &Config,
    prompts: &[&Prompt],
    n_new_tokens: usize,
    bytes_per_value: usize,
) -> Work {
    let counted = Counted { config, bytes_per_value: bytes_per_value as f64 };
    let mut work = Work::default();
    let mut key_bytes = 0.0;
    for prompt in prompts {
        let shape = Shared {
            n_prompts: 1.0,
            grids: &prompt.grids,
            n_prompt_tokens: prompt.ids.len() as f64,
            rows_per_prompt: 1.0,
            n_new_tokens: n_new_tokens as f64,
        };
        work.prefill += counted.prefill(&shape);
        work.decode += counted.decode(&shape);
        key_bytes += counted.key_bytes(&shape);
    }
    work.decode_bytes = key_bytes + (n_new_tokens as f64 - 1.0) * counted.weight_bytes();
    work
}

/// A step of SFT on examples, each with its tokens and how many of them are scored.
pub fn sft_work(config: &Config, grid: Grid, examples: &[(usize, usize)]) -> Work {
    let counted = Counted { config, bytes_per_value: 4.0 };
    let forward = |&(n_tokens, n_scored): &(usize, usize)| {
        let t = n_tokens as f64;
        counted.vision(grid) + counted.decoder(t, causal_pairs(t)) + counted.head(n_scored as f64)
    };
    Work {
        update: 3.0 * examples.iter().map(forward).sum::<f64>(),
        optimizer_bytes: counted.optimizer_bytes(),
        ..Work::default()
    }
}

/// Pairs of a query and a key that it sees, among t tokens.
fn causal_pairs(t: f64) -> f64 {
    t * (t + 1.0) / 2.0
}

/// Counts one model.
struct Counted<'a> {
    config: &'a Config,
    bytes_per_value: f64,
}

impl Counted<'_> {
    /// The vision tower and its mergers on the patches of one frame.
    fn vision(&self, grid: Grid) -> f64 {
        let vision = &self.config.vision_config;
        let (c, n) = (vision.embed_dim as f64, grid.n_patches() as f64);
        let embed = 2.0 * n * vision.patch_len() as f64 * c;
        let linear = 2.0 * n * self.block_weights();
        let n_merged = n / vision.patches_per_token() as f64;
        let merger = 2.0 * n_merged * self.merger_weights();
        let attention = 4.0 * c * grid.t as f64 * attended_pairs(vision, (grid.h, grid.w)) as f64;
        embed + vision.depth as f64 * linear + attention + self.n_mergers() * merger
    }

    /// Weights of a vision block's matrices.
    fn block_weights(&self) -> f64 {
        let vision = &self.config.vision_config;
        let (c, inner) = (vision.embed_dim as f64, vision.intermediate_size as f64);
        let n_in_mlp = match vision.tower {
            Tower::Qwen2Vl | Tower::Qwen3Vl { .. } => 2.0,
            Tower::Qwen2_5Vl { .. } => 3.0,
        };
        4.0 * c * c + n_in_mlp * c * inner
    }

    /// Weights of a merger's matrices.
    fn merger_weights(&self) -> f64 {
        let vision = &self.config.vision_config;
        let merged = (vision.embed_dim * vision.patches_per_token()) as f64;
        merged * (merged + vision.out_hidden_size as f64)
    }

    fn n_mergers(&self) -> f64 {
        1.0 + self.config.vision_config.deepstack_visual_indexes().len() as f64
    }

    /// All layers of the decoder on some tokens, with `n_pairs` pairs of query and key.
    fn decoder(&self, n_tokens: f64, n_pairs: f64) -> f64 {
        let attention = 4.0 * n_pairs * self.query_width();
        let layers = self.config.num_hidden_layers as f64;
        2.0 * n_tokens * self.layer_weights() * layers + layers * attention
    }

    /// Weights of one layer's matrices.
    fn layer_weights(&self) -> f64 {
        let (c, ff) = (self.config.hidden_size as f64, self.config.intermediate_size as f64);
        2.0 * c * self.query_width() + 2.0 * c * self.key_width() + 3.0 * c * ff
    }

    fn query_width(&self) -> f64 {
        (self.config.num_attention_heads * self.config.head_dim()) as f64
    }

    fn key_width(&self) -> f64 {
        (self.config.num_key_value_heads * self.config.head_dim()) as f64
    }

    /// Logits of some rows.
    fn head(&self, n_rows: f64) -> f64 {
        2.0 * n_rows * (self.config.hidden_size * self.config.vocab_size) as f64
    }

    fn read_prompts(&self, shape: &Shared<'_>) -> f64 {
        let t = shape.n_prompt_tokens;
        shape.n_prompts
            * (shape.grids.iter().map(|grid| self.vision(*grid)).sum::<f64>()
                + self.decoder(t, causal_pairs(t)))
    }

    fn prefill(&self, shape: &Shared<'_>) -> f64 {
        self.read_prompts(shape) + shape.n_prompts * self.head(1.0)
    }

    /// The tokens after the prompt that are inputs: all but the last, which predicts nothing.
    fn suffixes(&self, shape: &Shared<'_>) -> f64 {
        let n_inputs = shape.n_new_tokens - 1.0;
        let n_pairs = n_inputs * shape.n_prompt_tokens + causal_pairs(n_inputs);
        shape.n_prompts * shape.rows_per_prompt * self.decoder(n_inputs, n_pairs)
    }

    fn decode(&self, shape: &Shared<'_>) -> f64 {
        let n_rows = shape.n_prompts * shape.rows_per_prompt * (shape.n_new_tokens - 1.0);
        self.suffixes(shape) + self.head(n_rows)
    }

    fn scored_forward(&self, shape: &Shared<'_>) -> f64 {
        let n_scored = shape.n_prompts * shape.rows_per_prompt * shape.n_new_tokens;
        self.read_prompts(shape) + self.suffixes(shape) + self.head(n_scored)
    }

    /// The decoder's matrices and the output embeddings.
    fn weight_bytes(&self) -> f64 {
        let config = self.config;
        let head = (config.hidden_size * config.vocab_size) as f64;
        (config.num_hidden_layers as f64 * self.layer_weights() + head) * self.bytes_per_value
    }

    /// Keys and values that decoding reads: at each token those of the prompts, and each row's own.
    fn key_bytes(&self, shape: &Shared<'_>) -> f64 {
        let n_inputs = shape.n_new_tokens - 1.0;
        let of_prompts = n_inputs * shape.n_prompt_tokens;
        let of_rows = shape.rows_per_prompt * causal_pairs(n_inputs);
        let per_token =
            2.0 * self.key_width() * self.config.num_hidden_layers as f64 * self.bytes_per_value;
        shape.n_prompts * (of_prompts + of_rows) * per_token
    }

    fn optimizer_bytes(&self) -> f64 {
        const VALUES_PER_WEIGHT: f64 = 7.0;
        VALUES_PER_WEIGHT * 4.0 * self.n_weights()
    }

    /// Weights of all matrices; biases and norms are less than a thousandth.
    fn n_weights(&self) -> f64 {
        let vision = &self.config.vision_config;
        let tower = (vision.embed_dim * vision.patch_len()) as f64
            + vision.depth as f64 * self.block_weights()
            + self.n_mergers() * self.merger_weights();
        let tables = if self.config.tie_word_embeddings { 1.0 } else { 2.0 };
        tower
            + self.config.num_hidden_layers as f64 * self.layer_weights()
            + tables * (self.config.hidden_size * self.config.vocab_size) as f64
    }
}

#[cfg(test)]
mod tests;
