//! What libtorch has and `tch` does not bind.
//!
//! Owns the C++ file `shim.cpp`, all unsafe code of the project, and the safe face of both. Knows
//! nothing of models or of training. Whatever C++ throws comes back as a [`LibtorchError`].
//! Everything here is in libtorch's CPU half and reaches CUDA through its dispatcher, so nothing of
//! CUDA is needed to build or to run.

mod cuda;
mod optimizer;

mod error;
mod shim;

pub use cuda::load_cuda_backend;
pub use error::LibtorchError;
pub use optimizer::{AdamWCoefficients, AdamWTensors, clear_gradients, fused_adamw, global_norm};
