//! The decoder: grouped-query attention with M-RoPE and a gated MLP, pre-norm, the same for all families.

use clsrl_libtorch::{select_rows, turned_heads, turned_heads_to_write};
use tch::Tensor;

use crate::{
    attention::{Attending, KeyValues, attend, attend_shared, attend_slots, attend_suffixes},
    checkpointed::Checkpointed,
    config::Config,
    deepstack::Deepstack,
    joint::{GATE_AND_UP, QKV},
    kv_cache::{Prefill, RowCache},
    layers::{Linear, RmsNorm},
    mask::causal,
    packing::Packing,
    rope::{Rope, TextRope},
    slot_cache::SlotCache,
    stage::Stage,
    weights::{Role, Weights},
};

/// Keys and values of one layer, each (b, g, s, d).
type KeyValue = (Tensor, Tensor);

pub(crate) struct Decoder {
    pub(crate) embed_tokens: Embedding,
    /// Whether the backward pass recomputes the layers from their inputs.
    pub(crate) checkpoints_gradients: bool,
    layers: Vec<Checkpointed<DecoderLayer>>,
    norm: RmsNorm,
    rope: TextRope,
}

impl Decoder {
    pub(crate) fn load(config: &Config, weights: &Weights<'_>, rope: TextRope) -> Self {
        let layers = weights.at("layers");
        Decoder {
            checkpoints_gradients: false,
            embed_tokens: Embedding::load(config, &weights.at("embed_tokens")),
            layers: (0..config.num_hidden_layers)
                .map(|layer_idx| DecoderLayer::load(config, &layers.at(layer_idx)))
                .map(Checkpointed::new)
                .collect(),
            norm: RmsNorm::load(config.hidden_size, config.rms_norm_eps, &weights.at("norm")),
            rope,
        }
    }

    /// Runs whole prompts: embeddings (b, t, c), or all tokens of a packing (1, n, c), at positions (3, b, t)
    /// or (3, 1, n).
    ///
    /// Returns hidden states after the final norm, at the indices of the flattened input that are read (n_read, c) if
    /// there are such, and all keys and values, each (b, g, t, d).
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
        let mut key_values = Vec::with_capacity(self.layers.len());
        let n_layers = self.layers.len();
        // What is not read of the last layer is not computed either, unless something is added to its output.
        let reads_in_last = prompts.deepstack.features.len() < n_layers;
        let read_at = prompts.read_at.as_ref();
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            let added = prompts.deepstack.features.get(layer_idx);
            let prompts_of_layer = prompts.share(layer_idx + 1 == n_layers && reads_in_last);
            let inputs = [&x, &rope.cos, &rope.sin];
            let forward = move |layer: &DecoderLayer, inputs: &[Tensor]| {
                let [x, cos, sin] = inputs else { panic!("a layer has three inputs") };
                let rope = Rope { cos: cos.shallow_clone(), sin: sin.shallow_clone() };
                layer.forward(x, &rope, &Attend::Prompts(&prompts_of_layer))
            };
            let [output, k, v] = layer.run(self.checkpoints_gradients, &inputs, forward);
            x = output;
            key_values.push((k, v));
            tap(Stage::Layer(layer_idx), &x);
            if let Some(features) = added {
                x = prompts.deepstack.add(&x, features);
                tap(Stage::Deepstack(layer_idx), &x);
            }
        }
        let x = match read_at.filter(|_| !reads_in_last) {
            None => x,
            Some(indices) => x.flatten(0, 1).index_select(0, indices),
        };
        let x = self.norm.forward(&x);
        tap(Stage::FinalNorm, &x);
        (x, key_values)
    }

    /// Runs rows (b, t, c) that continue prompts, at positions (3, b, t): each token sees its prompt, and its
    /// own row up to itself. Returns (b, t, c) after the final norm.
    pub(crate) fn forward_rows(&self, x: Tensor, positions: &Tensor, prompts: &Prefill) -> Tensor {
        let rope = self.rope.rope(positions);
        let own_mask = causal(x.size()[1], x.device());
        let mut x = x;
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            let prompts = prompts.key_values(layer_idx);
            let attend = Attend::Rows { prompts, own_mask: own_mask.as_ref() };
            [x, _, _] = layer.with(|layer| layer.forward(&x, &rope, &attend));
        }
        self.norm.forward(&x)
    }

    /// Runs the next token of rows (b, 1, c) that continue prompts, and keeps its keys and values.
    pub(crate) fn forward_next(
        &self,
        x: Tensor,
        positions: &Tensor,
        prompts: &Prefill,
        cache: &mut RowCache,
    ) -> Tensor {
        let rope = self.rope.rope(positions);
        cache.reserve();
        let mut x = x;
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            let attend = Attend::Next { prompts: prompts.key_values(layer_idx), cache, layer_idx };
            [x, _, _] = layer.with(|layer| layer.forward(&x, &rope, &attend));
        }
        cache.length += 1;
        self.norm.forward(&x)
    }

    /// As [`Decoder::forward_next`], for rows whose prompts stand in the cache.
    pub(crate) fn forward_next_slots(&self, x: Tensor, cache: &mut SlotCache) -> Tensor {
        let rope = self.rope.rope(&cache.next_positions());
        cache.reserve();
        let mut x = x;
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            let attend = Attend::Slots { cache, layer_idx };
            [x, _, _] = layer.with(|layer| layer.forward(&x, &rope, &attend));
        }
        cache.advance();
        self.norm.forward(&x)
    }
}

