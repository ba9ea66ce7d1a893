//! `config.json` of a model directory, checked at the door.
//!
//! Every form that transformers writes is read (`form.rs`) and the published, flat one is saved. No
//! key has a default but those that some release leaves out for being one: what else the model needs
//! and the file lacks is an error. What is fixed for every Qwen2-VL (quick-GELU and the norms'
//! epsilon in the vision tower, its rotary base) stands in `vision.rs`; if a file names another
//! value, it is refused. Keys that the model does not need are kept as they are, so that a saved
//! config is the published one that was read.

mod form;
mod reader;

use std::path::Path;

use clsrl_files::Folder;
use serde_json::{Map, Value};

pub use self::form::ConfigForm;
use self::form::Published;
pub(crate) use self::reader::Reader;
use crate::error::VlmError;

/// Most that a width, a count of heads or a token id may be: keeps every product within `i64`.
const MAX_WIDTH: i64 = 1 << 20;
pub(crate) const MAX_VOCAB: i64 = 1 << 24;
const MAX_LAYERS: i64 = 1024;

/// Most that is read of a config: real ones have a few kilobytes.
const MAX_BYTES: u64 = 16 << 20;

/// A checked `config.json`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are the file's keys")]
pub struct Config {
    pub hidden_size: i64,
    pub num_hidden_layers: i64,
    pub num_attention_heads: i64,
    pub num_key_value_heads: i64,
    pub intermediate_size: i64,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    /// How many of a head's frequencies turn with time, height and width.
    pub mrope_section: [i64; 3],
    pub tie_word_embeddings: bool,
    pub vocab_size: i64,
    pub image_token_id: i64,
    pub video_token_id: i64,
    pub vision_start_token_id: i64,
    pub vision_config: VisionConfig,
    form: ConfigForm,
    json: Map<String, Value>,
}

/// The `vision_config` within a `config.json`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are the file's keys")]
pub struct VisionConfig {
    pub depth: i64,
    pub embed_dim: i64,
    pub hidden_size: i64,
    pub mlp_ratio: i64,
    pub num_heads: i64,
    pub in_chans: i64,
    pub patch_size: i64,
    pub spatial_merge_size: i64,
    pub temporal_patch_size: i64,
}

impl Config {
    /// Reads and checks `config.json` of a model directory.
    pub fn from_dir(dir: &Path) -> Result<Config, VlmError> {
        Config::from_folder(&Folder::unchecked(dir))
    }

    /// Reads and checks `config.json` of a folder, whose files may be held to digests.
    pub fn from_folder(model: &Folder) -> Result<Config, VlmError> {
        Config::from_map(read_object(model, "config.json")?, &model.path("config.json"))
    }

    /// Checks the bytes of a `config.json`; the path is for messages.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Config, VlmError> {
        Config::from_map(parse_object(bytes, path)?, path)
    }

    /// Checks a config made by code, for a model made from nothing.
    pub fn from_json(json: Value) -> Result<Config, VlmError> {
        let path = Path::new("the given config");
        match json {
            Value::Object(map) => Config::from_map(map, path),
            other => Err(VlmError::Config {
                path: path.to_owned(),
                problems: vec![format!("expected an object, found {other}")],
            }),
        }
    }

    /// Returns the config in the published form, with every key it was read with.
    pub fn to_json(&self) -> Value {
        Value::Object(self.json.clone())
    }

    /// How the file was written.
    pub fn form(&self) -> &ConfigForm {
        &self.form
    }

    /// Width of one text head.
    pub fn head_dim(&self) -> i64 {
        self.hidden_size / self.num_attention_heads
    }

    fn from_map(json: Map<String, Value>, path: &Path) -> Result<Config, VlmError> {
        let published = form::publish(&json);
        let mut reader = Reader::new(&published.json, &published.places);
        let config = read_config(&mut reader, &published);
        let problems = [reader.into_problems(), published.problems].concat();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(VlmError::Config { path: path.to_owned(), problems })
        }
    }
}

impl VisionConfig {
    /// Width of one vision head.
    pub fn head_dim(&self) -> i64 {
        self.embed_dim / self.num_heads
    }

    /// Values in one patch: channels, frames, rows and columns.
    pub fn patch_len(&self) -> i64 {
        self.in_chans * self.temporal_patch_size * self.patch_size * self.patch_size
    }

    /// Patches that become one token.
    pub fn patches_per_token(&self) -> i64 {
        self.spatial_merge_size * self.spatial_merge_size
    }
}

