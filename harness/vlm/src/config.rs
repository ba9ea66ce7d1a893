//! `config.json` of a model directory, checked at the door.
//!
//! Every form that transformers writes is read (`form.rs`) and the published one is saved. No key has a default but
//! those that some release leaves out for being one (`family.rs`): what else the model needs and the file lacks is an
//! error. What is fixed for every model of a family (the activation and the norms' epsilon in the vision tower, its
//! rotary base) stands in `vision.rs`; if a file names another value, it is refused. Keys that the model does not need are kept as they are, so that a saved
//! config is the published one that was read.

mod family;
mod form;
mod published;
mod reader;

use std::path::Path;

use clsrl_files::Folder;
use serde_json::{Map, Value};

pub use self::family::Family;
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
    /// The family, named by `model_type`.
    pub family: Family,
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
    head_dim: i64,
    form: ConfigForm,
    json: Map<String, Value>,
}

/// The `vision_config` within a `config.json`, under the names of the newer families but for the tower's width.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are the file's keys")]
pub struct VisionConfig {
    pub depth: i64,
    /// The tower's width, which Qwen2-VL alone calls so; the others call it `hidden_size`.
    pub embed_dim: i64,
    /// The decoder's width, which Qwen2-VL calls `hidden_size`.
    pub out_hidden_size: i64,
    pub intermediate_size: i64,
    pub num_heads: i64,
    pub in_chans: i64,
    pub patch_size: i64,
    pub spatial_merge_size: i64,
    pub temporal_patch_size: i64,
    /// What one family alone has.
    pub tower: Tower,
}

/// What the vision tower of a family has that those of others lack.
#[derive(Debug, Clone, PartialEq)]
pub enum Tower {
    /// Qwen2-VL's: nothing.
    Qwen2Vl,
    /// Qwen2.5-VL's.
    Qwen2_5Vl {
        /// Side of an attention window in pixels.
        window_size: i64,
        /// The blocks that attend to whole frames.
        fullatt_block_indexes: Vec<i64>,
    },
    /// Qwen3-VL's.
    Qwen3Vl {
        /// Rows of the square table of positions.
        num_position_embeddings: i64,
        /// The blocks after which features are taken for the decoder's first layers.
        deepstack_visual_indexes: Vec<i64>,
    },
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
        self.head_dim
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