/// How whole prompts are run.
pub(crate) struct Prompts {
    /// How tokens of the rectangle attend to each other.
    pub(crate) attending: Attending,
    /// How tokens lie in the rectangle that attention works on, if they are packed without padding.
    pub(crate) packing: Option<Packing>,
    /// Indices of the tokens whose hidden states are read; all if there are none.
    pub(crate) read_at: Option<Tensor>,
    /// What is added to images' tokens after the first layers.
    pub(crate) deepstack: Deepstack,
}

impl Prompts {
    /// The same for a layer, to which nothing is added; which tokens are read is the last one's business alone.
    fn share(&self, is_last: bool) -> Prompts {
        Prompts {
            attending: self.attending.share(),
            packing: self.packing.as_ref().map(Packing::share),
            read_at: self.read_at.as_ref().filter(|_| is_last).map(Tensor::shallow_clone),
            deepstack: Deepstack::default(),
        }
    }
}

/// What the tokens of a layer attend to.
enum Attend<'a> {
    /// Tokens of whole prompts: to their prompt.
    Prompts(&'a Prompts),
    /// Tokens of rows that continue prompts: to their prompt, and to their row under a mask (t, t).
    Rows { prompts: KeyValues<'a>, own_mask: Option<&'a Tensor> },
    /// The next token of rows: to its prompt, and to its row in the KV cache.
    Next { prompts: KeyValues<'a>, cache: &'a RowCache, layer_idx: usize },
    /// The next token of rows: to all that the KV cache has of its row, its prompt included.
    Slots { cache: &'a SlotCache, layer_idx: usize },
}

impl Attend<'_> {
    fn packing(&self) -> Option<&Packing> {
        match self {
            Attend::Prompts(prompts) => prompts.packing.as_ref(),
            Attend::Rows { .. } | Attend::Next { .. } | Attend::Slots { .. } => None,
        }
    }

    /// The tokens of x (b, t, c) that are read (n_read, c), or all as they lie.
    fn read(&self, x: &Tensor) -> Tensor {
        match self {
            Attend::Prompts(Prompts { read_at: Some(indices), .. }) => {
                x.flatten(0, 1).index_select(0, indices)
            }
            _ => x.shallow_clone(),
        }
    }
}

