//! A block of the vision tower.

use clsrl_libtorch::turned_heads;
use tch::Tensor;

use super::{
    EPS,
    windows::{WindowGroup, WindowOrder},
};
use crate::{
    attention::{Attending, attend},
    config::{Tower, VisionConfig},
    layers::{LayerNorm, Linear, RmsNorm},
    rope::Rope,
    weights::Weights,
};

/// What the patches of a block attend to.
pub(super) enum Span {
    /// All of their frame.
    Frame,
    /// Their window.
    Windows(Vec<WindowGroup>),
}

impl Span {
    pub(super) fn of_block(
        config: &VisionConfig,
        block_idx: usize,
        order: Option<&WindowOrder>,
    ) -> Span {
        match (&config.tower, order) {
            (Tower::Qwen2_5Vl { fullatt_block_indexes, .. }, Some(order))
                if !fullatt_block_indexes.contains(&(block_idx as i64)) =>
            {
                Span::Windows(order.groups.clone())
            }
            _ => Span::Frame,
        }
    }
}

pub(super) enum Norm {
    Layer(LayerNorm),
    Rms(RmsNorm),
}

pub(super) fn load_norm(width: i64, config: &VisionConfig, weights: &Weights<'_>) -> Norm {
    match config.tower {
        Tower::Qwen2Vl | Tower::Qwen3Vl { .. } => Norm::Layer(LayerNorm::load(width, EPS, weights)),
        Tower::Qwen2_5Vl { .. } => Norm::Rms(RmsNorm::load(width, EPS, weights)),
    }
}

impl Norm {
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Norm::Layer(norm) => norm.forward(x),
            Norm::Rms(norm) => norm.forward(x),
        }
    }
}

pub(super) struct VisionBlock {
    norm1: Norm,
    attn: VisionAttention,
    norm2: Norm,
    mlp: VisionMlp,
}

impl VisionBlock {
    pub(super) fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let c = config.embed_dim;
        VisionBlock {
            norm1: load_norm(c, config, &weights.at("norm1")),
            attn: VisionAttention::load(config, &weights.at("attn")),
            norm2: load_norm(c, config, &weights.at("norm2")),
            mlp: VisionMlp::load(config, &weights.at("mlp")),
        }
    }

    pub(super) fn forward(&self, x: &Tensor, rope: &Rope, span: &Span, fused: bool) -> Tensor {
        let x = x + self.attn.forward(&self.norm1.forward(x), rope, span, fused);
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

    fn forward(&self, x: &Tensor, rope: &Rope, span: &Span, fused: bool) -> Tensor {
        let (b, t, c) = x.size3().expect("frames are (b, t, c)");
        let (h, d) = (self.n_heads, c / self.n_heads);
        let qkv = self.qkv.forward(x).view([b, t, 3 * h, d]);
        let (heads, attending) = if fused {
            let heads = turned_heads(&qkv, (&rope.cos, &rope.sin), h);
            (heads.unwrap_or_else(|error| panic!("{error}")), Attending::Fused { is_causal: false })
        } else {
            let qk = rope.rotate(&qkv.narrow(2, 0, 2 * h)).transpose(1, 2); // (b, 2h, t, d)
            let v = qkv.narrow(2, 2 * h, h).transpose(1, 2); // (b, h, t, d)
            let heads = [qk.narrow(1, 0, h), qk.narrow(1, h, h), v];
            (heads, Attending::Plain { mask: None })
        };
        let mixed = match span {
            Span::Frame => attend(&heads[0], &heads[1], &heads[2], &attending),
            Span::Windows(groups) => attend_windows(&heads, groups, &attending),
        };
        self.proj.forward(&mixed)
    }
}

/// Attends within windows, those of one size as one batch: queries, keys and values (b, h, t, d) to (b, t, h * d).
fn attend_windows(heads: &[Tensor; 3], groups: &[WindowGroup], attending: &Attending) -> Tensor {
    let (b, h, _, d) = heads[0].size4().expect("heads are (b, h, t, d)");
    let mut first = 0;
    let mut mixed = Vec::with_capacity(groups.len());
    for &WindowGroup { n_windows: n, n_patches } in groups {
        let by_window = |x: &Tensor| {
            let windows = x.narrow(2, first, n * n_patches).unflatten(2, [n, n_patches]);
            windows.transpose(1, 2).reshape([b * n, h, n_patches, d])
        };
        let [q, k, v] = heads.each_ref().map(by_window);
        mixed.push(attend(&q, &k, &v, attending).view([b, n * n_patches, h * d]));
        first += n * n_patches;
    }
    Tensor::cat(&mixed, 1)
}

enum VisionMlp {
    QuickGelu { fc1: Linear, fc2: Linear },
    GatedSilu { gate_proj: Linear, up_proj: Linear, down_proj: Linear },
    TanhGelu { linear_fc1: Linear, linear_fc2: Linear },
}

impl VisionMlp {
    fn load(config: &VisionConfig, weights: &Weights<'_>) -> Self {
        let (c, inner) = (config.embed_dim, config.intermediate_size);
        let [widen, narrow] = [(inner, c), (c, inner)]
            .map(|(n_out, n_in)| move |name: &str| Linear::load(n_out, n_in, &weights.at(name)));
        match config.tower {
            Tower::Qwen2Vl => VisionMlp::QuickGelu { fc1: widen("fc1"), fc2: narrow("fc2") },
            Tower::Qwen2_5Vl { .. } => VisionMlp::GatedSilu {
                gate_proj: widen("gate_proj"),
                up_proj: widen("up_proj"),
                down_proj: narrow("down_proj"),
            },
            Tower::Qwen3Vl { .. } => VisionMlp::TanhGelu {
                linear_fc1: widen("linear_fc1"),
                linear_fc2: narrow("linear_fc2"),
            },
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            VisionMlp::QuickGelu { fc1, fc2 } => {
                // Quick GELU, x σ(1.702 x), is SiLU(1.702 x) / 1.702: a gate of which one number is let through.
                let gate = fc1.forward(x).g_mul_scalar_(1.702);
                fc2.forward_gated(&gate, &Tensor::from(1.0f32 / 1.702))
            }
            VisionMlp::GatedSilu { gate_proj, up_proj, down_proj } => {
                down_proj.forward_gated(&gate_proj.forward(x), &up_proj.forward(x))
            }
            VisionMlp::TanhGelu { linear_fc1, linear_fc2 } => {
                linear_fc2.forward(&linear_fc1.forward(x).gelu("tanh"))
            }
        }
    }
}
