//! What is set once for the whole process.

#![expect(unsafe_code, reason = "calls the shim")]

use crate::{
    LibtorchError,
    shim::{
        check, clsrl_adds_bfloat16_in_float32, clsrl_avoid_cudnn_attention, clsrl_is_full_float32,
        clsrl_set_deterministic, clsrl_set_full_float32,
    },
};

/// Lets libtorch and cuDNN take algorithms that give the same bits every time, where they have one. Where
/// they have none, a line on standard error says so. cuBLAS wants `CUBLAS_WORKSPACE_CONFIG` beside it,
/// from the start of the process.
pub fn set_deterministic() -> Result<(), LibtorchError> {
    // SAFETY: sets flags of libtorch's global context.
    check("switch to deterministic algorithms", unsafe { clsrl_set_deterministic() })
}

/// Lets products of float32 be computed in float32, without TF32, and partial sums of products in 16 bits be added up
/// in float32.
pub fn set_full_float32() -> Result<(), LibtorchError> {
    // SAFETY: sets flags of libtorch's global context.
    check("set the precision of float32", unsafe { clsrl_set_full_float32() })
}

/// Lets attention in 16 bits take another kernel than cuDNN's, which builds a plan for every new shape.
pub(crate) fn avoid_cudnn_attention() -> Result<(), LibtorchError> {
    // SAFETY: sets a flag of libtorch's global context.
    check("choose a kernel for attention", unsafe { clsrl_avoid_cudnn_attention() })
}

/// Whether products of float32 are computed in float32, as libtorch itself tells.
pub fn is_full_float32() -> Result<bool, LibtorchError> {
    let mut is_full = 0;
    // SAFETY: the integer lives until the call returns.
    check("tell the precision of float32", unsafe { clsrl_is_full_float32(&mut is_full) })?;
    Ok(is_full != 0)
}

/// Whether partial sums of bfloat16 products are added up in float32 on a GPU, as libtorch itself tells.
pub fn adds_bfloat16_in_float32() -> Result<bool, LibtorchError> {
    let mut adds = 0;
    // SAFETY: the integer lives until the call returns.
    check("tell the precision of sums", unsafe { clsrl_adds_bfloat16_in_float32(&mut adds) })?;
    Ok(adds != 0)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn the_switches_are_taken() {
        set_full_float32().unwrap();
        assert!(is_full_float32().unwrap() && adds_bfloat16_in_float32().unwrap());
        set_deterministic().unwrap();
        // An operator without a deterministic algorithm warns and works.
        let mut found = Tensor::zeros([2], (Kind::Float, Device::Cpu));
        let _ = found
            .f_put_(&Tensor::from_slice(&[1i64]), &Tensor::from_slice(&[3f32]), false)
            .unwrap();
        assert_eq!(Vec::<f32>::try_from(&found).unwrap(), [0.0, 3.0]);
    }
}