pub(crate) struct Embedding {
    pub(crate) weight: Tensor, // (vocabulary, c), a leaf
}

impl Embedding {
    fn load(config: &Config, weights: &Weights<'_>) -> Self {
        let shape = [config.vocab_size, config.hidden_size];
        Embedding { weight: weights.take("weight", &shape, Role::Embedding) }
    }

    /// Ids of any shape to their rows, after that shape.
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
        let (c, eps) = (config.hidden_size, config.rms_norm_eps);
        DecoderLayer {
            input_layernorm: RmsNorm::load(c, eps, &weights.at("input_layernorm")),
            self_attn: Attention::load(config, &weights.at("self_attn")),
            post_attention_layernorm: RmsNorm::load(
                c,
                eps,
                &weights.at("post_attention_layernorm"),
            ),
            mlp: Mlp::load(config, &weights.at("mlp")),
        }
    }

    /// Returns activations, keys and values.
    fn forward(&self, x: &Tensor, rope: &Rope, attend: &Attend) -> [Tensor; 3] {
        let normed = self.input_layernorm.forward(x);
        let [attended, k, v] = self.self_attn.forward(&normed, rope, attend);
        let x = attend.read(x) + attended;
        let normed = self.post_attention_layernorm.forward(&x);
        [&x + self.mlp.forward(&normed), k, v]
    }
}

struct Attention {
    qkv_proj: Option<Linear>,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    q_norm: Option<RmsNorm>,
    k_norm: Option<RmsNorm>,
    o_proj: Linear,
    n_heads: i64,
    head_dim: i64,
}

impl Attention {
    fn load(config: &Config, weights: &Weights<'_>) -> Self {
        let (c, d) = (config.hidden_size, config.head_dim());
        let [q, kv] = [config.num_attention_heads, config.num_key_value_heads].map(|n| n * d);
        let load_linear = match config.family.has_qkv_bias() {
            true => Linear::load,
            false => Linear::load_without_bias,
        };
        let load_norm = |name: &str| {
            let load = || RmsNorm::load(d, config.rms_norm_eps, &weights.at(name));
            config.family.has_qk_norm().then(load)
        };
        Attention {
            qkv_proj: Linear::load_joint(&QKV, weights),
            q_proj: load_linear(q, c, &weights.at("q_proj")),
            k_proj: load_linear(kv, c, &weights.at("k_proj")),
            v_proj: load_linear(kv, c, &weights.at("v_proj")),
            q_norm: load_norm("q_norm"),
            k_norm: load_norm("k_norm"),
            o_proj: Linear::load_without_bias(c, q, &weights.at("o_proj")),
            n_heads: config.num_attention_heads,
            head_dim: d,
        }
    }

    /// Returns what is read of the output, (b, t, c) or (n_read, c), and the layer's keys and values.
    fn forward(&self, x: &Tensor, rope: &Rope, to: &Attend) -> [Tensor; 3] {
        let [q, k, v] = self.heads(x, rope, to);
        let (mixed, k, v) = match to {
            Attend::Prompts(prompts) => {
                let (k, v) = (k.contiguous(), v.contiguous());
                let mixed = attend(&q, &k, &v, &prompts.attending); // (b, t, h d)
                (prompts.packing.as_ref().map_or(mixed.shallow_clone(), |p| p.pack(&mixed)), k, v)
            }
            Attend::Rows { prompts, own_mask } => {
                let own = KeyValues { k: &k, v: &v, mask: *own_mask };
                (attend_suffixes(&q, prompts, &own), k, v)
            }
            Attend::Next { prompts, cache, layer_idx } => {
                let (k, v) = cache.push(*layer_idx, &k, &v);
                (attend_shared(&q, prompts, &KeyValues { k: &k, v: &v, mask: None }), k, v)
            }
            Attend::Slots { cache, layer_idx } => {
                (attend_slots(&q, &cache.push(*layer_idx, &k, &v)), k, v)
            }
        };
        [self.o_proj.forward(&to.read(&mixed)), k, v]
    }

