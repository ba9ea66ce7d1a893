//! The one error type: an operation of libtorch and what it threw.

/// What is said where memory is refused.
const REFUSALS: [&str; 11] = [
    // libtorch's allocators: a GPU's, a CPU's, a CPU's on some systems, C++'s own.
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "std::bad_alloc",
    // CUDA's runtime and driver by the names of their codes.
    "cudaErrorMemoryAllocation",
    "CUDA_ERROR_OUT_OF_MEMORY",
    // cuBLAS for its workspaces, and for itself when a thread first needs it.
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED when calling `cublas",
    // cuDNN, which has had several names for it.
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
];

/// What libtorch threw.
#[derive(Debug, thiserror::Error)]
#[error("libtorch cannot {operation}: {message}")]
pub struct LibtorchError {
    /// What was asked of it.
    pub operation: &'static str,
    /// The exception's text, without its stack.
    pub message: String,
}

impl LibtorchError {
    /// Whether the device, or a library that works on it, had no memory left.
    pub fn is_out_of_memory(&self) -> bool {
        says_out_of_memory(&self.message)
    }
}

/// Whether an exception's text tells that memory was refused.
pub(crate) fn says_out_of_memory(text: &str) -> bool {
    REFUSALS.iter().any(|refusal| text.contains(refusal))
}
