//! The few-shot sets that CoOp keeps beside a dataset: `split_fewshot/shot_{k}-seed_{s}.pkl`, or the same
//! as JSON.
//!
//! Knows the one shape of pickle that CoOp writes, and refuses every other; nothing is ever executed.

mod read;
mod picks;
mod json;
mod pickle;
mod machine;
mod opcode;

pub use read::{few_shot_cache_paths, read_few_shot_cache};