    /// Queries (b, h, t, d), keys and values (b, g, t, d), turned to their positions.
    fn heads(&self, x: &Tensor, rope: &Rope, to: &Attend) -> [Tensor; 3] {
        if let Some(qkv_proj) = &self.qkv_proj {
            return self.joint_heads(&qkv_proj.forward(x), rope, to);
        }
        let packing = to.packing();
        let split = |x: Tensor| {
            let (b, t, _) = x.size3().expect("activations are (b, t, c)");
            x.view([b, t, -1, self.head_dim])
        };
        let in_rows = |x: Tensor| match packing {
            None => x.transpose(1, 2),
            Some(packing) => packing.unpack(&x).transpose(1, 2),
        };
        let q = in_rows(rope.rotate(&normed(&self.q_norm, split(self.q_proj.forward(x)))));
        let k = in_rows(rope.rotate(&normed(&self.k_norm, split(self.k_proj.forward(x)))));
        let v = in_rows(split(self.v_proj.forward(x)));
        [q, k, v]
    }

    /// Heads of all three (b, t, h + 2 g, d), those of queries and keys normalised where there are norms.
    fn normed_jointly(&self, qkv: Tensor) -> Tensor {
        let (Some(q_norm), Some(k_norm)) = (&self.q_norm, &self.k_norm) else { return qkv };
        let (h, n) = (self.n_heads, qkv.size()[2]);
        let g = (n - h) / 2;
        let q = q_norm.forward(&qkv.narrow(2, 0, h));
        let k = k_norm.forward(&qkv.narrow(2, h, g));
        Tensor::cat(&[&q, &k, &qkv.narrow(2, h + g, g)], 2)
    }

    /// The same of one product of all three (b, t, (h + 2 g) d).
    fn joint_heads(&self, qkv: &Tensor, rope: &Rope, to: &Attend) -> [Tensor; 3] {
        let (b, t, _) = qkv.size3().expect("activations are (b, t, c)");
        let qkv = self.normed_jointly(qkv.view([b, t, -1, self.head_dim]));
        let turn = match to {
            Attend::Slots { .. } => turned_heads_to_write,
            Attend::Prompts(_) | Attend::Rows { .. } | Attend::Next { .. } => turned_heads,
        };
        let heads = turn(&qkv, (&rope.cos, &rope.sin), self.n_heads);
        let heads = heads.unwrap_or_else(|error| panic!("{error}"));
        match to.packing() {
            None => heads,
            Some(packing) => {
                heads.map(|heads| packing.unpack(&heads.transpose(1, 2)).transpose(1, 2))
            }
        }
    }
}

/// Each head normalised, where there is a norm.
fn normed(norm: &Option<RmsNorm>, heads: Tensor) -> Tensor {
    norm.as_ref().map_or(heads.shallow_clone(), |norm| norm.forward(&heads))
}

struct Mlp {
    gate_and_up_proj: Option<Linear>,
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl Mlp {
    fn load(config: &Config, weights: &Weights<'_>) -> Self {
        let (c, inner) = (config.hidden_size, config.intermediate_size);
        Mlp {
            gate_and_up_proj: Linear::load_joint(&GATE_AND_UP, weights),
            gate_proj: Linear::load_without_bias(inner, c, &weights.at("gate_proj")),
            up_proj: Linear::load_without_bias(inner, c, &weights.at("up_proj")),
            down_proj: Linear::load_without_bias(c, inner, &weights.at("down_proj")),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        if let Some(gate_and_up_proj) = &self.gate_and_up_proj {
            return self.down_proj.forward_joint_gated(&gate_and_up_proj.forward(x));
        }
        self.down_proj.forward_gated(&self.gate_proj.forward(x), &self.up_proj.forward(x))
    }
}
