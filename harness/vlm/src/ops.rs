//! Casts, and products by the faster library.

use clsrl_libtorch::onednn_linear;
use tch::{Device, Kind, Tensor};

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
pub(crate) fn is_for_onednn(x: &Tensor, weight: &Tensor) -> bool {
    let is_float32 = x.kind() == Kind::Float && weight.kind() == Kind::Float;
    let n_products = x.numel() as i64 * weight.size()[0];
    x.device() == Device::Cpu && is_float32 && WORTH_ONEDNN <= n_products
}

/// The same tensor if it has the kind already.
pub(crate) fn cast(tensor: &Tensor, kind: Kind) -> Tensor {
    if tensor.kind() == kind { tensor.shallow_clone() } else { tensor.to_kind(kind) }
}
