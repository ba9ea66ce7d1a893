//! Prompts and tokens: the chat template, the tokenizer, and what a supervised loss covers.
//!
//! Knows the text side of Qwen2-VL's input and nothing of pixels or tensors.

mod template;
mod tokenizer;
mod tokenizer_file;
mod labels;
mod error;

pub use error::TextError;
pub use labels::{IGNORED, example_labels};
pub use template::{expand_image_tokens, render_example, render_prompt, template_system};
pub use tokenizer::TextTokenizer;
