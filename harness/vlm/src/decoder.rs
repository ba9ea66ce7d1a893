//! The decoder: grouped-query attention with M-RoPE and a gated MLP, pre-norm.

use tch::{Device, Tensor};

use crate::{
    attention::attend,
    config::Config,
    layers::{Linear, RmsNorm},
    layout::Weights,
    model::Stage,
    repeatable::Repeatable,
    rope::{Rope, TextRope},
};

/// Keys and values of one layer, each (b, g, s, d).
type KeyValue = (Tensor, Tensor);

pub(crate) struct Decoder {
    pub(crate) embed_tokens: Embedding,
    /// Whether only the layers' inputs are kept for the backward pass.
    pub(crate) recomputes: bool,
    layers: Vec<Repeatable<DecoderLayer>>,
    norm: RmsNorm,
    rope: TextRope,
}

impl Decoder {
    pub(crate) fn load(config: &Config, weights: &Weights<'_>, device: Device) -> Self {
        let layers = weights.at("layers");
        Decoder {
            recomputes: false,
            embed_tokens: Embedding { weight: weights.at("embed_tokens").take("weight") },
            layers: (0..config.num_hidden_layers)
                .map(|layer_idx| DecoderLayer::load(config, &layers.at(layer_idx)))
                .map(Repeatable::new)
                .collect(),
            norm: RmsNorm::load(config.rms_norm_eps, &weights.at("norm")),
            rope: TextRope::new(config, device),
        }
    }

    /// Runs embeddings (b, t, c) at positions (3, b, t) behind what `past` holds, if anything.
    /// Returns (b, t, c) after the final norm, and all keys and values.
    pub(crate) fn forward(
        &self,
        x: Tensor,
        positions: &Tensor,
        mask: &Tensor,
        past: Option<&[KeyValue]>,
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> (Tensor, Vec<KeyValue>) {
        let rope = self.rope.rope(positions);
        tap(Stage::Embedded, &x);
        tap(Stage::RopeCos, &rope.cos);
        tap(Stage::RopeSin, &rope.sin);
        let mut x = x;
        let mut seen = Vec::with_capacity(self.layers.len());
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            let mut inputs = vec![&x, &rope.cos, &rope.sin, mask];
            inputs.extend(past.map(|past| &past[layer_idx]).iter().flat_map(|(k, v)| [k, v]));
            let [output, k, v] = layer.run(self.recomputes, &inputs, DecoderLayer::forward_all);
            x = output;
            seen.push((k, v));
            tap(Stage::Layer(layer_idx), &x);
        }
        let x = self.norm.forward(&x);
        tap(Stage::FinalNorm, &x);
        (x, seen)
    }
}

pub(crate) struct Embedding {
    pub(crate) weight: Tensor, // (vocabulary, c)
}

impl Embedding {
    pub(crate) fn forward(&self, ids: &Tensor) -> Tensor {
        Tensor::embedding(&self.weight, ids, -1, false, false)
    }
}

struct DecoderLayer {
    input_layernorm: RmsNorm,
    self_attn: Attention,
    post_attention_layernorm: RmsNorm,
    mlp: Mlp,
}

impl DecoderLayer {
    fn load(config: &Config, weights: &Weights<'_>) -> Self {
        let eps = config.rms_norm_eps;
        DecoderLayer {
            input_layernorm: RmsNorm::load(eps, &weights.at("input_layernorm")),
            self_attn: Attention::load(config, &weights.at("self_attn")),
            post_attention_layernorm: RmsNorm::load(eps, &weights.at("post_attention_layernorm")),
            mlp: Mlp::load(&weights.at("mlp")),
        }
    }

    /// Takes activations, cosines, sines, mask, and the past's keys and values if there are any; returns
    /// activations, keys and values.
    fn forward_all(&self, inputs: &[Tensor]) -> [Tensor; 3] {
        let [x, cos, sin, mask, past @ ..] = inputs else { panic!("a layer has four inputs") };
        let rope = Rope { cos: cos.shallow_clone(), sin: sin.shallow_clone() };
        let past = match past {
            [k, v] => Some((k.shallow_clone(), v.shallow_clone())),
            _ => None,
        };
        let (output, (k, v)) = self.forward(x, &rope, mask, past.as_ref());
        [output, k, v]
    }

    fn forward(
        &self,
        x: &Tensor,
        rope: &Rope,
        mask: &Tensor,
        past: Option<&KeyValue>,
    ) -> (Tensor, KeyValue) {
        let (attended, key_value) =
            self.self_attn.forward(&self.input_layernorm.forward(x), rope, mask, past);
        let x = x + attended;
        let output = &x + self.mlp.forward(&self.post_attention_layernorm.forward(&x));
        (output, key_value)
    }
}

struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    head_dim: i64,
}

impl Attention {
    fn load(config: &Config, weights: &Weights<'_>) -> Self {
        Attention {
            q_proj: Linear::load(&weights.at("q_proj")),
            k_proj: Linear::load(&weights.at("k_proj")),
            v_proj: Linear::load(&weights.at("v_proj")),
            o_proj: Linear::load_without_bias(&weights.at("o_proj")),
            head_dim: config.head_dim(),
        }
    }

    fn forward(
        &self,
        x: &Tensor,
        rope: &Rope,
        mask: &Tensor,
        past: Option<&KeyValue>,
    ) -> (Tensor, KeyValue) {
        let q = rope.rotate(&self.heads(self.q_proj.forward(x))).transpose(1, 2); // (b, h, t, d)
        let k = rope.rotate(&self.heads(self.k_proj.forward(x))).transpose(1, 2); // (b, g, t, d)
        let v = self.heads(self.v_proj.forward(x)).transpose(1, 2); // (b, g, t, d)
        let (k, v) = match past {
            Some((past_k, past_v)) => {
                (Tensor::cat(&[past_k, &k], 2), Tensor::cat(&[past_v, &v], 2)) // (b, g, s, d)
            }
            None => (k.contiguous(), v.contiguous()),
        };
        let mixed = attend(&q, &k, &v, Some(mask)); // (b, t, h d)
        (self.o_proj.forward(&mixed), (k, v))
    }

    /// (b, t, n d) to (b, t, n, d).
    fn heads(&self, x: Tensor) -> Tensor {
        let (b, t, _) = x.size3().expect("activations are (b, t, c)");
        x.view([b, t, -1, self.head_dim])
    }
}

struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl Mlp {
    fn load(weights: &Weights<'_>) -> Self {
        Mlp {
            gate_proj: Linear::load_without_bias(&weights.at("gate_proj")),
            up_proj: Linear::load_without_bias(&weights.at("up_proj")),
            down_proj: Linear::load_without_bias(&weights.at("down_proj")),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.down_proj.forward(&(self.gate_proj.forward(x).silu() * self.up_proj.forward(x)))
    }
}