/// Reads a JSON object of a folder.
pub(crate) fn read_object(model: &Folder, name: &str) -> Result<Map<String, Value>, VlmError> {
    let path = model.path(name);
    let bytes =
        model.read(name, MAX_BYTES).map_err(|source| VlmError::io("read", &path, source))?;
    parse_object(&bytes, &path)
}

pub(crate) fn parse_object(bytes: &[u8], path: &Path) -> Result<Map<String, Value>, VlmError> {
    serde_json::from_slice(bytes).map_err(|source| VlmError::Json { path: path.to_owned(), source })
}

/// Reads every key; impossible ones are noted in the reader and read as 1.
fn read_config(reader: &mut Reader<'_>, published: &Published) -> Config {
    reader.expect_text("model_type", &["qwen2_vl"]);
    let config = Config {
        hidden_size: reader.integer("hidden_size", 1, MAX_WIDTH),
        num_hidden_layers: reader.integer("num_hidden_layers", 1, MAX_LAYERS),
        num_attention_heads: reader.integer("num_attention_heads", 1, MAX_WIDTH),
        num_key_value_heads: reader.integer("num_key_value_heads", 1, MAX_WIDTH),
        intermediate_size: reader.integer("intermediate_size", 1, MAX_WIDTH),
        rms_norm_eps: reader.number("rms_norm_eps", 0.0, 1.0),
        rope_theta: reader.number("rope_theta", 1.0, 1e12),
        mrope_section: read_mrope_section(reader),
        tie_word_embeddings: reader.boolean("tie_word_embeddings"),
        vocab_size: reader.integer("vocab_size", 1, MAX_VOCAB),
        image_token_id: reader.integer("image_token_id", 0, MAX_VOCAB),
        video_token_id: reader.integer("video_token_id", 0, MAX_VOCAB),
        vision_start_token_id: reader.integer("vision_start_token_id", 0, MAX_VOCAB),
        vision_config: read_vision(&mut reader.nested("vision_config")),
        form: published.form.clone(),
        json: published.json.clone(),
    };
    reader.expect_text("hidden_act", &["silu"]);
    if reader.is_clean() && published.problems.is_empty() {
        check_together(reader, &config);
    }
    config
}

fn read_mrope_section(reader: &mut Reader<'_>) -> [i64; 3] {
    reader.nested("rope_scaling").integers("mrope_section", 0, MAX_WIDTH)
}

fn read_vision(reader: &mut Reader<'_>) -> VisionConfig {
    VisionConfig {
        depth: reader.integer("depth", 1, MAX_LAYERS),
        embed_dim: reader.integer("embed_dim", 1, MAX_WIDTH),
        hidden_size: reader.integer("hidden_size", 1, MAX_WIDTH),
        mlp_ratio: reader.integer("mlp_ratio", 1, 64),
        num_heads: reader.integer("num_heads", 1, MAX_WIDTH),
        in_chans: reader.integer("in_chans", 1, 64),
        patch_size: reader.integer("patch_size", 1, 1024),
        spatial_merge_size: reader.integer("spatial_merge_size", 1, 64),
        temporal_patch_size: reader.integer("temporal_patch_size", 1, 64),
    }
}

/// Checks what one key demands of another.
fn check_together(reader: &mut Reader<'_>, config: &Config) {
    let vision = &config.vision_config;
    reader.demand_multiple("hidden_size", config.hidden_size, config.num_attention_heads);
    reader.demand_multiple(
        "num_attention_heads",
        config.num_attention_heads,
        config.num_key_value_heads,
    );
    reader.demand_multiple("vision_config.embed_dim", vision.embed_dim, vision.num_heads);
    // Height and width each turn half of a vision head, in pairs.
    reader.demand_multiple("vision_config.embed_dim / num_heads", vision.head_dim(), 4);
    reader.demand_equal("vision_config.hidden_size", vision.hidden_size, config.hidden_size);
    let n_turned = 2 * config.mrope_section.iter().sum::<i64>();
    reader.demand_equal("twice the sum of rope_scaling.mrope_section", n_turned, config.head_dim());
    for (key, id) in [
        ("image_token_id", config.image_token_id),
        ("video_token_id", config.video_token_id),
        ("vision_start_token_id", config.vision_start_token_id),
    ] {
        reader.demand_below(key, id, config.vocab_size);
    }
    if let Some(head_dim) = config.json.get("head_dim").and_then(Value::as_i64) {
        reader.demand_equal("head_dim", head_dim, config.head_dim());
    }
}

#[cfg(test)]
mod tests;
