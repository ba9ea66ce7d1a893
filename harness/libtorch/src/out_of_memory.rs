//! A device that has no room for a tensor: the one failure of an operation that work of a smaller size survives.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// What libtorch's allocators say when they refuse: a GPU's, a CPU's, a CPU's on some systems.
const REFUSALS: [&str; 3] = ["out of memory", "can't allocate memory", "not enough memory"];

/// An operation's tensor had no room on its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the device has no memory left")]
pub struct OutOfMemory;

/// Runs work whose operations panic where libtorch throws. What it holds is dropped when memory runs out; every
/// other panic goes on.
pub fn catch_out_of_memory<T>(work: impl FnOnce() -> T) -> Result<T, OutOfMemory> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        if is_out_of_memory(panic.as_ref()) { OutOfMemory } else { resume_unwind(panic) }
    })
}

/// Whether a panic tells that an allocator refused.
pub(crate) fn is_out_of_memory(panic: &(dyn Any + Send)) -> bool {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    REFUSALS.iter().any(|refusal| text.contains(refusal))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn a_tensor_that_no_machine_holds_is_out_of_memory() {
        let exabyte = || Tensor::empty([1 << 60], (Kind::Uint8, Device::Cpu));
        assert_eq!(catch_out_of_memory(exabyte).map(drop), Err(OutOfMemory));
    }

    #[test]
    fn what_a_gpu_says_is_out_of_memory() {
        let says = || -> () { panic!("CUDA out of memory. Tried to allocate 2.00 GiB") };
        assert_eq!(catch_out_of_memory(says), Err(OutOfMemory));
    }

    #[test]
    fn other_panics_go_on() {
        let caught = catch_unwind(|| catch_out_of_memory(|| panic!("as the test wants")));
        assert!(caught.is_err());
        assert_eq!(catch_out_of_memory(|| 7), Ok(7));
    }
}
