//! The vision tower: patches in, one feature for each placeholder out.
//!
//! A frame attends only to itself, so frames of the same size run as one true batch.

use clsrl_libtorch::turned_heads;
use tch::{Device, Kind, Tensor};

use crate::{
    attention::{Attending, attend},
    checkpointed::Checkpointed,
    config::VisionConfig,
    layers::{LayerNorm, Linear},
    ops::{cast, linear},
    positions::Grid,
    rope::{Rope, VisionRope},
    stage::Stage,
    weights::{Role, Weights},
};

/// Epsilon of every norm in the tower, the same for every Qwen2-VL.
const EPS: f64 = 1e-6;

pub(crate) struct VisionTower {
    patch_embed: PatchEmbed,
    /// Whether the backward pass recomputes the blocks from their inputs.
    pub(crate) checkpoints_gradients: bool,
    /// Whether patches attend by a fused kernel.
    pub(crate) uses_fused_attention: bool,
    blocks: Vec<Checkpointed<VisionBlock>>,
    merger: PatchMerger,
    rope: VisionRope,
    config: VisionConfig,
}

impl VisionTower {
    pub(crate) fn load(config: &VisionConfig, weights: &Weights<'_>, rope: VisionRope) -> Self {
        let blocks = weights.at("blocks");
        VisionTower {
            checkpoints_gradients: false,
            uses_fused_attention: false,
            patch_embed: PatchEmbed::load(config, &weights.at("patch_embed")),
            blocks: (0..config.depth)
                .map(|block_idx| VisionBlock::load(config, &blocks.at(block_idx)))
                .map(Checkpointed::new)
                .collect(),
            merger: PatchMerger::load(config, &weights.at("merger")),
            rope,
            config: config.clone(),
        }
    }

    /// Encodes images of any sizes: (n_patches, patch_len) to (n_features, c).
    pub(crate) fn forward(
        &self,
        pixels: &Tensor,
        grids: &[Grid],
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> Tensor {
        let frames: Vec<(i64, i64)> =
            grids.iter().flat_map(|grid| vec![(grid.h, grid.w); grid.t as usize]).collect();
        let features = if frames.iter().all(|size| *size == frames[0]) {
            let (h, w) = frames[0];
            self.forward_equal(&pixels.view([-1, h * w, self.config.patch_len()]), (h, w), tap)
                .flatten(0, 1)
        } else {
            self.forward_mixed(pixels, &frames, tap)
        };
        tap(Stage::Features, &features);
        features
    }

    /// Runs the frames of each size together and puts the features back in order.
    fn forward_mixed(
        &self,
        pixels: &Tensor,
        frames: &[(i64, i64)],
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> Tensor {
        let lengths: Vec<i64> = frames.iter().map(|(h, w)| h * w).collect();
        let patches = pixels.split_with_sizes(&lengths, 0);
        let mut features: Vec<Option<Tensor>> = frames.iter().map(|_| None).collect();
        let mut sizes = frames.to_vec();
        sizes.sort_unstable();
        sizes.dedup();
        for size in sizes {
            let same: Vec<usize> = (0..frames.len()).filter(|&idx| frames[idx] == size).collect();
            let batch: Vec<&Tensor> = same.iter().map(|&idx| &patches[idx]).collect();
            let encoded = self.forward_equal(&Tensor::stack(&batch, 0), size, tap);
            for (frame_idx, feature) in same.into_iter().zip(encoded.unbind(0)) {
                features[frame_idx] = Some(feature);
            }
        }
        let features: Vec<Tensor> = features.into_iter().flatten().collect();
        Tensor::cat(&features, 0)
    }

    /// Encodes frames of one size: (b, t, patch_len) to (b, t / merge², c).
    fn forward_equal(
        &self,
        patches: &Tensor,
        (h, w): (i64, i64),
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> Tensor {
        let rope = self.rope.rope((h, w), self.config.spatial_merge_size);
        let mut x = self.patch_embed.forward(patches); // (b, t, c)
        tap(Stage::PatchEmbed, &x);
        for (block_idx, block) in self.blocks.iter().enumerate() {
            let fused = self.uses_fused_attention;
            let inputs = [&x, &rope.cos, &rope.sin];
            [x] = block.run(self.checkpoints_gradients, &inputs, move |block, inputs| {
                let (cos, sin) = (inputs[1].shallow_clone(), inputs[2].shallow_clone());
                [block.forward(&inputs[0], &Rope { cos, sin }, fused)]
            });
            tap(Stage::VisionBlock(block_idx), &x);
        }
        self.merger.forward(&x)
    }

    pub(crate) fn empty(&self, kind: Kind, device: Device) -> Tensor {
        Tensor::zeros([0, self.config.hidden_size], (kind, device))
    }
}

/// A convolution whose kernel is a whole patch: a product with the flattened kernel.
struct PatchEmbed {
    proj: Tensor, // (c, channels, frames, rows, columns)
}

impl PatchEmbed {
    fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let VisionConfig { embed_dim, in_chans, temporal_patch_size, patch_size, .. } = *config;
        let shape = [embed_dim, in_chans, temporal_patch_size, patch_size, patch_size];
        PatchEmbed { proj: weights.at("proj").take("weight", &shape, Role::Matrix) }
    }

    fn forward(&self, patches: &Tensor) -> Tensor {
        let kernel = cast(&self.proj, patches.kind()).flatten(1, -1); // (c, patch_len)
        linear(patches, &kernel, None)
    }
}

struct VisionBlock {
    norm1: LayerNorm,
    attn: VisionAttention,
    norm2: LayerNorm,
    mlp: VisionMlp,
}

impl VisionBlock {
    fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let c = config.embed_dim;
        VisionBlock {
            norm1: LayerNorm::load(c, EPS, &weights.at("norm1")),
            attn: VisionAttention::load(config, &weights.at("attn")),
            norm2: LayerNorm::load(c, EPS, &weights.at("norm2")),
            mlp: VisionMlp::load(config, &weights.at("mlp")),
        }
    }

    fn forward(&self, x: &Tensor, rope: &Rope, fused: bool) -> Tensor {
        let x = x + self.attn.forward(&self.norm1.forward(x), rope, fused);
        &x + self.mlp.forward(&self.norm2.forward(&x))
    }
}

struct VisionAttention {
    qkv: Linear,
    proj: Linear,
    n_heads: i64,
}

impl VisionAttention {
    fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let c = config.embed_dim;
        VisionAttention {
            qkv: Linear::load(3 * c, c, &weights.at("qkv")),
            proj: Linear::load(c, c, &weights.at("proj")),
            n_heads: config.num_heads,
        }
    }

