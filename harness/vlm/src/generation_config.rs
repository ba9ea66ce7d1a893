//! `generation_config.json` of a model directory, checked at the door.
//!
//! Evaluation decodes greedily, and its length is the protocol's. What else changes a greedy answer in transformers
//! is honoured (`repetition_penalty`) or refused by its name, and so is a field that no release up to 5.24 has:
//! nothing is ignored that might change an answer. Rollouts sample as the protocol says and take nothing from this
//! file but its token ids, as the authors' trainer does, which brings a `GenerationConfig` of its own.

use std::path::Path;

use clsrl_files::Folder;
use serde_json::{Map, Value};

use crate::{
    config::{Config, MAX_VOCAB, Reader, parse_object, read_object},
    error::VlmError,
};

/// Fields that say nothing about a greedy answer: what only sampling or beams read (`do_sample` is the
/// protocol's), the length, which is the protocol's too, assistants, which are not there, and what is put out.
const WITHOUT_EFFECT: [&str; 43] = [
    "_from_model_config",
    "assistant_confidence_threshold",
    "assistant_ensemble_weight",
    "assistant_lookbehind",
    "bos_token_id",
    "compile_config",
    "continuous_batching_config",
    "decoder_start_token_id",
    "disable_compile",
    "do_sample",
    "early_stopping",
    "epsilon_cutoff",
    "eta_cutoff",
    "is_assistant",
    "length_penalty",
    "low_memory",
    "max_cache_len",
    "max_length",
    "max_matching_ngram_size",
    "max_new_tokens",
    "min_p",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "output_attentions",
    "output_hidden_states",
    "output_logits",
    "output_scores",
    "prefill_chunk_size",
    "return_dict_in_generate",
    "return_legacy_cache",
    "target_lookbehind",
    "temperature",
    "top_h",
    "top_k",
    "top_p",
    "transformers_version",
    "typical_p",
    "use_cache",
    // Read below.
    "eos_token_id",
    "pad_token_id",
    "repetition_penalty",
    // Written by the releases before 4.46, for other kinds of models.
    "is_encoder_decoder",
    "chat_format",
];

/// What a field that would change a greedy answer has to say so that it does not.
#[derive(Debug, Clone, Copy)]
enum Neutral {
    /// Nothing: null or no such field.
    Absent,
    /// A number, or nothing.
    Number(f64),
    /// A number at most this large, or nothing.
    AtMost(f64),
    /// False, or nothing.
    False,
    /// An empty list or object, or nothing.
    Empty,
    /// A cache of another kind that holds the same numbers, or nothing.
    SameCache,
}

/// Fields that change a greedy answer (`GenerationConfig` and `_get_logits_processor` of 4.46 to 5.24).
const REFUSED: [(&str, Neutral); 35] = [
    ("assistant_early_exit", Neutral::Absent),
    ("bad_words_ids", Neutral::Absent),
    ("begin_suppress_tokens", Neutral::Empty),
    ("cache_config", Neutral::Absent),
    ("cache_implementation", Neutral::SameCache),
    ("constraints", Neutral::Absent),
    ("diversity_penalty", Neutral::Number(0.0)),
    ("dola_layers", Neutral::Absent),
    ("encoder_no_repeat_ngram_size", Neutral::AtMost(0.0)),
    ("encoder_repetition_penalty", Neutral::Number(1.0)),
    ("exponential_decay_length_penalty", Neutral::Absent),
    ("force_words_ids", Neutral::Absent),
    ("forced_bos_token_id", Neutral::Absent),
    ("forced_decoder_ids", Neutral::Absent),
    ("forced_eos_token_id", Neutral::Absent),
    ("generation_kwargs", Neutral::Empty),
    ("guidance_scale", Neutral::Number(1.0)),
    ("max_time", Neutral::Absent),
    ("min_length", Neutral::AtMost(0.0)),
    ("min_new_tokens", Neutral::AtMost(0.0)),
    ("no_repeat_ngram_size", Neutral::AtMost(0.0)),
    ("num_beam_groups", Neutral::Number(1.0)),
    ("num_beams", Neutral::Number(1.0)),
    ("num_return_sequences", Neutral::Number(1.0)),
    ("penalty_alpha", Neutral::AtMost(0.0)),
    ("prompt_lookup_num_tokens", Neutral::Absent),
    ("remove_invalid_values", Neutral::False),
    ("renormalize_logits", Neutral::False),
    ("sequence_bias", Neutral::Absent),
    ("speculation_type", Neutral::Absent),
    ("stop_strings", Neutral::Absent),
    ("suppress_tokens", Neutral::Empty),
    ("token_healing", Neutral::False),
    ("use_mtp", Neutral::False),
    ("watermarking_config", Neutral::Absent),
];

