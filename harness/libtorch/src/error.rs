//! The one error type: an operation of libtorch and what it threw.

/// What libtorch threw.
#[derive(Debug, thiserror::Error)]
#[error("libtorch cannot {operation}: {message}")]
pub struct LibtorchError {
    /// What was asked of it.
    pub operation: &'static str,
    /// The exception's text, without its stack.
    pub message: String,
}
