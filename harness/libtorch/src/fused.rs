//! Norms and rotary positions in few kernels, for a GPU: launching each takes longer than it runs.

#![expect(unsafe_code, reason = "calls the shim")]

use std::ptr;

use tch::Tensor;

use crate::{
    LibtorchError,
    shim::{check, clsrl_rms_norm, clsrl_turned_heads, clsrl_turned_heads_to_write},
};

/// An RMS norm over the last dimension, by libtorch's kernel where the device has one: x (…, c) of any kind and a
/// weight (c) in float32, in which it is computed, to (…, c) of x's kind.
pub fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f64) -> Result<Tensor, LibtorchError> {
    let mut normed = ptr::null_mut();
    // SAFETY: the tensors live until the call returns; `normed` is set to a tensor that is ours if it succeeds.
    check("normalise", unsafe {
        clsrl_rms_norm(x.as_ptr(), weight.as_ptr(), epsilon, &mut normed)
    })?;
    // SAFETY: the call succeeded, so `normed` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(normed) })
}

/// Takes one product of queries, keys and values (b, t, h + 2 g, d) apart, `n_queries` = h, and turns queries and keys
/// in float32 as rotary positions want it: cos and sin (b, t, 1, d), the first half of sin negated. Returns queries
/// (b, h, t, d), keys and values (b, g, t, d), each contiguous.
pub fn turned_heads(
    qkv: &Tensor,
    (cos, sin): (&Tensor, &Tensor),
    n_queries: i64,
) -> Result<[Tensor; 3], LibtorchError> {
    let mut heads = [ptr::null_mut(); 3];
    let [q, k, v] = &mut heads;
    // SAFETY: the tensors live until the call returns; the pointers are set to tensors that are ours if it succeeds.
    check("turn heads", unsafe {
        clsrl_turned_heads(qkv.as_ptr(), cos.as_ptr(), sin.as_ptr(), n_queries, q, k, v)
    })?;
    // SAFETY: the call succeeded, so each owns a tensor.
    Ok(heads.map(|head| unsafe { Tensor::from_ptr(head) }))
}

/// [`turned_heads`] without gradients, for a cache that keys and values are written to: these are no copies, and the
/// keys are in float32.
pub fn turned_heads_to_write(
    qkv: &Tensor,
    (cos, sin): (&Tensor, &Tensor),
    n_queries: i64,
) -> Result<[Tensor; 3], LibtorchError> {
    let mut heads = [ptr::null_mut(); 3];
    let [q, k, v] = &mut heads;
    let [qkv, cos, sin] = [qkv, cos, sin].map(Tensor::as_ptr);
    // SAFETY: the tensors live until the call returns; the pointers are set to tensors that are ours if it succeeds.
    check("turn heads", unsafe { clsrl_turned_heads_to_write(qkv, cos, sin, n_queries, q, k, v) })?;
    // SAFETY: the call succeeded, so each owns a tensor.
    Ok(heads.map(|head| unsafe { Tensor::from_ptr(head) }))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn leaf(shape: &[i64], kind: Kind, phase: f64) -> Tensor {
        let n: i64 = shape.iter().product();
        let values = Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.37 + phase;
        (values.sin() * 3.0).to_kind(kind).view(shape).set_requires_grad(true)
    }

    /// A loss that weighs every number differently.
    fn backward_of(outputs: &[Tensor]) {
        let weighed = |output: &Tensor| {
            let weights = Tensor::arange(output.numel() as i64, (Kind::Float, Device::Cpu)).cos();
            (output.to_kind(Kind::Float) * weights.view_as(output)).sum(Kind::Float)
        };
        outputs.iter().map(weighed).sum::<Tensor>().backward();
    }

    #[track_caller]
    fn check_close(found: &Tensor, expected: &Tensor, tolerance: f64) {
        assert_eq!(found.kind(), expected.kind());
        assert!(found.allclose(expected, tolerance, tolerance, false), "{found} and {expected}");
    }

    #[test]
    fn a_norm_and_its_gradients_are_those_of_the_operators() {
        for (kind, tolerance) in [(Kind::Float, 1e-6), (Kind::BFloat16, 1e-2)] {
            let computed = |norm: &dyn Fn(&Tensor, &Tensor) -> Tensor| {
                let (x, weight) = (leaf(&[2, 3, 8], kind, 0.1), leaf(&[8], Kind::Float, 0.7));
                let normed = norm(&x, &weight);
                backward_of(&[normed.shallow_clone()]);
                [normed.detach(), x.grad(), weight.grad()]
            };
            let plain = |x: &Tensor, weight: &Tensor| {
                let wide = x.to_kind(Kind::Float);
                let mean_square = wide.square().mean_dim([-1i64].as_slice(), true, Kind::Float);
                (wide * (mean_square + 1e-6).rsqrt() * weight).to_kind(kind)
            };
            let fused = |x: &Tensor, weight: &Tensor| rms_norm(x, weight, 1e-6).unwrap();
            for (found, expected) in computed(&fused).iter().zip(&computed(&plain)) {
                check_close(found, expected, tolerance);
            }
        }
    }

    #[test]
    fn turned_heads_and_their_gradients_are_those_of_the_operators() {
        let (h, g, d) = (4, 2, 6);
        let [cos, sin] = [0.2, 0.9].map(|phase| leaf(&[2, 5, 1, d], Kind::Float, phase).detach());
        for (kind, tolerance) in [(Kind::Float, 1e-6), (Kind::BFloat16, 1e-2)] {
            let computed = |split: &dyn Fn(&Tensor) -> [Tensor; 3]| {
                let qkv = leaf(&[2, 5, h + 2 * g, d], kind, 0.4);
                let heads = split(&qkv);
                backward_of(&heads);
                let [q, k, v] = heads.map(|head| head.detach());
                [q, k, v, qkv.grad()]
            };
            let plain = |qkv: &Tensor| {
                let wide = qkv.to_kind(Kind::Float);
                let swapped = wide.roll([d / 2].as_slice(), [-1i64].as_slice());
                let turned = (wide * &cos + swapped * &sin).to_kind(kind);
                let heads = [turned.narrow(2, 0, h), turned.narrow(2, h, g)];
                let [q, k] = heads.map(|head| head.transpose(1, 2));
                [q, k, qkv.narrow(2, h + g, g).transpose(1, 2)]
            };
            let fused = |qkv: &Tensor| turned_heads(qkv, (&cos, &sin), h).unwrap();
            for (found, expected) in computed(&fused).iter().zip(&computed(&plain)) {
                check_close(found, expected, tolerance);
            }
            let qkv = leaf(&[2, 5, h + 2 * g, d], kind, 0.4).detach();
            let written = turned_heads_to_write(&qkv, (&cos, &sin), h).unwrap();
            for (found, expected) in written.iter().zip(&fused(&qkv)) {
                assert!(found.to_kind(kind).equal(expected), "{kind:?}");
            }
        }
    }
}
