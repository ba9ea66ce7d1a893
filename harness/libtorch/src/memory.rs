//! What tensors take on a device.

#![expect(unsafe_code, reason = "calls the shim")]

use std::ffi::c_int;

use crate::{
    LibtorchError,
    shim::{check, clsrl_peak_memory},
};

/// The most bytes that tensors took at one time on a GPU, counted by libtorch's allocator since the start
/// of the process. An error where there is no GPU.
pub fn peak_device_memory(gpu_idx: usize) -> Result<u64, LibtorchError> {
    let mut bytes = 0;
    // SAFETY: the integer lives until the call returns.
    check("tell the peak memory of a GPU", unsafe {
        clsrl_peak_memory(gpu_idx as c_int, &mut bytes)
    })?;
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_gpu_says_so() {
        if !tch::Cuda::is_available() {
            assert!(peak_device_memory(0).is_err());
        }
    }
}
