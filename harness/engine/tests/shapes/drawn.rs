//! Small models and drawn inputs.

use clsrl_engine::loss::Group;
use clsrl_spec::derive_seed;
use clsrl_vlm::{Config, Grid, Init, Model, Prompt};
use serde_json::json;
use tch::{Device, Kind, Tensor, no_grad};

pub const PAD_ID: i64 = 0;
const IMAGE_ID: i64 = 60;
const PATCH_LEN: i64 = 3 * 2 * 2 * 2;

/// A trainable model. Its weights are larger than those that training starts from, so that attention tells
/// places apart.
pub fn model(seed: u64, vocab_size: i64) -> Model {
    let config = Config::from_json(json!({
        "model_type": "qwen2_vl", "hidden_act": "silu", "hidden_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 48, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        "tie_word_embeddings": true, "vocab_size": vocab_size, "image_token_id": IMAGE_ID,
        "video_token_id": 61, "vision_start_token_id": 62, "torch_dtype": "float32",
        "vision_config": {
            "depth": 2, "embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2, "num_heads": 2,
            "in_chans": 3, "patch_size": 2, "spatial_merge_size": 2, "temporal_patch_size": 2
        }
    }));
    let mut model = Model::random(config.unwrap(), &Init { seed }, Device::Cpu);
    no_grad(|| {
        for (name, mut parameter) in model.named_parameters() {
            let _same = match (parameter.dim(), name.ends_with("bias")) {
                (1, true) => {
                    let count = parameter.size()[0];
                    let numbers = Tensor::arange(count, (Kind::Float, Device::Cpu));
                    parameter.copy_(&((numbers * 1.7).sin() * 0.2));
                    parameter
                }
                (1, false) => parameter,
                _ => parameter.g_mul_scalar_(5.0),
            };
        }
    });
    model.set_trainable(true);
    model
}

/// Draws whole numbers, each by its name.
pub struct Draws(u64);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Draws(seed)
    }

    /// One of `least` to `most`.
    pub fn between(&self, least: usize, most: usize, name: &[usize]) -> usize {
        let name: Vec<String> = name.iter().map(usize::to_string).collect();
        let name: Vec<&str> = name.iter().map(String::as_str).collect();
        least + (derive_seed(self.0, &name) % (most - least + 1) as u64) as usize
    }

    /// Ids of words.
    pub fn words(&self, count: usize, name: usize) -> Vec<i64> {
        (0..count).map(|at| self.between(1, 59, &[1, name, at]) as i64).collect()
    }
}

/// Prompts of text and up to two images, some of which have the images of the one before.
pub fn prompts(draws: &Draws, n_prompts: usize) -> Vec<Prompt> {
    let mut prompts: Vec<Prompt> = Vec::new();
    for idx in 0..n_prompts {
        let shares = draws.between(0, 2, &[2, idx]) == 0;
        let (grids, pixels) = match prompts.last() {
            Some(before) if shares => (before.grids.clone(), before.pixels.shallow_clone()),
            _ => images(draws, idx),
        };
        let mut ids = draws.words(draws.between(1, 12, &[3, idx]), 2 * idx);
        for grid in &grids {
            ids.extend(vec![IMAGE_ID; (grid.h * grid.w / 4) as usize]);
            ids.push(7);
        }
        ids.extend(draws.words(draws.between(1, 20, &[4, idx]), 2 * idx + 1));
        prompts.push(Prompt { ids, pixels, grids });
    }
    prompts
}

fn images(draws: &Draws, idx: usize) -> (Vec<Grid>, Tensor) {
    let side = |name: usize, at: usize| 2 * draws.between(1, 3, &[name, idx, at]) as i64;
    let n_images = draws.between(0, 2, &[5, idx]);
    let grids: Vec<Grid> =
        (0..n_images).map(|at| Grid { t: 1, h: side(6, at), w: side(7, at) }).collect();
    let n_patches: i64 = grids.iter().map(|grid| grid.h * grid.w).sum();
    let numbers = Tensor::arange(n_patches * PATCH_LEN, (Kind::Float, Device::Cpu));
    let pixels = (numbers * 0.37 + idx as f64).sin().view([n_patches, PATCH_LEN]);
    (grids, pixels)
}

/// How many there are of what.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub n_groups: usize,
    pub n_completions: usize,
    pub longest: usize,
}

/// Groups of completions of 1 to `longest` tokens; the first group has one of each extreme.
pub fn groups<'a>(draws: &Draws, shape: Shape, prompts: &'a [Prompt]) -> Vec<Group<'a>> {
    let completion = |group: usize, at: usize| {
        let row = group * shape.n_completions + at;
        let n_tokens = match row {
            0 => shape.longest,
            1 => 1,
            _ => draws.between(1, shape.longest, &[8, row]),
        };
        draws.words(n_tokens, 1000 + row)
    };
    let advantage =
        |group: usize, at: usize| draws.between(0, 8, &[9, group, at]) as f64 / 4.0 - 1.0;
    let each = 0..shape.n_completions;
    prompts
        .iter()
        .enumerate()
        .map(|(group, prompt)| Group {
            prompt,
            name: None,
            completions: each.clone().map(|at| completion(group, at)).collect(),
            advantages: each.clone().map(|at| advantage(group, at)).collect(),
        })
        .collect()
}
