//! The sizes of a bench's work.

use clsrl_data::image::{ImageError, Processor, smart_resize};
use clsrl_engine::EngineError;
use clsrl_spec::Seed;
use clsrl_vlm::{Config, Family, Grid};

/// The sizes of one prompt and how often a bench steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shapes {
    /// Side of an image after its resize to a square.
    pub image_side: usize,
    /// Tokens of a prompt, the image's placeholders included.
    pub prompt_tokens: usize,
    /// Tokens of every completion.
    pub completion_tokens: usize,
    /// Steps that are not counted.
    pub warmup: usize,
    /// Steps that are counted.
    pub steps: usize,
    /// The seed of everything random.
    pub seed: Seed,
}

impl Shapes {
    /// An image's size in patches, as smart-resize makes it.
    pub fn grid(&self, config: &Config) -> Result<Grid, EngineError> {
        let processor = processor_of(config);
        let factor = processor.patch_size * processor.merge_size;
        let (min, max) = (processor.min_pixels, processor.max_pixels);
        let side = self.image_side;
        let (height, width) =
            smart_resize(side, side, factor, min, max).map_err(ImageError::from)?;
        let patches = |side: usize| (side / processor.patch_size) as i64;
        Ok(Grid { t: 1, h: patches(height), w: patches(width) })
    }

    /// Placeholders of one image.
    pub fn n_features(&self, config: &Config) -> Result<usize, EngineError> {
        let per_token = config.vision_config.patches_per_token();
        Ok((self.grid(config)?.n_patches() / per_token) as usize)
    }
}

/// The processor of a model's family for its shapes, with the limits that the peers set.
pub fn processor_of(config: &Config) -> Processor {
    let vision = &config.vision_config;
    let (image_mean, image_std) = match config.family {
        Family::Qwen2Vl | Family::Qwen2_5Vl => {
            ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1])
        }
        Family::Qwen3Vl => ([0.5; 3], [0.5; 3]),
    };
    Processor {
        patch_size: vision.patch_size as usize,
        merge_size: vision.spatial_merge_size as usize,
        temporal_patch_size: vision.temporal_patch_size as usize,
        image_mean,
        image_std,
        min_pixels: 3136,
        max_pixels: 401_408,
    }
}
