//! The vision tower: patches in, one feature for each placeholder out, and in Qwen3-VL some more for the decoder's
//! first layers.
//!
//! A frame attends only to itself, so frames of the same size run as one true batch. What the towers of the families
//! differ in is chosen where a part is loaded: norms and MLPs (`block.rs`), mergers (`merger.rs`), attention windows
//! (`windows.rs`) and the table of positions (`position_table.rs`).

mod block;
mod merger;
mod position_table;
mod windows;

use tch::{Device, Kind, Tensor};

pub use self::windows::{attended_pairs, patch_order};

use self::{
    block::{Span, VisionBlock},
    merger::PatchMerger,
    position_table::PositionTable,
    windows::WindowOrder,
};
use crate::{
    checkpointed::Checkpointed,
    config::{Tower, VisionConfig},
    ops::{cast, linear},
    positions::Grid,
    rope::{Rope, VisionRope},
    stage::Stage,
    weights::{Role, Weights},
};

/// Epsilon of every norm in the tower, the same for all families.
const EPS: f64 = 1e-6;

pub(crate) struct VisionTower {
    patch_embed: PatchEmbed,
    pos_embed: Option<PositionTable>,
    /// Whether the backward pass recomputes the blocks from their inputs.
    pub(crate) checkpoints_gradients: bool,
    /// Whether patches attend by a fused kernel.
    pub(crate) uses_fused_attention: bool,
    blocks: Vec<Checkpointed<VisionBlock>>,
    merger: PatchMerger,
    deepstack_merger_list: Vec<PatchMerger>,
    rope: VisionRope,
    config: VisionConfig,
}

/// What the tower makes of images.
pub(crate) struct Features {
    /// What takes the place of the placeholders (n_features, c).
    pub(crate) merged: Tensor,
    /// What is added to them after each of the decoder's first layers, each (n_features, c).
    pub(crate) deepstack: Vec<Tensor>,
}

impl Features {
    /// Changes each tensor, first to last.
    pub(crate) fn map(self, change: impl Fn(Tensor) -> Tensor) -> Features {
        let deepstack = self.deepstack.into_iter().map(&change).collect();
        Features { merged: change(self.merged), deepstack }
    }

    fn all(self) -> Vec<Tensor> {
        std::iter::once(self.merged).chain(self.deepstack).collect()
    }

    fn of(mut all: Vec<Tensor>) -> Features {
        let deepstack = all.split_off(1);
        Features { merged: all.remove(0), deepstack }
    }
}

impl VisionTower {
    pub(crate) fn load(config: &VisionConfig, weights: &Weights<'_>, rope: VisionRope) -> Self {
        let blocks = weights.at("blocks");
        VisionTower {
            checkpoints_gradients: false,
            uses_fused_attention: false,
            patch_embed: PatchEmbed::load(config, &weights.at("patch_embed")),
            pos_embed: PositionTable::load(config, &weights.at("pos_embed")),
            blocks: (0..config.depth)
                .map(|block_idx| VisionBlock::load(config, &blocks.at(block_idx)))
                .map(Checkpointed::new)
                .collect(),
            merger: PatchMerger::load(config, &weights.at("merger")),
            deepstack_merger_list: (0..config.deepstack_visual_indexes().len())
                .map(|idx| weights.at("deepstack_merger_list").at(idx))
                .map(|weights| PatchMerger::load_deepstack(config, &weights))
                .collect(),
            rope,
            config: config.clone(),
        }
    }

