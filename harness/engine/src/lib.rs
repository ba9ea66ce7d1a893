//! One trial, top to bottom: fine-tune, then evaluate on every target.
//!
//! Knows nothing of suites, results folders or processes: it is handed a [`TrialJob`] and sends events.

mod job;
mod trial;
mod keeper;
mod state;
mod kept_answers;
mod sealed;
mod recipes;
mod predict;
mod watch;
mod error;
pub mod inputs;
pub mod order;
pub mod prefetch;
mod timings;
pub mod sft;
pub mod grpo;
pub mod loss;
pub mod reference;
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
mod checkpoint;
mod memory_hint;
pub mod machine;
mod recognised;

pub use adamw::AdamW;
pub use error::EngineError;
pub use job::{Saving, TrialJob};
pub use memory_hint::MemoryHint;
pub use predict::{Answer, Picture, PredictJob, Predictor};
pub use recipes::prompt_recipes;
pub use recognised::recognise_model;
pub use trial::run_trial;
