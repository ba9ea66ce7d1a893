//! Joins the patches of a block into one token of the decoder's width.

use tch::Tensor;

use super::block::{Norm, load_norm};
use crate::{
    config::{Tower, VisionConfig},
    layers::Linear,
    weights::Weights,
};

pub(super) struct PatchMerger {
    norm: Norm,
    /// Whether the patches of a block are normalised together.
    norms_blocks: bool,
    fc: [Linear; 2],
    patches_per_token: i64,
}

impl PatchMerger {
    /// The merger after the last block.
    pub(super) fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        PatchMerger::load_with(false, config, weights)
    }

    /// One of those whose features go to the decoder's first layers.
    pub(super) fn load_deepstack(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        PatchMerger::load_with(true, config, weights)
    }

    fn load_with(norms_blocks: bool, config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let merged = config.embed_dim * config.patches_per_token();
        let (norm, fc) = match config.tower {
            Tower::Qwen2Vl | Tower::Qwen2_5Vl { .. } => {
                ("ln_q", [weights.at("mlp").at(0), weights.at("mlp").at(2)])
            }
            Tower::Qwen3Vl { .. } => ("norm", [weights.at("linear_fc1"), weights.at("linear_fc2")]),
        };
        let width = if norms_blocks { merged } else { config.embed_dim };
        PatchMerger {
            norm: load_norm(width, config, &weights.at(norm)),
            norms_blocks,
            fc: [
                Linear::load(merged, merged, &fc[0]),
                Linear::load(config.out_hidden_size, merged, &fc[1]),
            ],
            patches_per_token: config.patches_per_token(),
        }
    }

    /// (b, t, c) to (b, t / merge², out).
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let (b, t, c) = x.size3().expect("frames are (b, t, c)");
        let m = self.patches_per_token;
        let together = [b, t / m, m * c];
        let blocks = match self.norms_blocks {
            true => self.norm.forward(&x.view(together)),
            false => self.norm.forward(x).view(together),
        };
        self.fc[1].forward(&self.fc[0].forward(&blocks).gelu("none"))
    }
}
