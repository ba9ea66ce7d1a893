//! The second half of a gated MLP, with less kept for the backward pass than libtorch keeps.

#![expect(unsafe_code, reason = "calls the shim")]

use std::{ffi::c_int, ptr};

use tch::Tensor;

use crate::{
    LibtorchError,
    shim::{check, clsrl_gated_linear, clsrl_joint_gated_linear},
};

/// silu(gate) times up, times weight (m, k), transposed, plus bias (m): gate (…, k) and up, of the same shape or one
/// number that is not trained, to (…, m), in the bits of the plain operators.
///
/// The backward pass keeps gate and up alone, and computes what lies between them and the product again. The products
/// are libtorch's, or [`crate::onednn_linear`]'s where that is asked for.
pub fn gated_linear(
    gate: &Tensor,
    up: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    by_onednn: bool,
) -> Result<Tensor, LibtorchError> {
    let bias = bias.map_or(ptr::null(), Tensor::as_ptr);
    let mut product = ptr::null_mut();
    // SAFETY: the tensors live until the call returns; `product` is set to a tensor that is ours if it succeeds.
    check("multiply gated values", unsafe {
        clsrl_gated_linear(
            gate.as_ptr(),
            up.as_ptr(),
            weight.as_ptr(),
            bias,
            c_int::from(by_onednn),
            &mut product,
        )
    })?;
    // SAFETY: the call succeeded, so `product` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(product) })
}

/// [`gated_linear`] of gate and up side by side (…, 2 n) and weight (m, n), with libtorch's products: for a GPU, where
/// one product makes both.
pub fn joint_gated_linear(both: &Tensor, weight: &Tensor) -> Result<Tensor, LibtorchError> {
    let mut product = ptr::null_mut();
    // SAFETY: the tensors live until the call returns; `product` is set to a tensor that is ours if it succeeds.
    check("multiply gated values", unsafe {
        clsrl_joint_gated_linear(both.as_ptr(), weight.as_ptr(), &mut product)
    })?;
    // SAFETY: the call succeeded, so `product` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(product) })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, no_grad};

    use super::*;
    use crate::onednn_linear;

    /// Gate, up, weight and bias.
    type Multiply<'a> = &'a dyn Fn(&[Tensor; 4]) -> Tensor;

    /// Product and the gradients of all factors; `up` is one number where it is not of gate's shape.
    fn computed(multiply: Multiply, kind: Kind, up_shape: &[i64]) -> [Tensor; 5] {
        let leaf = |shape: &[i64], phase: f64| {
            let n: i64 = shape.iter().product();
            let values = Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.37 + phase;
            (values.sin() * 3.0).to_kind(kind).view(shape)
        };
        let leaves =
            [leaf(&[2, 3, 8], 0.1), leaf(up_shape, 0.7), leaf(&[5, 8], 0.3), leaf(&[5], 0.5)];
        let has_gradient =
            |(at, leaf): (usize, &Tensor)| leaf.set_requires_grad(at != 1 || !up_shape.is_empty());
        let leaves: Vec<Tensor> = leaves.iter().enumerate().map(has_gradient).collect();
        let leaves: [Tensor; 4] = leaves.try_into().unwrap();
        let product = multiply(&leaves);
        (product.square() * 0.3).sum(Kind::Float).backward();
        let [gate, up, weight, bias] = leaves.map(|leaf| leaf.grad());
        [product.detach(), gate, up, weight, bias]
    }

    #[test]
    fn gated_products_and_gradients_have_the_bits_of_the_operators() {
        let plain =
            |[gate, up, weight, bias]: &[Tensor; 4]| (gate.silu() * up).linear(weight, Some(bias));
        let onednn = |[gate, up, weight, bias]: &[Tensor; 4]| {
            onednn_linear(&(gate.silu() * up), weight, Some(bias)).unwrap()
        };
        let cases: [(Multiply, Kind, bool); 3] = [
            (&plain, Kind::Float, false),
            (&plain, Kind::BFloat16, false),
            (&onednn, Kind::Float, true),
        ];
        for (expected, kind, by_onednn) in cases {
            let ours = |[gate, up, weight, bias]: &[Tensor; 4]| {
                gated_linear(gate, up, weight, Some(bias), by_onednn).unwrap()
            };
            for up_shape in [&[2, 3, 8][..], &[]] {
                let expected = computed(expected, kind, up_shape);
                for (expected, ours) in expected.iter().zip(&computed(&ours, kind, up_shape)) {
                    assert_eq!(expected.defined(), ours.defined());
                    let is_equal = !ours.defined() || expected.equal(ours);
                    assert!(is_equal, "{kind:?}, {by_onednn}: {expected} and {ours}");
                }
            }
        }
    }

    #[test]
    fn gate_and_up_side_by_side_give_what_both_apart_give() {
        let joint = |[gate, up, weight, bias]: &[Tensor; 4]| {
            joint_gated_linear(&Tensor::cat(&[gate, up], -1), weight).unwrap() + bias
        };
        let apart = |[gate, up, weight, bias]: &[Tensor; 4]| {
            gated_linear(gate, up, weight, None, false).unwrap() + bias
        };
        for (kind, tolerance) in [(Kind::Float, 1e-6), (Kind::BFloat16, 1e-2)] {
            let [joint, apart] =
                [&joint as Multiply, &apart].map(|multiply| computed(multiply, kind, &[2, 3, 8]));
            for (joint, apart) in joint.iter().zip(&apart) {
                let is_close = joint.allclose(apart, tolerance, tolerance, false);
                assert!(is_close, "{kind:?}: {joint} and {apart}");
            }
        }
    }

    #[test]
    fn what_is_not_trained_gets_no_gradient() {
        let matrix = |value: f32| Tensor::from_slice(&[value]).view([1, 1]);
        let (gate, up, weight) = (matrix(1.0).set_requires_grad(true), matrix(2.0), matrix(3.0));
        gated_linear(&gate, &up, &weight, None, false).unwrap().backward();
        assert!(gate.grad().defined() && !up.grad().defined() && !weight.grad().defined());
        let product = no_grad(|| gated_linear(&gate, &up, &weight, None, false)).unwrap();
        assert!(!product.requires_grad());
    }
}
