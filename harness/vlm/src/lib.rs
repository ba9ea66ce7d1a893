//! Qwen2-VL, Qwen2.5-VL and Qwen3-VL in libtorch: config, weights, vision tower, decoder, cache, generation.
//!
//! Owns everything between token ids with pixels and logits. Knows nothing of datasets, prompts,
//! tokenizers, losses or optimizers. A field of a struct has the checkpoint's name, so a tensor is
//! found in the code by its name in the file.
//!
//! Shapes in comments use one vocabulary: `b` rows of a batch, `t` tokens (`s` those attended to),
//! `h` heads, `g` key-value heads, `d` width of a head, `c` hidden width.

mod model;

mod decoder;
mod deepstack;
mod attention;
mod kv_cache;
mod slot_cache;
mod batch;
mod packing;
mod positions;
mod rope;
mod mask;
mod vision;
mod layers;
mod ops;
mod checkpointed;
mod stage;
mod precision;

mod generate;
mod sampling;
mod log_probs;

mod layout;
mod weights;
mod parameters;
mod joint;
mod lora;
mod merge;
mod init;
mod random;
mod values;

mod checkpoint;
mod adapters;
mod shard;
mod names;
mod save;
mod tensor_file;
mod config;
mod generation_config;
mod recognised;
mod error;

pub mod device;

pub use batch::{Batch, PadSide, Prompt};
pub use config::{Config, ConfigForm, Family, Tower, VisionConfig};
pub use error::{VlmError, WeightProblem};
pub use generate::{Completion, Generated, generate};
pub use generation_config::GenerationConfig;
pub use init::Init;
pub use kv_cache::{Prefill, PromptKeys};
pub use layout::n_parameters;
pub use log_probs::{backward_log_probs, token_log_probs};
pub use lora::Lora;
pub use merge::MergedWeights;
pub use model::Model;
pub use names::WeightNames;
pub use positions::Grid;
pub use precision::Precision;
pub use recognised::{Recognised, recognise};
pub use sampling::{Decoding, Sampling, filtered_probs};
pub use stage::Stage;
pub use tensor_file::{read_tensor_file, write_tensor_file};
pub use values::{float32_bytes, is_finite};
pub use vision::{attended_pairs, patch_order};