    /// The blocks after which features are taken for the decoder's first layers.
    pub fn deepstack_visual_indexes(&self) -> &[i64] {
        match &self.tower {
            Tower::Qwen2Vl | Tower::Qwen2_5Vl { .. } => &[],
            Tower::Qwen3Vl { deepstack_visual_indexes, .. } => deepstack_visual_indexes,
        }
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
    let family = published.family;
    reader.expect_text("model_type", &Family::ALL.map(Family::model_type));
    let config = Config {
        family,
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
        vision_config: read_vision(&mut reader.nested("vision_config"), family),
        head_dim: 1,
        form: published.form.clone(),
        json: published.saved.clone(),
    };
    let head_dim = match family {
        Family::Qwen2Vl | Family::Qwen2_5Vl => config.hidden_size / config.num_attention_heads,
        Family::Qwen3Vl => reader.integer("head_dim", 1, MAX_WIDTH),
    };
    let config = Config { head_dim, ..config };
    reader.expect_text("hidden_act", &["silu"]);
    if reader.is_clean() && published.problems.is_empty() {
        check_together(reader, &config, published.json.get("head_dim"));
    }
    config
}

fn read_mrope_section(reader: &mut Reader<'_>) -> [i64; 3] {
    reader.nested("rope_scaling").integers("mrope_section", 0, MAX_WIDTH)
}

fn read_vision(reader: &mut Reader<'_>, family: Family) -> VisionConfig {
    let depth = reader.integer("depth", 1, MAX_LAYERS);
    let [embed_dim, out_hidden_size, intermediate_size] = match family {
        Family::Qwen2Vl => {
            let embed_dim = reader.integer("embed_dim", 1, MAX_WIDTH);
            let out_hidden_size = reader.integer("hidden_size", 1, MAX_WIDTH);
            [embed_dim, out_hidden_size, embed_dim * reader.integer("mlp_ratio", 1, 64)]
        }
        Family::Qwen2_5Vl | Family::Qwen3Vl => {
            ["hidden_size", "out_hidden_size", "intermediate_size"]
                .map(|key| reader.integer(key, 1, MAX_WIDTH))
        }
    };
    VisionConfig {
        depth,
        embed_dim,
        out_hidden_size,
        intermediate_size,
        num_heads: reader.integer("num_heads", 1, MAX_WIDTH),
        in_chans: reader.integer("in_chans", 1, 64),
        patch_size: reader.integer("patch_size", 1, 1024),
        spatial_merge_size: reader.integer("spatial_merge_size", 1, 64),
        temporal_patch_size: reader.integer("temporal_patch_size", 1, 64),
        tower: read_tower(reader, family, depth - 1),
    }
}

fn read_tower(reader: &mut Reader<'_>, family: Family, last_block: i64) -> Tower {
    match family {
        Family::Qwen2Vl => Tower::Qwen2Vl,
        Family::Qwen2_5Vl => Tower::Qwen2_5Vl {
            window_size: reader.integer("window_size", 1, MAX_WIDTH),
            fullatt_block_indexes: reader.ascending("fullatt_block_indexes", 0, last_block),
        },
        Family::Qwen3Vl => Tower::Qwen3Vl {
            num_position_embeddings: reader.integer("num_position_embeddings", 1, MAX_WIDTH),
            deepstack_visual_indexes: reader.ascending("deepstack_visual_indexes", 0, last_block),
        },
    }
}

/// Checks what one key demands of another.
fn check_together(reader: &mut Reader<'_>, config: &Config, head_dim: Option<&Value>) {
    let vision = &config.vision_config;
    if config.family != Family::Qwen3Vl {
        reader.demand_multiple("hidden_size", config.hidden_size, config.num_attention_heads);
    }
    reader.demand_multiple(
        "num_attention_heads",
        config.num_attention_heads,
        config.num_key_value_heads,
    );
    let (width, out) = match config.family {
        Family::Qwen2Vl => ("embed_dim", "hidden_size"),
        Family::Qwen2_5Vl | Family::Qwen3Vl => ("hidden_size", "out_hidden_size"),
    };
    let width = format!("vision_config.{width}");
    reader.demand_multiple(&width, vision.embed_dim, vision.num_heads);
    // Height and width each turn half of a vision head, in pairs.
    reader.demand_multiple(&format!("{width} / num_heads"), vision.head_dim(), 4);
    let out = format!("vision_config.{out}");
    reader.demand_equal(&out, vision.out_hidden_size, config.hidden_size);
    check_tower(reader, config);
    let n_turned = 2 * config.mrope_section.iter().sum::<i64>();
    reader.demand_equal("twice the sum of rope_scaling.mrope_section", n_turned, config.head_dim());
    for (key, id) in [
        ("image_token_id", config.image_token_id),
        ("video_token_id", config.video_token_id),
        ("vision_start_token_id", config.vision_start_token_id),
    ] {
        reader.demand_below(key, id, config.vocab_size);
    }
    if let Some(head_dim) = head_dim.and_then(Value::as_i64) {
        reader.demand_equal("head_dim", head_dim, config.head_dim());
    }
}

fn check_tower(reader: &mut Reader<'_>, config: &Config) {
    let vision = &config.vision_config;
    match &vision.tower {
        Tower::Qwen2Vl => {}
        Tower::Qwen2_5Vl { window_size, .. } => {
            let token = vision.patch_size * vision.spatial_merge_size;
            reader.demand_multiple("vision_config.window_size", *window_size, token);
        }
        Tower::Qwen3Vl { num_position_embeddings, deepstack_visual_indexes } => {
            let side = num_position_embeddings.isqrt();
            let key = "vision_config.num_position_embeddings";
            reader.demand_equal(key, *num_position_embeddings, side * side);
            let n_features = deepstack_visual_indexes.len() as i64;
            let key = "the number of vision_config.deepstack_visual_indexes";
            reader.demand_below(key, n_features, config.num_hidden_layers + 1);
        }
    }
}

#[cfg(test)]
mod tests;