    fn forward(&self, x: &Tensor, rope: &Rope, fused: bool) -> Tensor {
        let (b, t, c) = x.size3().expect("frames are (b, t, c)");
        let (h, d) = (self.n_heads, c / self.n_heads);
        let qkv = self.qkv.forward(x).view([b, t, 3 * h, d]);
        if fused {
            let [q, k, v] = turned_heads(&qkv, (&rope.cos, &rope.sin), h)
                .unwrap_or_else(|error| panic!("{error}"));
            return self.proj.forward(&attend(&q, &k, &v, &Attending::Fused { is_causal: false }));
        }
        let qk = rope.rotate(&qkv.narrow(2, 0, 2 * h)).transpose(1, 2); // (b, 2h, t, d)
        let v = qkv.narrow(2, 2 * h, h).transpose(1, 2); // (b, h, t, d)
        let attending = Attending::Plain { mask: None };
        let mixed = attend(&qk.narrow(1, 0, h), &qk.narrow(1, h, h), &v, &attending);
        self.proj.forward(&mixed)
    }
}

struct VisionMlp {
    fc1: Linear,
    fc2: Linear,
}

impl VisionMlp {
    fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let (c, inner) = (config.embed_dim, config.embed_dim * config.mlp_ratio);
        VisionMlp {
            fc1: Linear::load(inner, c, &weights.at("fc1")),
            fc2: Linear::load(c, inner, &weights.at("fc2")),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        // Quick GELU, x σ(1.702 x), is SiLU(1.702 x) / 1.702: a gate of which one number is let through.
        let gate = self.fc1.forward(x).g_mul_scalar_(1.702);
        self.fc2.forward_gated(&gate, &Tensor::from(1.0f32 / 1.702))
    }
}

/// Joins the patches of a block into one token of the decoder's width.
struct PatchMerger {
    ln_q: LayerNorm,
    mlp: (Linear, Linear),
    patches_per_token: i64,
}

impl PatchMerger {
    fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let mlp = weights.at("mlp");
        let merged = config.embed_dim * config.patches_per_token();
        PatchMerger {
            ln_q: LayerNorm::load(config.embed_dim, EPS, &weights.at("ln_q")),
            mlp: (
                Linear::load(merged, merged, &mlp.at(0)),
                Linear::load(config.hidden_size, merged, &mlp.at(2)),
            ),
            patches_per_token: config.patches_per_token(),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let (b, t, c) = x.size3().expect("frames are (b, t, c)");
        let m = self.patches_per_token;
        let blocks = self.ln_q.forward(x).view([b, t / m, m * c]); // (b, t / m, m c)
        self.mlp.1.forward(&self.mlp.0.forward(&blocks).gelu("none"))
    }
}