impl Neutral {
    fn allows(self, value: &Value) -> bool {
        if value.is_null() {
            return true;
        }
        match self {
            Neutral::Absent => false,
            Neutral::Number(number) => value.as_f64() == Some(number),
            Neutral::AtMost(most) => value.as_f64().is_some_and(|number| number <= most),
            Neutral::False => value == &Value::Bool(false),
            Neutral::Empty => {
                value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(Map::is_empty)
            }
            Neutral::SameCache => {
                let kinds = ["dynamic", "dynamic_full", "static", "offloaded", "offloaded_static"];
                value.as_str().is_some_and(|kind| kinds.contains(&kind))
            }
        }
    }

    fn words(self) -> String {
        match self {
            Neutral::Absent | Neutral::Empty => "nothing".to_owned(),
            Neutral::Number(number) => number.to_string(),
            Neutral::AtMost(most) => format!("at most {most}"),
            Neutral::False => "false".to_owned(),
            Neutral::SameCache => "a cache that holds the numbers as they are".to_owned(),
        }
    }
}

/// What a model's `generation_config.json` says about its answers.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationConfig {
    /// `eos_token_id`: any of these ends a completion.
    pub stop_ids: Vec<i64>,
    /// Fills the rows of a batch; without one, the first stop id, as in transformers.
    pub pad_token_id: i64,
    /// `repetition_penalty`: 1 changes nothing.
    pub repetition_penalty: f64,
}

impl GenerationConfig {
    /// Reads and checks `generation_config.json` of a model directory.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, lacks a stop id, or has a field that changes a greedy answer in a way that this
    /// program has no code for: all of them are named.
    pub fn from_dir(dir: &Path) -> Result<GenerationConfig, VlmError> {
        GenerationConfig::from_folder(&Folder::unchecked(dir))
    }

    /// Reads and checks `generation_config.json` of a folder, whose files may be held to digests.
    ///
    /// # Errors
    ///
    /// Those of [`GenerationConfig::from_dir`].
    pub fn from_folder(model: &Folder) -> Result<GenerationConfig, VlmError> {
        const NAME: &str = "generation_config.json";
        GenerationConfig::from_map(&read_object(model, NAME)?, &model.path(NAME))
    }

    /// Checks the bytes of a `generation_config.json`; the path is for messages.
    ///
    /// # Errors
    ///
    /// Those of [`GenerationConfig::from_dir`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<GenerationConfig, VlmError> {
        GenerationConfig::from_map(&parse_object(bytes, path)?, path)
    }

    fn from_map(json: &Map<String, Value>, path: &Path) -> Result<GenerationConfig, VlmError> {
        let places = std::collections::BTreeMap::new();
        let mut reader = Reader::new(json, &places);
        let stop_ids = reader.ids("eos_token_id", MAX_VOCAB);
        let pad_token_id = match json.get("pad_token_id") {
            None | Some(Value::Null) => stop_ids.first().copied().unwrap_or_default(),
            Some(_) => reader.integer("pad_token_id", 0, MAX_VOCAB),
        };
        let repetition_penalty = match json.get("repetition_penalty") {
            None | Some(Value::Null) => 1.0,
            Some(_) => reader.number("repetition_penalty", 0.0, 1000.0),
        };
        let mut problems = reader.into_problems();
        problems.extend(effects(json));
        if problems.is_empty() {
            Ok(GenerationConfig { stop_ids, pad_token_id, repetition_penalty })
        } else {
            Err(VlmError::Config { path: path.to_owned(), problems })
        }
    }

    /// For answers of a length that is given: no token ends them.
    pub fn endless() -> GenerationConfig {
        GenerationConfig { stop_ids: Vec::new(), pad_token_id: 0, repetition_penalty: 1.0 }
    }

    /// Refuses a padding that the model of this directory has no embedding for.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn check_padding(&self, dir: &Path, config: &Config) -> Result<(), VlmError> {
        let (found, below) = (self.pad_token_id, config.vocab_size);
        if found < below {
            return Ok(());
        }
        let problem = format!("`pad_token_id`: expected a number below {below}, found {found}");
        let path = dir.join("generation_config.json");
        Err(VlmError::Config { path, problems: vec![problem] })
    }
}

/// One line for each field that changes a greedy answer, or may.
fn effects(json: &Map<String, Value>) -> Vec<String> {
    let told = |(key, value): (&String, &Value)| {
        if let Some((_, neutral)) = REFUSED.iter().find(|(name, _)| name == key) {
            let expected = neutral.words();
            return (!neutral.allows(value)).then(|| {
                format!("`{key}`: expected {expected}, found {value}: it changes greedy answers, which this program does not do")
            });
        }
        (!WITHOUT_EFFECT.contains(&key.as_str())).then(|| {
            format!("`{key}`: expected a field of transformers 4.46 to 5.24, found {value}: it may change answers")
        })
    };
    json.iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests;
