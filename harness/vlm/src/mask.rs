//! The one place that builds attention masks.

use tch::{Kind, Tensor};

/// What is added to the score of a key that must not be seen. Finite, so that a query that sees
/// nothing (padding) gets equal weights and not NaN.
const HIDDEN: f64 = f32::MIN as f64;

/// Builds the mask of `n_queries` tokens that stand at the end of the keys: each sees the real
/// keys up to itself. `key_mask` is (b, s), 1 for real tokens; the result is (b, 1, t, s), to add.
pub(crate) fn causal_mask(key_mask: &Tensor, n_queries: i64) -> Tensor {
    let (b, s) = key_mask.size2().expect("a key mask is (b, s)");
    let real = key_mask.to_kind(Kind::Bool).view([b, 1, 1, s]);
    let seen = if n_queries == 1 {
        real
    } else {
        let options = (Kind::Bool, key_mask.device());
        // Query i stands at key s - t + i.
        real.logical_and(&Tensor::ones([n_queries, s], options).tril(s - n_queries))
    };
    Tensor::zeros([1], (Kind::Float, key_mask.device()))
        .where_self(&seen, &Tensor::full([1], HIDDEN, (Kind::Float, key_mask.device())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(key_mask: &[&[i64]], n_queries: i64) -> Vec<Vec<i64>> {
        let mask = causal_mask(&Tensor::from_slice2(key_mask), n_queries);
        Vec::<Vec<i64>>::try_from(mask.eq(0.0).to_kind(Kind::Int64).flatten(0, 2)).unwrap()
    }

    #[test]
    fn a_token_sees_itself_and_what_came_before() {
        assert_eq!(seen(&[&[1, 1, 1]], 3), [[1, 0, 0], [1, 1, 0], [1, 1, 1]]);
    }

    #[test]
    fn padding_is_never_seen() {
        assert_eq!(seen(&[&[0, 1, 1]], 3), [[0, 0, 0], [0, 1, 0], [0, 1, 1]]);
    }

    #[test]
    fn queries_stand_at_the_end_of_the_keys() {
        assert_eq!(seen(&[&[1, 1, 0, 1, 1]], 2), [[1, 1, 0, 1, 0], [1, 1, 0, 1, 1]]);
        assert_eq!(seen(&[&[1, 0, 1], &[1, 1, 1]], 1), [[1, 0, 1], [1, 1, 1]]);
    }
}