    /// Encodes images of any sizes: patches (n_patches, patch_len) to features.
    pub(crate) fn forward(
        &self,
        pixels: &Tensor,
        grids: &[Grid],
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> Features {
        let frames: Vec<(i64, i64)> =
            grids.iter().flat_map(|grid| vec![(grid.h, grid.w); grid.t as usize]).collect();
        let features = if frames.iter().all(|size| *size == frames[0]) {
            let (h, w) = frames[0];
            self.forward_equal(&pixels.view([-1, h * w, self.config.patch_len()]), (h, w), tap)
                .map(|features| features.flatten(0, 1))
        } else {
            self.forward_mixed(pixels, &frames, tap)
        };
        tap(Stage::Features, &features.merged);
        for (idx, features) in features.deepstack.iter().enumerate() {
            tap(Stage::DeepstackFeatures(idx), features);
        }
        features
    }

    /// Runs the frames of each size together and puts the features back in order.
    fn forward_mixed(
        &self,
        pixels: &Tensor,
        frames: &[(i64, i64)],
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> Features {
        let lengths: Vec<i64> = frames.iter().map(|(h, w)| h * w).collect();
        let patches = pixels.split_with_sizes(&lengths, 0);
        let n_kinds = 1 + self.deepstack_merger_list.len();
        let mut features: Vec<Vec<Option<Tensor>>> =
            (0..n_kinds).map(|_| frames.iter().map(|_| None).collect()).collect();
        let mut sizes = frames.to_vec();
        sizes.sort_unstable();
        sizes.dedup();
        for size in sizes {
            let same: Vec<usize> = (0..frames.len()).filter(|&idx| frames[idx] == size).collect();
            let batch: Vec<&Tensor> = same.iter().map(|&idx| &patches[idx]).collect();
            let encoded = self.forward_equal(&Tensor::stack(&batch, 0), size, tap);
            for (features, encoded) in features.iter_mut().zip(encoded.all()) {
                for (&frame_idx, feature) in same.iter().zip(encoded.unbind(0)) {
                    features[frame_idx] = Some(feature);
                }
            }
        }
        let join = |features: Vec<Option<Tensor>>| {
            Tensor::cat(&features.into_iter().flatten().collect::<Vec<_>>(), 0)
        };
        Features::of(features.into_iter().map(join).collect())
    }

    /// Encodes frames of one size: (b, t, patch_len) to (b, t / merge², c).
    fn forward_equal(
        &self,
        patches: &Tensor,
        (h, w): (i64, i64),
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> Features {
        let mut rope = self.rope.rope((h, w), self.config.spatial_merge_size);
        let mut x = self.patch_embed.forward(patches); // (b, t, c)
        tap(Stage::PatchEmbed, &x);
        tap(Stage::VisionRopeCos, &rope.cos);
        tap(Stage::VisionRopeSin, &rope.sin);
        if let Some(pos_embed) = &self.pos_embed {
            x = pos_embed.add(&x, (h, w));
        }
        let order = WindowOrder::new(&self.config, (h, w), x.device());
        if let Some(order) = &order {
            x = order.sort(&x, 1);
            rope = Rope { cos: order.sort(&rope.cos, 0), sin: order.sort(&rope.sin, 0) };
        }
        tap(Stage::VisionBlocksInput, &x);
        let mut deepstack = Vec::new();
        for (block_idx, block) in self.blocks.iter().enumerate() {
            let fused = self.uses_fused_attention;
            let span = Span::of_block(&self.config, block_idx, order.as_ref());
            let inputs = [&x, &rope.cos, &rope.sin];
            [x] = block.run(self.checkpoints_gradients, &inputs, move |block, inputs| {
                let (cos, sin) = (inputs[1].shallow_clone(), inputs[2].shallow_clone());
                [block.forward(&inputs[0], &Rope { cos, sin }, &span, fused)]
            });
            tap(Stage::VisionBlock(block_idx), &x);
            if self.config.deepstack_visual_indexes().contains(&(block_idx as i64)) {
                deepstack.push(self.deepstack_merger_list[deepstack.len()].forward(&x));
            }
        }
        let merged = self.merger.forward(&x);
        let merged = order.map_or(merged.shallow_clone(), |order| order.put_back(&merged));
        Features { merged, deepstack }
    }

    pub(crate) fn empty(&self, kind: Kind, device: Device) -> Features {
        let nothing = || Tensor::zeros([0, self.config.out_hidden_size], (kind, device));
        let deepstack = self.deepstack_merger_list.iter().map(|_| nothing()).collect();
        Features { merged: nothing(), deepstack }
    }
}

/// A convolution whose kernel is a whole patch: a product with the flattened kernel.
struct PatchEmbed {
    proj: Tensor,         // (c, channels, frames, rows, columns)
    bias: Option<Tensor>, // (c)
}

impl PatchEmbed {
    fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let VisionConfig { embed_dim, in_chans, temporal_patch_size, patch_size, .. } = *config;
        let shape = [embed_dim, in_chans, temporal_patch_size, patch_size, patch_size];
        let weights = weights.at("proj");
        PatchEmbed {
            proj: weights.take("weight", &shape, Role::Matrix),
            bias: match config.tower {
                Tower::Qwen2Vl | Tower::Qwen2_5Vl { .. } => None,
                Tower::Qwen3Vl { .. } => Some(weights.take("bias", &[embed_dim], Role::Bias)),
            },
        }
    }

    fn forward(&self, patches: &Tensor) -> Tensor {
        let kernel = cast(&self.proj, patches.kind()).flatten(1, -1); // (c, patch_len)
        let bias = self.bias.as_ref().map(|bias| cast(bias, patches.kind()));
        linear(patches, &kernel, bias.as_ref())
    }
}
