//! The batches of pre-training: images drawn and texts tokenised ahead of the steps.
//!
//! Owns which step sees what. Every sample has a random stream of its own, so that the work can be
//! spread over threads without changing a number.

use std::{collections::VecDeque, path::Path};

use clsrl_data::{
    image::{Processor, RgbImage},
    text::{TextTokenizer, expand_image_tokens},
};
use clsrl_spec::{Seed, Stream};
use clsrl_tiny::{
    Caption, CaptionKind,
    image::{SIDE, draw},
    style::PRETRAINING,
};
use clsrl_vlm::{Grid, Prompt};
use rayon::prelude::*;
use tch::Tensor;

use super::{PretrainError, PretrainSettings};

/// Share of the steps that belong to the first part.
const FIRST_PART: f64 = 0.35;

/// Share of short batches in the first part, and in the rest.
const SHORT_SHARES: [f64; 2] = [0.9, 0.4];

/// Long batches that are drawn together and sorted by length, so that little is padded.
const N_SORTED_TOGETHER: usize = 4;

/// One image with its conversation.
#[derive(Debug)]
pub struct Sample {
    /// Tokens of the whole conversation.
    pub ids: Vec<i64>,
    /// How many of them come before the answer.
    pub n_prompt: usize,
    pixels: Vec<f32>,
    grid: Grid,
}

impl Sample {
    /// What the model reads.
    pub fn prompt(&self) -> Prompt {
        let pixels = Tensor::from_slice(&self.pixels).reshape([self.grid.n_patches(), -1]);
        Prompt { ids: self.ids.clone(), pixels, grids: vec![self.grid] }
    }
}

/// All batches of a run, one for each step.
pub struct Batches {
    seed: Seed,
    n_steps: usize,
    batch: usize,
    tokenizer: TextTokenizer,
    processor: Processor,
    image_token: i64,
    kinds: Stream,
    order: Stream,
    step: usize,
    n_drawn: usize,
    sorted: VecDeque<Vec<Sample>>,
}

impl Batches {
    /// Reads the tokenizer and the image processor that the run has written.
    pub fn new(settings: &PretrainSettings, model_dir: &Path) -> Result<Self, PretrainError> {
        let tokenizer = TextTokenizer::from_dir(model_dir)?;
        let image_token = tokenizer.token_id("<|image_pad|>")?;
        Ok(Batches {
            seed: settings.seed,
            n_steps: settings.n_steps,
            batch: settings.batch,
            tokenizer,
            processor: Processor::from_dir(model_dir)?,
            image_token,
            kinds: Stream::new(settings.seed, &["pretrain", "kinds"]),
            order: Stream::new(settings.seed, &["pretrain", "order"]),
            step: 0,
            n_drawn: 0,
            sorted: VecDeque::new(),
        })
    }

    fn next_kind(&mut self) -> CaptionKind {
        let is_first_part = (self.step as f64) < FIRST_PART * self.n_steps as f64;
        let share = SHORT_SHARES[usize::from(!is_first_part)];
        if self.kinds.unit() < share { CaptionKind::Short } else { CaptionKind::Long }
    }

    /// A long batch of about even lengths. Batches come in random order, not by length.
    fn long_batch(&mut self) -> Result<Vec<Sample>, PretrainError> {
        if self.sorted.is_empty() {
            let mut samples = self.samples(CaptionKind::Long, N_SORTED_TOGETHER * self.batch)?;
            samples.sort_by_key(|sample| sample.ids.len());
            let mut batches = Vec::new();
            while !samples.is_empty() {
                batches.push(samples.split_off(samples.len() - self.batch));
            }
            self.order.shuffle(&mut batches);
            self.sorted.extend(batches);
        }
        Ok(self.sorted.pop_front().expect("it was filled"))
    }

    fn samples(&mut self, kind: CaptionKind, n: usize) -> Result<Vec<Sample>, PretrainError> {
        let first = self.n_drawn;
        self.n_drawn += n;
        (first..self.n_drawn).into_par_iter().map(|idx| self.sample(kind, idx)).collect()
    }

    fn sample(&self, kind: CaptionKind, idx: usize) -> Result<Sample, PretrainError> {
        let mut stream = Stream::new(self.seed, &["pretrain", "sample", &idx.to_string()]);
        let caption = Caption::draw(kind, &mut stream);
        let image = draw(caption.class.look, &PRETRAINING, &mut stream);
        let image = RgbImage { width: SIDE, height: SIDE, pixels: image.into_raw() };
        let patches = self.processor.patches(&image)?;
        let [t, h, w] = patches.grid_thw.map(|side| side as i64);
        let grid = Grid { t, h, w };
        let n_features =
            patches.grid_thw.iter().product::<usize>() / self.processor.merge_size.pow(2);
        let prompt = self.tokenizer.encode(&caption.prompt());
        let mut ids = expand_image_tokens(&prompt, self.image_token, &[n_features])?;
        let n_prompt = ids.len();
        ids.extend(self.tokenizer.encode(&caption.completion()));
        Ok(Sample { ids, n_prompt, pixels: patches.values, grid })
    }
}

impl Iterator for Batches {
    type Item = Result<Vec<Sample>, PretrainError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.step == self.n_steps {
            return None;
        }
        let batch = match self.next_kind() {
            CaptionKind::Short => self.samples(CaptionKind::Short, self.batch),
            CaptionKind::Long => self.long_batch(),
        };
        self.step += 1;
        Some(batch)
    }
}
