//! Writes `tokenizer.json` and the small files beside it in a tiny model's directory, as Hugging Face lays them out.

use std::path::Path;

use clsrl_data::text::template_system;
use serde_json::{Map, Value, json};

use super::{
    layout::json_text,
    tokenizer::{SPECIAL_TOKENS, TinyTokenizer, TinyTokenizerError, added_token},
};

impl TinyTokenizer {
    /// Writes `tokenizer.json` and the files that stand beside it in a model directory: tokenizer,
    /// generation and image processor settings and the chat template of a `model_type`.
    pub fn write(&self, model_dir: &Path, model_type: &str) -> Result<(), TinyTokenizerError> {
        let mut files = files(self, model_type);
        files.push(("tokenizer.json", self.file.clone()));
        for (name, text) in files {
            let path = model_dir.join(name);
            clsrl_files::replace(&path, (text + "\n").as_bytes())
                .map_err(|source| TinyTokenizerError::Write { path, source })?;
        }
        Ok(())
    }
}

/// Names and texts of the files beside `tokenizer.json`.
fn files(tokenizer: &TinyTokenizer, model_type: &str) -> Vec<(&'static str, String)> {
    vec![
        ("tokenizer_config.json", json_text(&tokenizer_config(tokenizer, model_type))),
        ("generation_config.json", json_text(&generation_config(tokenizer))),
        ("preprocessor_config.json", json_text(&preprocessor_config(model_type))),
        ("chat_template.json", json_text(&json!({"chat_template": chat_template(model_type)}))),
    ]
}

fn tokenizer_config(tokenizer: &TinyTokenizer, model_type: &str) -> Value {
    let decoder: Map<String, Value> = SPECIAL_TOKENS
        .iter()
        .map(|token| (tokenizer.special(token).to_string(), added_token(token)))
        .collect();
    json!({
        "added_tokens_decoder": decoder,
        "additional_special_tokens": SPECIAL_TOKENS[1..],
        "add_prefix_space": false,
        "bos_token": null,
        "chat_template": chat_template(model_type),
        "clean_up_tokenization_spaces": false,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 32768,
        "pad_token": "<|endoftext|>",
        "padding_side": "left",
        "split_special_tokens": false,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": null,
    })
}

fn generation_config(tokenizer: &TinyTokenizer) -> Value {
    let end_of_text = tokenizer.special("<|endoftext|>");
    json!({
        "bos_token_id": end_of_text,
        "pad_token_id": end_of_text,
        "eos_token_id": [tokenizer.special("<|im_end|>"), end_of_text],
        "do_sample": false,
    })
}

fn preprocessor_config(model_type: &str) -> Value {
    if model_type == "qwen3_vl" {
        return json!({
            "size": {"shortest_edge": 3136, "longest_edge": 16_777_216},
            "patch_size": 16,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "image_processor_type": "Qwen2VLImageProcessorFast",
            "processor_class": "Qwen3VLProcessor",
        });
    }
    let processor_class = match model_type {
        "qwen2_5_vl" => "Qwen2_5_VLProcessor",
        _ => "Qwen2VLProcessor",
    };
    json!({
        "min_pixels": 3136,
        "max_pixels": 12_845_056,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": processor_class,
    })
}

/// Renders a conversation as the family's template does, image counters and tools left out.
fn chat_template(model_type: &str) -> String {
    let default_system = match template_system(model_type) {
        "" => String::new(),
        system => format!(
            "{{%- if messages and messages[0]['role'] != 'system' -%}}{{{{ \
             '<|im_start|>system\\n{system}<|im_end|>\\n' }}}}{{%- endif -%}}"
        ),
    };
    [
        default_system.as_str(),
        "{%- for message in messages -%}{{ '<|im_start|>' + message['role'] + '\\n' }}",
        "{%- if message['content'] is string -%}{{ message['content'] }}",
        "{%- else -%}{%- for part in message['content'] -%}",
        "{%- if part['type'] == 'image' or 'image' in part or 'image_url' in part -%}",
        "{{ '<|vision_start|><|image_pad|><|vision_end|>' }}",
        "{%- elif part['type'] == 'video' or 'video' in part -%}",
        "{{ '<|vision_start|><|video_pad|><|vision_end|>' }}",
        "{%- elif 'text' in part -%}{{ part['text'] }}{%- endif -%}",
        "{%- endfor -%}{%- endif -%}{{ '<|im_end|>\\n' }}{%- endfor -%}",
        "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}",
    ]
    .concat()
}
