//! Layers that read the same input, as one layer: on a GPU one product in place of three, or of two.
//!
//! Only copies of a model have their weights joined, where casting makes new tensors anyway: the weights of the single
//! layers are then parts of the joint ones and take no memory beside them.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::{
    config::Config,
    names::Names,
    weights::{NamedTensors, joint_name},
};

/// Queries, keys and values of one layer.
pub(crate) const QKV: [&str; 3] = ["q_proj", "k_proj", "v_proj"];

/// Gate and up of a gated MLP.
pub(crate) const GATE_AND_UP: [&str; 2] = ["gate_proj", "up_proj"];

/// What is joined in one decoder layer: its module, the layers, their parameter.
const JOINED: [(&str, &[&str], &str); 2] =
    [("self_attn", &QKV, "weight"), ("mlp", &GATE_AND_UP, "weight")];

/// The same of what some families lack.
const JOINED_BIAS: (&str, &[&str], &str) = ("self_attn", &QKV, "bias");

/// Weights with some of them joined.
pub(crate) struct Joined {
    /// All weights, in their order.
    pub(crate) weights: NamedTensors,
    /// The joint ones, of which the single ones are parts.
    pub(crate) joint: NamedTensors,
}

/// Converts weights by `convert_one` or, those of joined layers together, by `convert_joint`.
pub(crate) fn join(
    config: &Config,
    weights: &NamedTensors,
    convert_one: impl Fn(usize, &Tensor) -> Tensor,
    convert_joint: impl Fn(&Tensor) -> Tensor,
) -> Joined {
    let mut converted: Vec<Option<Tensor>> = weights.iter().map(|_| None).collect();
    let mut joint = NamedTensors::new();
    let names = weights.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at));
    let places: BTreeMap<&str, usize> = names.collect();
    let names = Names::of(config.family);
    let bias = config.family.has_qkv_bias().then_some(JOINED_BIAS);
    for layer_idx in 0..config.num_hidden_layers {
        for (module, layers, parameter) in JOINED.into_iter().chain(bias) {
            let prefix = format!("{}.layers.{layer_idx}.{module}.", names.decoder);
            let place = |layer: &&str| places[format!("{prefix}{layer}.{parameter}").as_str()];
            let members: Vec<usize> = layers.iter().map(place).collect();
            let tensors: Vec<&Tensor> = members.iter().map(|&member| &weights[member].1).collect();
            let all = convert_joint(&Tensor::cat(&tensors, 0));
            let sizes: Vec<i64> = tensors.iter().map(|tensor| tensor.size()[0]).collect();
            for (member, part) in members.into_iter().zip(all.split_with_sizes(&sizes, 0)) {
                converted[member] = Some(part);
            }
            joint.push((joint_name(&prefix, layers, parameter), all));
        }
    }
    let convert =
        |((at, (name, tensor)), converted): ((usize, &(String, Tensor)), Option<Tensor>)| {
            (name.clone(), converted.unwrap_or_else(|| convert_one(at, tensor)))
        };
    Joined { weights: weights.iter().enumerate().zip(converted).map(convert).collect(), joint }
}
