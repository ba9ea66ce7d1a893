//! Out of memory: the one failure of an operation that work of a smaller size survives.

#![expect(unsafe_code, reason = "calls the shim and torch-sys")]

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook},
};

use torch_sys::at_grad_set_enabled;

use crate::{
    error::{LibtorchError, says_out_of_memory},
    shim::{check, clsrl_release_cached_memory},
};

/// An operation ran out of memory on its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the device is out of memory")]
pub struct OutOfMemory;

thread_local! {
    /// How many of this thread's callers would catch a refusal.
    static CATCHING: Cell<usize> = const { Cell::new(0) };
}

/// Runs work whose operations panic where libtorch throws. What it holds is dropped when memory runs out, and its
/// memory goes back to the device; every other panic goes on.
pub fn catch_out_of_memory<T>(work: impl FnOnce() -> T) -> Result<T, OutOfMemory> {
    let with_gradients = switch_gradients(true);
    switch_gradients(with_gradients);
    CATCHING.set(CATCHING.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(CATCHING.get() - 1);
    done.map_err(|panic| {
        if !is_out_of_memory(panic.as_ref()) {
            resume_unwind(panic);
        }
        // `tch::no_grad` switches gradients on again at its end, which a panic never reaches.
        switch_gradients(with_gradients);
        // Blocks in the sizes of the failed attempt would leave holes that smaller ones do not fill. Without it there
        // is less room, and what does not fit is reported in any case.
        let _ = release_cached_memory();
        OutOfMemory
    })
}

/// Suppresses the panic message of a caught out-of-memory error. Call it once.
pub fn silence_out_of_memory() {
    let tell = take_hook();
    set_hook(Box::new(move |panic| {
        if CATCHING.get() == 0 || !is_out_of_memory(panic.payload()) {
            tell(panic);
        }
    }));
}

/// Switches this thread's gradients on or off; returns whether they were on.
fn switch_gradients(on: bool) -> bool {
    // SAFETY: sets a flag of this thread.
    let was_on = unsafe { at_grad_set_enabled(i32::from(on)) };
    was_on != 0
}

/// Gives the memory that a GPU's allocator keeps for later back to the device.
fn release_cached_memory() -> Result<(), LibtorchError> {
    // SAFETY: frees blocks that no tensor has.
    check("release memory", unsafe { clsrl_release_cached_memory() })
}

/// Whether a panic tells that an allocator refused.
pub(crate) fn is_out_of_memory(panic: &(dyn Any + Send)) -> bool {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    says_out_of_memory(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor, no_grad};

    use super::*;

    #[test]
    fn a_tensor_that_no_machine_holds_is_out_of_memory() {
        let exabyte = || Tensor::empty([1 << 60], (Kind::Uint8, Device::Cpu));
        assert_eq!(catch_out_of_memory(exabyte).map(drop), Err(OutOfMemory));
    }

    #[test]
    fn what_a_gpu_says_is_out_of_memory() {
        for text in [
            "CUDA out of memory. Tried to allocate 2.00 GiB",
            "CUDA error: out of memory",
            "CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
            "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasLtCreate(&handle)`",
            "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
            "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes",
            "std::bad_alloc",
        ] {
            let says = || -> () { panic!("{text}") };
            assert_eq!(catch_out_of_memory(says), Err(OutOfMemory), "{text}");
            let error = LibtorchError { operation: "multiply", message: text.to_owned() };
            assert!(error.is_out_of_memory(), "{text}");
        }
        for text in [
            "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(handle)`",
            "CUDA error: device-side assert triggered",
            "CUDNN_STATUS_NOT_SUPPORTED",
        ] {
            assert!(!says_out_of_memory(text), "{text}");
        }
    }

    #[test]
    fn gradients_are_on_again_after_work_without_them() {
        let refused = || -> () { no_grad(|| panic!("CUDA out of memory")) };
        assert_eq!(catch_out_of_memory(refused), Err(OutOfMemory));
        let leaf = Tensor::from(1f32).set_requires_grad(true);
        assert!((&leaf * 2.0).requires_grad());
        no_grad(|| {
            assert_eq!(catch_out_of_memory(refused), Err(OutOfMemory));
            assert!(!(&leaf * 2.0).requires_grad());
        });
    }

    #[test]
    fn other_panics_go_on() {
        let caught = catch_unwind(|| catch_out_of_memory(|| panic!("as the test wants")));
        assert!(caught.is_err());
        assert_eq!(catch_out_of_memory(|| 7), Ok(7));
    }
}
