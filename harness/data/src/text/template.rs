//! The families' chat template for one system message, or none, and one image with text.
//!
//! Written out instead of interpreted: the templates of the published checkpoints render exactly this for
//! the conversations of the paper (the golden prompts say so). They differ in what they put in where there is no
//! system message: Qwen2-VL's and Qwen2.5-VL's a message of their own, Qwen3-VL's nothing.

use clsrl_spec::{MessageOrder, QWEN2_VL_SYSTEM};

use super::TextError;

const IMAGE: &str = "<|vision_start|><|image_pad|><|vision_end|>";

/// What every prompt ends in.
pub(super) const ASSISTANT_HEADER: &str = "<|im_start|>assistant\n";

/// What the chat template of a `model_type` puts in where a conversation has no system message; nothing is empty.
pub fn template_system(model_type: &str) -> &'static str {
    match model_type {
        "qwen3_vl" => "",
        _ => QWEN2_VL_SYSTEM,
    }
}

/// Renders a conversation up to the point where the model speaks; an empty system message is none.
///
/// A special token's text inside `text` becomes that token, as it does in transformers.
pub fn render_prompt(system: &str, order: MessageOrder, text: &str) -> String {
    let (first, second) = match order {
        MessageOrder::ImageFirst => (IMAGE, text),
        MessageOrder::TextFirst => (text, IMAGE),
    };
    let system = match system {
        "" => String::new(),
        system => format!("<|im_start|>system\n{system}<|im_end|>\n"),
    };
    format!("{system}<|im_start|>user\n{first}{second}<|im_end|>\n{ASSISTANT_HEADER}")
}

/// Renders a conversation with its answer, for supervised fine-tuning.
///
/// `trailing_generation_prompt` asks for the assistant's header once more after the answer, as the
/// released code renders it.
pub fn render_example(
    system: &str,
    order: MessageOrder,
    text: &str,
    answer: &str,
    trailing_generation_prompt: bool,
) -> String {
    let prompt = render_prompt(system, order, text);
    let trailing = if trailing_generation_prompt { ASSISTANT_HEADER } else { "" };
    format!("{prompt}{answer}<|im_end|>\n{trailing}")
}

/// Repeats every image token as often as its image has features.
pub fn expand_image_tokens(
    ids: &[i64],
    image_token_id: i64,
    n_features: &[usize],
) -> Result<Vec<i64>, TextError> {
    let n_places = ids.iter().filter(|id| **id == image_token_id).count();
    if n_places != n_features.len() {
        return Err(TextError::ImageCount { n_places, n_images: n_features.len() });
    }
    let mut n_features = n_features.iter();
    let mut expanded = Vec::with_capacity(ids.len());
    for &id in ids {
        let n_times = match n_features.as_slice() {
            [n, ..] if id == image_token_id => {
                n_features.next();
                *n
            }
            _ => 1,
        };
        expanded.extend(std::iter::repeat_n(id, n_times));
    }
    Ok(expanded)
}
