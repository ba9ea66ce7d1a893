//! The decoder: grouped-query attention with M-RoPE and a gated MLP, pre-norm.

use clsrl_libtorch::select_rows;
use tch::{Device, Tensor};

use crate::{
    attention::{Attending, Seen, attend, attend_shared, attend_suffixes},
    cache::{Continuation, Prefill},
    config::Config,
    layers::{Linear, RmsNorm},
    layout::Weights,
    mask::causal,
    packing::Packing,
    repeatable::Repeatable,
    rope::{Rope, TextRope},
    stage::Stage,
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

    /// Runs whole prompts: embeddings (b, t, c), or all tokens of a packing (1, n, c), at positions (3, b, t)
    /// or (3, 1, n).
    ///
    /// Returns hidden states after the final norm, of the tokens that are read alone (n_read, c) if some are
    /// named by their places in the flattened input, and all keys and values, each (b, g, t, d).
    pub(crate) fn forward_prompts(
        &self,
        x: Tensor,
        positions: &Tensor,
        prompts: &Prompts,
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> (Tensor, Vec<KeyValue>) {
        let rope = self.rope.rope(positions);
        tap(Stage::Embedded, &x);
        tap(Stage::RopeCos, &rope.cos);
        tap(Stage::RopeSin, &rope.sin);
        let mut x = x;
        let mut seen = Vec::with_capacity(self.layers.len());
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            // What is not read of the last layer is not computed either.
            let of_layer = prompts.share(layer_idx + 1 == self.layers.len());
            let inputs = [&x, &rope.cos, &rope.sin];
            let [output, k, v] = layer.run(self.recomputes, &inputs, move |layer, inputs| {
                let [x, cos, sin] = inputs else { panic!("a layer has three inputs") };
                let rope = Rope { cos: cos.shallow_clone(), sin: sin.shallow_clone() };
                layer.forward_prompts(x, &rope, &of_layer)
            });
            x = output;
            seen.push((k, v));
            tap(Stage::Layer(layer_idx), &x);
        }
        let x = self.norm.forward(&x);
        tap(Stage::FinalNorm, &x);
        (x, seen)
    }

    /// Runs rows (b, t, c) that continue prompts, at positions (3, b, t): each token sees its prompt, and its
    /// own row up to itself. Returns (b, t, c) after the final norm.
    pub(crate) fn forward_rows(&self, x: Tensor, positions: &Tensor, prompts: &Prefill) -> Tensor {
        let rope = self.rope.rope(positions);
        let mask = causal(x.size()[1], x.device());
        let mut x = x;
        for (layer, (prompt_k, prompt_v)) in self.layers.iter().zip(&prompts.layers) {
            let of_prompts = Seen { k: prompt_k, v: prompt_v, mask: prompts.mask.as_ref() };
            let mix = |attention: &Attention, normed: &Tensor| {
                let (q, k, v) = attention.heads(normed, &rope, None);
                attend_suffixes(&q, &of_prompts, &Seen { k: &k, v: &v, mask: mask.as_ref() })
            };
            x = layer.once(|layer| layer.forward(&x, None, mix));
        }
        self.norm.forward(&x)
    }

    /// Runs the next token of rows (b, 1, c) that continue prompts, and keeps its keys and values.
    pub(crate) fn forward_next(
        &self,
        x: Tensor,
        positions: &Tensor,
        prompts: &Prefill,
        rows: &mut Continuation,
    ) -> Tensor {
        let rope = self.rope.rope(positions);
        rows.reserve();
        let mut x = x;
        let layers = self.layers.iter().zip(&prompts.layers).enumerate();
        for (layer_idx, (layer, (prompt_k, prompt_v))) in layers {
            let of_prompts = Seen { k: prompt_k, v: prompt_v, mask: prompts.mask.as_ref() };
            let mix = |attention: &Attention, normed: &Tensor| {
                let (q, k, v) = attention.heads(normed, &rope, None);
                let (k, v) = rows.push(layer_idx, &k, &v);
                attend_shared(&q, &of_prompts, &Seen { k: &k, v: &v, mask: None })
            };
            x = layer.once(|layer| layer.forward(&x, None, mix));
        }
        rows.length += 1;
        self.norm.forward(&x)
    }
}

