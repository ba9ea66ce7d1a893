//! Random prompts with random images, shaped as those of the timing peers.

use clsrl_data::image::{Patches, Processor, RgbImage, bicubic, lanczos};
use clsrl_engine::{EngineError, inputs::LabelledPrompt};
use clsrl_spec::Stream;
use clsrl_vlm::{Config, Grid, Prompt};
use rayon::prelude::*;
use tch::Tensor;

use super::shapes::{Shapes, processor_of};

/// The peers' image, before any resizing.
const IMAGE: (u32, u32) = (500, 375);

/// What the authors' evaluation makes of that image before its resize to a square.
const FETCHED: (u32, u32) = (504, 364);

/// Most text tokens before an image: the system message and the start of the user's turn.
const HEAD_TOKENS: usize = 14;

/// Ids below are text in Qwen2-VL's vocabulary; end of text, turns and images stand above.
const N_TEXT_IDS: i64 = 151_643;

/// Draws prompts as training reads them.
pub fn random_prompts(
    config: &Config,
    shapes: Shapes,
    n: usize,
) -> Result<Vec<Prompt>, EngineError> {
    Workload::new(config, shapes)?.prompts(n, 0.0)
}

/// Draws images, prompts and examples.
pub(crate) struct Workload {
    processor: Processor,
    config: Config,
    shapes: Shapes,
    /// Placeholders of one image.
    n_features: usize,
    stream: Stream,
}

impl Workload {
    /// Panics if a prompt has no room for its image and some text.
    pub(crate) fn new(config: &Config, shapes: Shapes) -> Result<Self, EngineError> {
        let n_features = shapes.n_features(config)?;
        assert!(n_features + 4 <= shapes.prompt_tokens, "no prompt is so short: {shapes:?}");
        Ok(Workload {
            processor: processor_of(config),
            config: config.clone(),
            shapes,
            n_features,
            stream: Stream::new(shapes.seed, &["speed"]),
        })
    }

    /// Prompts of training: lengths vary by a fraction, the image is resized to a square once.
    pub(crate) fn prompts(&mut self, n: usize, spread: f64) -> Result<Vec<Prompt>, EngineError> {
        let lengths = self.lengths(n, spread);
        self.prompts_of(&lengths, |image| image)
    }

    /// Tokens of prompts, up to a fraction fewer than the longest may have.
    fn lengths(&mut self, n: usize, spread: f64) -> Vec<usize> {
        let longest = self.shapes.prompt_tokens;
        let shortest = ((longest as f64 * (1.0 - spread)) as usize).max(self.n_features + 4);
        (0..n).map(|_| shortest + self.stream.below(longest + 1 - shortest)).collect()
    }

    /// Prompts of an evaluation: lengths vary by a fraction, images are resized twice.
    pub(crate) fn spread_prompts(
        &mut self,
        n: usize,
        spread: f64,
    ) -> Result<Vec<Prompt>, EngineError> {
        let lengths = self.lengths(n, spread);
        self.prompts_of(&lengths, |image| bicubic(&image, FETCHED.0, FETCHED.1))
    }

    /// Supervised examples: a prompt, of lengths that vary by a fraction, and a completion; the loss covers text, or
    /// the completion alone.
    pub(crate) fn examples(
        &mut self,
        n: usize,
        spread: f64,
        completion_alone: bool,
    ) -> Result<Vec<LabelledPrompt>, EngineError> {
        let n_completion = self.shapes.completion_tokens;
        let lengths: Vec<usize> =
            self.lengths(n, spread).into_iter().map(|n_prompt| n_prompt + n_completion).collect();
        let prompts = self.prompts_of(&lengths, |image| image)?;
        let image = self.config.image_token_id;
        let labelled = |prompt: Prompt| {
            let n_prompt = prompt.ids.len() - n_completion;
            let label = |(at, &id): (usize, &i64)| {
                let is_scored = if completion_alone { n_prompt <= at } else { id != image };
                if is_scored { id } else { -100 }
            };
            LabelledPrompt { labels: prompt.ids.iter().enumerate().map(label).collect(), prompt }
        };
        Ok(prompts.into_iter().map(labelled).collect())
    }

    fn prompts_of(
        &mut self,
        lengths: &[usize],
        first_resize: impl Fn(RgbImage) -> RgbImage + Sync,
    ) -> Result<Vec<Prompt>, EngineError> {
        let side = self.shapes.image_side as u32;
        let images: Vec<RgbImage> = lengths.iter().map(|_| self.image()).collect();
        let patches: Vec<Patches> = images
            .into_par_iter()
            .map(|image| self.processor.patches(&lanczos(&first_resize(image), side, side)))
            .collect::<Result<_, _>>()?;
        Ok(lengths
            .iter()
            .zip(patches)
            .map(|(&length, patches)| self.prompt(length, patches))
            .collect())
    }

    fn image(&mut self) -> RgbImage {
        let (width, height) = IMAGE;
        let n_bytes = (width * height * 3) as usize;
        let mut pixels = Vec::with_capacity(n_bytes + 8);
        while pixels.len() < n_bytes {
            pixels.extend_from_slice(&self.stream.next_u64().to_le_bytes());
        }
        pixels.truncate(n_bytes);
        RgbImage { width, height, pixels }
    }

    fn prompt(&mut self, length: usize, patches: Patches) -> Prompt {
        let n_features = self.n_features;
        let n_text = length - n_features - 2;
        let n_ids = N_TEXT_IDS.min(self.config.vision_start_token_id) as usize;
        let text: Vec<i64> = (0..n_text).map(|_| self.stream.below(n_ids) as i64).collect();
        let head = HEAD_TOKENS.min(n_text / 4).max(1);
        let mut ids = text[..head].to_vec();
        ids.push(self.config.vision_start_token_id);
        ids.resize(ids.len() + n_features, self.config.image_token_id);
        // Its end, which is the id after its start.
        ids.push(self.config.vision_start_token_id + 1);
        ids.extend(&text[head..]);
        let [t, h, w] = patches.grid_thw.map(|side| side as i64);
        let pixels = Tensor::from_slice(&patches.values).reshape([t * h * w, -1]);
        Prompt { ids, pixels, grids: vec![Grid { t, h, w }] }
    }
}
