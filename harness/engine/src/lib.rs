//! One trial, top to bottom: fine-tune, then evaluate on every target.
//!
//! Knows nothing of suites, results folders or processes: it is handed a [`TrialJob`] and sends events.

mod job;
mod trial;
mod error;
pub mod inputs;
pub mod order;
mod prefetch;
pub mod timings;
pub mod sft;
pub mod grpo;
pub mod loss;
mod shared_prefill;
mod budget;
mod repeated_step;
pub mod rollout;
pub mod rewarder;
pub mod advantage;
pub mod profiler;
mod adamw;
pub mod evaluate;
mod weights;
mod tuned;
mod memory_hint;
mod machine;
mod recognised;
pub mod pretrain;
pub mod speed;
pub mod doctor;

pub use adamw::AdamW;
pub use clsrl_libtorch::{catch_out_of_memory, load_cuda_backend, silence_out_of_memory};
pub use clsrl_vlm::{
    Init, Model, Precision,
    device::{libtorch_version, parse_device},
};
pub use error::EngineError;
pub use job::TrialJob;
pub use machine::{describe_device, processor_name};
pub use memory_hint::MemoryHint;
pub use recognised::recognise_model;
pub use tch::set_num_threads;
pub use trial::run_trial;
