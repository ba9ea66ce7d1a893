//! The one error type: an operation of libtorch and what it threw.

use crate::out_of_memory::says_out_of_memory;

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
