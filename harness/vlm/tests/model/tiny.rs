//! A model small enough to make in every test, and prompts for it.

use clsrl_vlm::{Batch, Config, Grid, Init, Model, PadSide, Prompt};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

pub const IMAGE_ID: i64 = 60;

pub fn config_json() -> Value {
    json!({
        "model_type": "qwen2_vl", "hidden_act": "silu", "hidden_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 48, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        "tie_word_embeddings": true, "vocab_size": 64, "image_token_id": IMAGE_ID,
        "video_token_id": 61, "vision_start_token_id": 62, "torch_dtype": "bfloat16",
        "something_else": {"kept": [1, 2.5]},
        "vision_config": {
            "depth": 2, "embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2, "num_heads": 2,
            "in_chans": 3, "patch_size": 2, "spatial_merge_size": 2, "temporal_patch_size": 2
        }
    })
}

pub fn config() -> Config {
    Config::from_json(config_json()).unwrap()
}

pub fn untied_config() -> Config {
    let mut json = config_json();
    json["tie_word_embeddings"] = Value::from(false);
    Config::from_json(json).unwrap()
}

pub fn model() -> Model {
    Model::random(config(), &Init { seed: 1 }, Device::Cpu)
}

/// A prompt of text, one image of `h` by `w` patches, and text; 0 by 0 for no image.
pub fn prompt(first_id: i64, n_text: usize, h: i64, w: i64) -> Prompt {
    let text = |n: usize| (0..n as i64).map(move |i| 1 + (first_id + 7 * i) % 50);
    let grids = if h == 0 { vec![] } else { vec![Grid { t: 1, h, w }] };
    let patch_len = config().vision_config.patch_len();
    let values = Tensor::arange(h * w * patch_len, (Kind::Float, Device::Cpu));
    let ids =
        text(n_text / 2).chain(vec![IMAGE_ID; (h * w / 4) as usize]).chain(text(n_text)).collect();
    Prompt { ids, pixels: (values * 0.37 + first_id as f64).sin().view([h * w, patch_len]), grids }
}

/// Three rows of different lengths, with images of two sizes and without one.
pub fn prompts() -> Vec<Prompt> {
    vec![prompt(3, 9, 4, 6), prompt(11, 4, 0, 0), prompt(20, 5, 2, 2), prompt(31, 6, 4, 6)]
}

pub fn batch(prompts: &[Prompt], side: PadSide) -> Batch {
    let prompts: Vec<&Prompt> = prompts.iter().collect();
    Batch::new(&prompts, side, 0, &config(), Device::Cpu).unwrap()
}
