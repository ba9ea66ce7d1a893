//! Scaled dot-product attention with shared key-value heads, softmax in float32.
//!
//! Written out instead of libtorch's fused one, whose backward is slow on a CPU. Keys and values
//! are never repeated: the queries of the heads that share them stand one below the other.

use tch::{Kind, Tensor};

use crate::layers::cast;

/// Attends with q (b, h, t, d) to k and v (b, g, s, d); the mask (b, 1, t, s) is added to the
/// scores. Returns (b, t, h * d).
pub(crate) fn attend(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Tensor {
    let (b, h, t, d) = q.size4().expect("queries are (b, h, t, d)");
    let (_, g, s, _) = k.size4().expect("keys are (b, g, s, d)");
    let shared = [b * g, h / g * t, d];
    let scale = 1.0 / (d as f64).sqrt();
    let q = (q * scale).reshape(shared);
    let k = k.reshape([b * g, s, d]);
    let v = v.reshape([b * g, s, d]);
    let scores = cast(&q.bmm(&k.transpose(1, 2)), Kind::Float).view([b, h, t, s]);
    let scores = match mask {
        // In place: the product above keeps nothing of its result for the backward pass.
        Some(mask) => { scores }.g_add_(mask),
        None => scores,
    };
    let weights = cast(&scores.softmax(-1, Kind::Float), v.kind()); // (b, h, t, s)
    let mixed = weights.view([b * g, h / g * t, s]).bmm(&v).view([b, h, t, d]);
    mixed.transpose(1, 2).reshape([b, t, h * d])
}
