//! The one place that builds attention masks.

use tch::{Device, Kind, Tensor};

/// What is added to the score of a key that must not be seen. Finite, so that a query that sees
/// nothing (padding) gets equal weights and not NaN.
const HIDDEN: f64 = f32::MIN as f64;

/// Builds the mask of whole prompts: each token sees the real ones up to itself. `key_mask` is (b, t), 1 for
/// real tokens; the result is (b, 1, t, t), to add.
pub(crate) fn prompt_mask(key_mask: &Tensor) -> Tensor {
    let (b, t) = key_mask.size2().expect("a key mask is (b, t)");
    let real = key_mask.to_kind(Kind::Bool).view([b, 1, 1, t]);
    additive(&real.logical_and(&causal_pairs(t, key_mask.device())))
}

/// Builds the mask of rows that continue a prompt: they see its real tokens. `key_mask` is (b, s); the result
/// is (b, 1, 1, s), to add.
pub(crate) fn padding_mask(key_mask: &Tensor) -> Tensor {
    let (b, s) = key_mask.size2().expect("a key mask is (b, s)");
    additive(&key_mask.to_kind(Kind::Bool).view([b, 1, 1, s]))
}

/// Builds the mask of tokens among themselves (t, t), to add; none of a single one.
pub(crate) fn causal(t: i64, device: Device) -> Option<Tensor> {
    (1 < t).then(|| additive(&causal_pairs(t, device)))
}

fn causal_pairs(t: i64, device: Device) -> Tensor {
    Tensor::ones([t, t], (Kind::Bool, device)).tril(0)
}

fn additive(seen: &Tensor) -> Tensor {
    let options = (Kind::Float, seen.device());
    Tensor::zeros([1], options).where_self(seen, &Tensor::full([1], HIDDEN, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(mask: Tensor) -> Vec<Vec<i64>> {
        Vec::<Vec<i64>>::try_from(mask.eq(0.0).to_kind(Kind::Int64).flatten(0, -2)).unwrap()
    }

    #[test]
    fn a_token_sees_itself_and_what_came_before() {
        let all = [[1, 0, 0], [1, 1, 0], [1, 1, 1]];
        assert_eq!(seen(prompt_mask(&Tensor::from_slice2(&[[1i64, 1, 1]]))), all);
        assert_eq!(seen(causal(3, Device::Cpu).unwrap()), all);
        assert!(causal(1, Device::Cpu).is_none());
    }

    #[test]
    fn padding_is_never_seen() {
        let padded = Tensor::from_slice2(&[[0i64, 1, 1]]);
        assert_eq!(seen(prompt_mask(&padded)), [[0, 0, 0], [0, 1, 0], [0, 1, 1]]);
        assert_eq!(seen(padding_mask(&padded)), [[0, 1, 1]]);
    }
}