/// How whole prompts are run.
pub(crate) struct Prompts {
    /// How tokens of the rectangle attend to each other.
    pub(crate) attending: Attending,
    /// How tokens lie in the rectangle that attention works on, if they are packed without padding.
    pub(crate) packing: Option<Packing>,
    /// The tokens whose hidden states are read; all if none are named.
    pub(crate) read: Option<Tensor>,
}

impl Prompts {
    /// The same for a layer; which tokens are read is the last one's business alone.
    fn share(&self, is_last: bool) -> Prompts {
        Prompts {
            attending: self.attending.share(),
            packing: self.packing.as_ref().map(Packing::share),
            read: self.read.as_ref().filter(|_| is_last).map(Tensor::shallow_clone),
        }
    }
}

pub(crate) struct Embedding {
    pub(crate) weight: Tensor, // (vocabulary, c), a leaf
}

impl Embedding {
    /// Ids of any shape to their rows, behind that shape.
    pub(crate) fn forward(&self, ids: &Tensor) -> Tensor {
        let rows = select_rows(&self.weight, &ids.flatten(0, -1));
        let rows = rows.unwrap_or_else(|error| panic!("{error}"));
        rows.view([&ids.size()[..], &[-1]].concat().as_slice())
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

    /// Returns activations, keys and values.
    fn forward_prompts(&self, x: &Tensor, rope: &Rope, prompts: &Prompts) -> [Tensor; 3] {
        let mut seen = None;
        let output = self.forward(x, prompts.read.as_ref(), |attention, normed| {
            let (mixed, key_value) = attention.mix_prompts(normed, rope, prompts);
            seen = Some(key_value);
            mixed
        });
        let (k, v) = seen.expect("the layer has attended");
        [output, k, v]
    }

    /// `mix` is what the attention makes of the normed input before its last projection.
    fn forward(
        &self,
        x: &Tensor,
        read: Option<&Tensor>,
        mix: impl FnOnce(&Attention, &Tensor) -> Tensor,
    ) -> Tensor {
        let mixed = mix(&self.self_attn, &self.input_layernorm.forward(x));
        let of_read = |x: &Tensor| match read {
            None => x.shallow_clone(),
            Some(places) => x.flatten(0, 1).index_select(0, places),
        };
        let x = of_read(x) + self.self_attn.o_proj.forward(&of_read(&mixed));
        &x + self.mlp.forward(&self.post_attention_layernorm.forward(&x))
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

    /// Attends within each prompt; returns what is mixed in the shape of the input, (b, t, h d) or
    /// (1, n, h d), and the keys and values.
    fn mix_prompts(&self, x: &Tensor, rope: &Rope, prompts: &Prompts) -> (Tensor, KeyValue) {
        let (q, k, v) = self.heads(x, rope, prompts.packing.as_ref());
        let (k, v) = (k.contiguous(), v.contiguous());
        let mixed = attend(&q, &k, &v, &prompts.attending); // (b, t, h d)
        let mixed = match &prompts.packing {
            None => mixed,
            Some(packing) => packing.pack(&mixed),
        };
        (mixed, (k, v))
    }

    /// Queries (b, h, t, d), keys and values (b, g, t, d), turned to their positions.
    fn heads(
        &self,
        x: &Tensor,
        rope: &Rope,
        packing: Option<&Packing>,
    ) -> (Tensor, Tensor, Tensor) {
        let split = |x: Tensor| {
            let (b, t, _) = x.size3().expect("activations are (b, t, c)");
            x.view([b, t, -1, self.head_dim])
        };
        let in_rows = |x: Tensor| match packing {
            None => x.transpose(1, 2),
            Some(packing) => packing.unpack(&x).transpose(1, 2),
        };
        let q = in_rows(rope.rotate(&split(self.q_proj.forward(x))));
        let k = in_rows(rope.rotate(&split(self.k_proj.forward(x))));
        let v = in_rows(split(self.v_proj.forward(x)));
        (q, k, v)
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
        self.down_proj.forward_gated(&self.gate_proj.forward(x), &self.up_proj.forward(x))
    }
}
