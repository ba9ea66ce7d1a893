//! The model against transformers' numbers, against itself, and against broken files.
//!
//! No test uses libtorch's own generator: it is global, and tests run in threads.

mod golden;
mod tiny;

mod forward;
mod fused;
mod generation;

mod continuation;
mod precision;
mod prompts;
mod randomness;

mod broken_files;
mod files;
mod adapters;
mod merged;
mod transformers;
