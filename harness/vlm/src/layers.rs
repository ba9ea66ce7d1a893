//! The layers that both towers are made of.
//!
//! A linear layer computes in the kind of its input and casts its weights to it if they are not; norms
//! always compute in float32 and hand back the kind that they were given. Layers of one input may be joined into one,
//! which a GPU runs in one kernel.

use clsrl_libtorch::{gated_linear, joint_gated_linear, rms_norm};
use tch::{Kind, Tensor};

use crate::{
    ops::{cast, is_for_onednn, linear},
    weights::{Role, Weights},
};

pub(crate) struct Linear {
    weight: Tensor,       // (out, in)
    bias: Option<Tensor>, // (out)
    adapter: Option<Adapter>,
}

impl Linear {
    pub(crate) fn load(n_out: i64, n_in: i64, weights: &Weights<'_>) -> Self {
        let linear = Linear::load_without_bias(n_out, n_in, weights);
        Linear { bias: Some(weights.take("bias", &[n_out], Role::Bias)), ..linear }
    }

    pub(crate) fn load_without_bias(n_out: i64, n_in: i64, weights: &Weights<'_>) -> Self {
        Linear {
            weight: weights.take("weight", &[n_out, n_in], Role::Matrix),
            bias: None,
            adapter: Adapter::load(weights),
        }
    }

    /// Some layers of one input as one, whose outputs stand side by side, where the model has their weights joined.
    pub(crate) fn load_joint(layers: &[&str], weights: &Weights<'_>) -> Option<Self> {
        let [weight, bias] = ["weight", "bias"].map(|parameter| weights.joint(layers, parameter));
        Some(Linear { weight: weight?, bias, adapter: None })
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

    /// The output of silu(gate) times up, which stand side by side; the layer has no bias and no adapter.
    pub(crate) fn forward_joint_gated(&self, both: &Tensor) -> Tensor {
        let weight = cast(&self.weight, both.kind());
        joint_gated_linear(both, &weight).unwrap_or_else(|error| panic!("{error}"))
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

/// The adapter of one layer.
pub(crate) struct Adapter {
    pub(crate) lora_a: Tensor, // (rank, in)
    pub(crate) lora_b: Tensor, // (out, rank)
    pub(crate) scale: f64,
}

impl Adapter {
    /// The adapter of a layer, if it has one.
    pub(crate) fn load(weights: &Weights<'_>) -> Option<Self> {
        let ([lora_a, lora_b], scale) = weights.adapter()?;
        Some(Adapter { lora_a, lora_b, scale })
    }

    /// What is added to the layer's output, computed in the input's kind.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_by(x.kind(), |a| x.linear(a, None::<&Tensor>))
    }

    /// The same where the product of the layer's input and the first matrix (rank, in) is made by the caller.
    pub(crate) fn forward_by(&self, kind: Kind, multiply: impl Fn(&Tensor) -> Tensor) -> Tensor {
        let [a, b] = [&self.lora_a, &self.lora_b].map(|matrix| cast(matrix, kind));
        multiply(&a).linear(&b, None::<&Tensor>) * self.scale
    }

    /// What is added to the layer's weight, in float32 (out, in).
    pub(crate) fn delta(&self) -> Tensor {
        let [a, b] = [&self.lora_a, &self.lora_b].map(|matrix| cast(matrix, Kind::Float));
        b.matmul(&a) * self.scale
    }
}

pub(crate) struct RmsNorm {
    weight: Tensor, // (c)
    eps: f64,
}

impl RmsNorm {
    pub(crate) fn load(width: i64, eps: f64, weights: &Weights<'_>) -> Self {
        RmsNorm { weight: weights.take("weight", &[width], Role::NormWeight), eps }
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        if x.device().is_cuda() {
            return rms_norm(x, &self.weight, self.eps).unwrap_or_else(|error| panic!("{error}"));
        }
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
    pub(crate) fn load(width: i64, eps: f64, weights: &Weights<'_>) -> Self {
        LayerNorm {
            weight: weights.take("weight", &[width], Role::NormWeight),
            bias: weights.take("bias", &[width], Role::NormBias),
            eps,
        }
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
