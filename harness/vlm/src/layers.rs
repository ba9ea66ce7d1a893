//! The layers that both towers are made of.
//!
//! A linear layer computes in the kind of its input and casts its weights to it if they are not; norms
//! always compute in float32 and hand back the kind that they were given.

use clsrl_libtorch::{gated_linear, onednn_linear};
use tch::{Device, Kind, Tensor};

use crate::{layout::Weights, lora::Adapter};

pub(crate) struct Linear {
    weight: Tensor,       // (out, in)
    bias: Option<Tensor>, // (out)
    adapter: Option<Adapter>,
}

impl Linear {
    pub(crate) fn load(weights: &Weights<'_>) -> Self {
        Linear { bias: Some(weights.take("bias")), ..Linear::load_without_bias(weights) }
    }

    pub(crate) fn load_without_bias(weights: &Weights<'_>) -> Self {
        Linear { weight: weights.take("weight"), bias: None, adapter: weights.adapter() }
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let weight = cast(&self.weight, x.kind());
        let bias = self.bias.as_ref().map(|bias| cast(bias, x.kind()));
        let output = linear(x, &weight, bias.as_ref());
        match &self.adapter {
            None => output,
            Some(adapter) => output + adapter.forward(x),
        }
    }

    /// The layer's output of silu(gate) times up: see [`gated_linear`].
    pub(crate) fn forward_gated(&self, gate: &Tensor, up: &Tensor) -> Tensor {
        let kind = gate.kind();
        let multiply = |weight: &Tensor, bias: Option<&Tensor>| {
            gated_linear(gate, up, weight, bias, is_for_onednn(gate, weight))
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let bias = self.bias.as_ref().map(|bias| cast(bias, kind));
        let output = multiply(&cast(&self.weight, kind), bias.as_ref());
        match &self.adapter {
            None => output,
            Some(adapter) => output + adapter.forward_by(kind, |a| multiply(a, None)),
        }
    }
}

pub(crate) struct RmsNorm {
    weight: Tensor, // (c)
    eps: f64,
}

impl RmsNorm {
    pub(crate) fn load(eps: f64, weights: &Weights<'_>) -> Self {
        RmsNorm { weight: weights.take("weight"), eps }
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let wide = cast(x, Kind::Float);
        let mean_square = wide.square().mean_dim([-1i64].as_slice(), true, Kind::Float);
        let normed = wide * (mean_square + self.eps).rsqrt();
        cast(&(normed * &self.weight), x.kind())
    }
}

pub(crate) struct LayerNorm {
    weight: Tensor, // (c)
    bias: Tensor,   // (c)
    eps: f64,
}

impl LayerNorm {
    pub(crate) fn load(eps: f64, weights: &Weights<'_>) -> Self {
        LayerNorm { weight: weights.take("weight"), bias: weights.take("bias"), eps }
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let wide = cast(x, Kind::Float);
        let normed = wide.layer_norm(
            self.weight.size(),
            Some(&self.weight),
            Some(&self.bias),
            self.eps,
            false,
        );
        cast(&normed, x.kind())
    }
}

/// Multiplications below which setting up oneDNN takes longer than it saves.
const WORTH_ONEDNN: i64 = 1 << 24;

/// x (…, k) times weight (m, k), transposed, plus bias (m).
pub(crate) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    if is_for_onednn(x, weight) {
        return onednn_linear(x, weight, bias).unwrap_or_else(|error| panic!("{error}"));
    }
    x.linear(weight, bias)
}

/// Whether the product of x (…, k) and weight (m, k) is oneDNN's.
fn is_for_onednn(x: &Tensor, weight: &Tensor) -> bool {
    let is_float32 = x.kind() == Kind::Float && weight.kind() == Kind::Float;
    let n_products = x.numel() as i64 * weight.size()[0];
    x.device() == Device::Cpu && is_float32 && WORTH_ONEDNN <= n_products
}

/// The same tensor if it has the kind already.
pub(crate) fn cast(tensor: &Tensor, kind: Kind) -> Tensor {
    if tensor.kind() == kind { tensor.shallow_clone() } else { tensor.to_kind(kind) }
}
