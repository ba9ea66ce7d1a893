//! What libtorch has and `tch` does not bind.
//!
//! Owns the C++ file `shim.cpp`, all unsafe code of the project, and the safe face of both. Knows
//! nothing of models or of training. Whatever C++ throws comes back as a [`LibtorchError`].
//! Everything here is in libtorch's CPU half and reaches CUDA through its dispatcher, so nothing of
//! CUDA is needed to build or to run.

mod attention;
mod cuda;
mod fused;
mod gated;
mod gpu;
mod gradients;
mod memory;
mod optimizer;
mod out_of_memory;
mod product;
mod recompute;
mod switches;
mod upload;

mod error;
mod shim;

pub use attention::{MaskedKeys, fused_attention, shared_attention};
pub use cuda::load_cuda_backend;
pub use error::LibtorchError;
pub use fused::{rms_norm, turned_heads, turned_heads_to_write};
pub use gated::{gated_linear, joint_gated_linear};
pub use gpu::{GpuInfo, free_device_memory, gpu_info};
pub use gradients::{add_product, backward, clear_gradients, select_rows};
pub use memory::peak_device_memory;
pub use optimizer::{AdamWCoefficients, AdamWTensors, fused_adamw, global_norm};
pub use out_of_memory::{OutOfMemory, catch_out_of_memory, silence_out_of_memory};
pub use product::onednn_linear;
pub use recompute::recompute;
pub use switches::{
    adds_bfloat16_in_float32, is_full_float32, set_deterministic, set_full_float32,
};
pub use tch::set_num_threads;
pub use upload::upload;
