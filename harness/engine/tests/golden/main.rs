//! The trainers against the golden set: losses, log-probabilities, gradients, one optimizer step.

mod grpo;
mod set;
mod sft;
