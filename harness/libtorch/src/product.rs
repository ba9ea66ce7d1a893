//! Products of float32 on a CPU by oneDNN, with a backward pass.
//!
//! libtorch gives them to MKL, which runs at half the speed on processors of other makers that have 512-bit vector
//! units.

#![expect(unsafe_code, reason = "calls the shim")]

use std::ptr;

use tch::Tensor;

use crate::{
    LibtorchError,
    shim::{check, clsrl_linear},
};

/// A linear layer, as `torch.nn.functional.linear`: x (…, k), weight (m, k) and bias (m) to (…, m), all float32 on a
/// CPU. Sums are added up in another order than libtorch's own.
pub fn onednn_linear(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor, LibtorchError> {
    let bias = bias.map_or(ptr::null(), Tensor::as_ptr);
    let mut product = ptr::null_mut();
    // SAFETY: the tensors live until the call returns; `product` is set to a tensor that is ours if it succeeds.
    check("multiply", unsafe { clsrl_linear(x.as_ptr(), weight.as_ptr(), bias, &mut product) })?;
    // SAFETY: the call succeeded, so `product` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(product) })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, no_grad};

    use super::*;

    fn numbers(shape: &[i64], phase: f64) -> Tensor {
        let n: i64 = shape.iter().product();
        let leaf = (Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.37 + phase).sin();
        leaf.view(shape).set_requires_grad(true)
    }

    fn assert_close(found: &Tensor, expected: &Tensor) {
        assert_eq!(found.size(), expected.size());
        let off = (found - expected).abs().max().double_value(&[]);
        assert!(off < 1e-4, "off by {off:e}"); // sums of up to 24 numbers below 1, and of their products
    }

    #[test]
    fn products_and_gradients_are_those_of_libtorch() {
        for (shape, with_bias) in [(&[6i64, 8][..], true), (&[2, 3, 8], false), (&[1, 24, 8], true)]
        {
            let leaves = || [numbers(shape, 0.1), numbers(&[5, 8], 0.2), numbers(&[5], 0.3)];
            let (plain, ours) = (leaves(), leaves());
            let expected = plain[0].linear(&plain[1], with_bias.then_some(&plain[2]));
            let found = onednn_linear(&ours[0], &ours[1], with_bias.then_some(&ours[2])).unwrap();
            assert_close(&found, &expected);
            expected.square().sum(Kind::Float).backward();
            found.square().sum(Kind::Float).backward();
            for (ours, plain) in ours.iter().zip(&plain).take(2 + usize::from(with_bias)) {
                assert_close(&ours.grad(), &plain.grad());
            }
        }
    }

    #[test]
    fn a_product_can_be_changed_in_place() {
        let (x, weight) = (numbers(&[2, 3, 8], 0.1), numbers(&[5, 8], 0.2));
        let mut product = onednn_linear(&x, &weight, None).unwrap();
        let _same = product.g_mul_scalar_(3.0);
        product.sum(Kind::Float).backward();
        let expected = weight.detach().sum_dim_intlist([0i64].as_slice(), false, Kind::Float) * 3.0;
        assert_close(&x.grad().get(0).get(0), &expected);
    }

    #[test]
    fn what_is_not_trained_gets_no_gradient() {
        let (x, weight) = (numbers(&[3, 8], 0.1), numbers(&[5, 8], 0.2).detach());
        let product = onednn_linear(&x, &weight, None).unwrap();
        product.sum(Kind::Float).backward();
        assert!(x.grad().defined() && !weight.grad().defined());
        assert!(!no_grad(|| onednn_linear(&x, &weight, None)).unwrap().requires_grad());
    }
}
