//! Scaled dot-product attention by the kernel that libtorch finds best for the device.

#![expect(unsafe_code, reason = "calls the shim")]

use std::{ffi::c_int, ptr};

use tch::Tensor;

use crate::{
    LibtorchError,
    shim::{check, clsrl_fused_attention, clsrl_shared_attention},
};

/// Attends with q (b, h, t, d) to k and v (b, g, s, d), whose heads h / g of the queries share, without a mask; with
/// `is_causal`, token i sees those up to i. Scores are scaled by 1/√d. Returns (b, h, t, d), in a layout that differs
/// from kernel to kernel. After [`crate::set_deterministic`] the backward pass gives the same bits every time.
pub fn fused_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    is_causal: bool,
) -> Result<Tensor, LibtorchError> {
    let mut mixed = ptr::null_mut();
    let [q, k, v] = [q, k, v].map(Tensor::as_ptr);
    // SAFETY: the tensors live until the call returns; `mixed` is set to a tensor that is ours if it succeeds.
    check("attend", unsafe { clsrl_fused_attention(q, k, v, c_int::from(is_causal), &mut mixed) })?;
    // SAFETY: the call succeeded, so `mixed` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(mixed) })
}

/// Keys and values, and what is added to their scores.
#[derive(Debug, Clone, Copy)]
pub struct MaskedKeys<'a> {
    /// (…, d)
    pub k: &'a Tensor,
    /// (…, d)
    pub v: &'a Tensor,
    /// Of a shape that broadcasts to the scores'.
    pub mask: Option<&'a Tensor>,
}

/// Attends with q (b, h, t, d) to the tokens of prompts (p, g, s, d), each shared by the b / p rows that stand next to
/// each other, under a mask (p, 1, 1, s), and to the rows' own (b, g, r, d) under a mask (t, r), in one softmax: by few
/// kernels, with no more kept for the backward pass than the weights, in q's kind. Returns (b, t, h * d).
pub fn shared_attention(
    q: &Tensor,
    prompts: MaskedKeys<'_>,
    own: MaskedKeys<'_>,
) -> Result<Tensor, LibtorchError> {
    let mut mixed = ptr::null_mut();
    let mask = |keys: MaskedKeys<'_>| keys.mask.map_or(ptr::null(), Tensor::as_ptr);
    let [k, v, own_k, own_v] = [prompts.k, prompts.v, own.k, own.v].map(Tensor::as_ptr);
    let q = q.contiguous();
    // SAFETY: the tensors live until the call returns; `mixed` is set to a tensor that is ours if it succeeds.
    check("attend to shared prompts", unsafe {
        let masks = (mask(prompts), mask(own));
        clsrl_shared_attention(q.as_ptr(), k, v, own_k, own_v, masks.0, masks.1, &mut mixed)
    })?;
    // SAFETY: the call succeeded, so `mixed` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(mixed) })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::set_deterministic;

    fn leaf(shape: [i64; 4], phase: f64) -> Tensor {
        let values = Tensor::arange(shape.iter().product::<i64>(), (Kind::Float, Device::Cpu));
        (values * 0.7 + phase).sin().view(shape).set_requires_grad(true)
    }

    #[test]
    fn a_deterministic_backward_pass_gives_the_gradients_of_the_other() {
        let gradients = || {
            let leaves =
                [leaf([2, 4, 5, 8], 0.0), leaf([2, 2, 5, 8], 1.0), leaf([2, 2, 5, 8], 2.0)];
            let mixed = fused_attention(&leaves[0], &leaves[1], &leaves[2], true).unwrap();
            mixed.square().sum(Kind::Float).backward();
            leaves.map(|leaf| leaf.grad())
        };
        let expected = gradients();
        set_deterministic().unwrap();
        for (found, expected) in gradients().iter().zip(&expected) {
            assert!(found.allclose(expected, 1e-6, 1e-6, false));
        }
    }

    #[test]
    fn heads_that_share_keys_attend_causally() {
        // The first token sees itself alone, the second both alike, since all keys are 0.
        let q = Tensor::ones([1, 4, 2, 8], (Kind::Float, Device::Cpu));
        let k = Tensor::zeros([1, 2, 2, 8], (Kind::Float, Device::Cpu));
        let v = Tensor::arange(32, (Kind::Float, Device::Cpu)).view([1, 2, 2, 8]);
        let mixed = fused_attention(&q, &k, &v, true).unwrap();
        for head in 0..4 {
            let values = v.get(0).get(head / 2);
            let found = mixed.get(0).get(head);
            assert!(found.get(0).allclose(&values.get(0), 0.0, 1e-6, false));
            let mean = values.mean_dim([0i64].as_slice(), false, Kind::Float);
            assert!(found.get(1).allclose(&mean, 0.0, 1e-6, false));
        }
        assert!(fused_attention(&q, &k.narrow(3, 0, 4), &v, true).is_err());
    }
}
