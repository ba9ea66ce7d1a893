//! Prompts of different lengths as one rectangle of tokens, with their images.

use std::collections::BTreeMap;

use clsrl_libtorch::upload;
use tch::{Device, Kind, Tensor};

use crate::{
    config::Config,
    error::VlmError,
    packing::Packing,
    positions::{Grid, Positions, prompt_positions},
};

/// What the model sees of one example: tokens with placeholders already expanded, and patches.
#[derive(Debug)]
pub struct Prompt {
    /// Token ids; `image_token_id` once for every token of an image.
    pub ids: Vec<i64>,
    /// Patches of all images, one after the other (n_patches, patch_len), float32 on the CPU.
    pub pixels: Tensor,
    /// Sizes of the images, in the order of their placeholders.
    pub grids: Vec<Grid>,
}

/// The padding side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PadSide {
    /// Left-padded: the last tokens are aligned.
    Left,
    /// Right-padded: the first tokens are aligned.
    Right,
}

impl PadSide {
    /// The side for prompts that rows continue. On a GPU prompts are right-padded, so that they need no attention mask
    /// but the causal flag of its kernels; on a CPU left-padded, as in transformers.
    pub fn of_prompts(device: Device) -> PadSide {
        if device.is_cuda() { PadSide::Right } else { PadSide::Left }
    }
}

/// A rectangle of prompts on the device.
#[derive(Debug)]
pub struct Batch {
    /// Token ids (b, t).
    pub ids: Tensor,
    /// 1 for tokens, 0 for padding (b, t).
    pub mask: Tensor,
    /// Time, height, width (3, b, t); 0 at padding.
    pub positions: Tensor,
    /// What the next token of each row gets (b): its largest position plus 1.
    pub next_positions: Tensor,
    /// Patches of all different images (n_patches, patch_len).
    pub pixels: Tensor,
    /// Sizes of all different images.
    pub grids: Vec<Grid>,
    /// Where the placeholders stand, in `ids` flattened (n_placeholders).
    pub(crate) feature_indices: Tensor,
    /// The feature of each placeholder (n_placeholders); none where every image is there once, so that they
    /// stand in one order.
    pub(crate) feature_rows: Option<Tensor>,
    /// Whether any row has padding.
    pub(crate) is_padded: bool,
    /// Whether all rows start in the first column.
    pub(crate) starts_together: bool,
    /// Where the last token of each row stands, in `ids` flattened (b).
    pub(crate) last_indices: Tensor,
    /// The tokens without their padding, where leaving it out is worth it.
    pub(crate) packing: Option<Packing>,
}

/// The width of rows on a GPU is a multiple of this: cached blocks of its allocator fit again, shapes repeat, and
/// products take the kernels for aligned rows.
const GPU_WIDTH: usize = 16;

/// The share of padding from which on it is left out: gathering rows for attention costs time as well.
const MUCH_PADDING: f64 = 0.05;

impl Batch {
    /// Builds the batch. Panics if there is no prompt.
    pub fn new(
        prompts: &[&Prompt],
        side: PadSide,
        pad_id: i64,
        config: &Config,
        device: Device,
    ) -> Result<Batch, VlmError> {
        Batch::with_pixels(Kind::Float, prompts, side, pad_id, (config, device))
    }

    /// As [`Batch::new`], with the pixels in the kind that a model computes in: to a GPU all goes in one copy, and
    /// half of its bytes need not.
    pub(crate) fn with_pixels(
        of_pixels: Kind,
        prompts: &[&Prompt],
        side: PadSide,
        pad_id: i64,
        (config, device): (&Config, Device),
    ) -> Result<Batch, VlmError> {
        let positions = prompts
            .iter()
            .enumerate()
            .map(|(row, prompt)| {
                check_prompt(prompt, config).map_err(|problem| VlmError::Prompt { row, problem })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let longest = prompts.iter().map(|prompt| prompt.ids.len()).max();
        let width = width(longest.expect("a batch has rows"), device);
        let mut rows = Rows::new(prompts.len(), width, pad_id);
        for (row, (prompt, positions)) in prompts.iter().zip(&positions).enumerate() {
            rows.fill(row, side, prompt, positions, config);
        }
        let next: Vec<i64> = positions.iter().map(|positions| positions.next).collect();
        let images = Images::of(prompts, config);
        let n_padding = rows.mask.iter().filter(|&&is_token| is_token == 0).count() as f64;
        let is_worth_packing =
            MUCH_PADDING * rows.mask.len() as f64 <= n_padding && 0.0 < n_padding;
        let on_host = Batch {
            ids: rows.tensor(&rows.ids),
            mask: rows.tensor(&rows.mask),
            positions: Tensor::stack(&rows.axes.each_ref().map(|axis| rows.tensor(axis)), 0),
            next_positions: Tensor::from_slice(&next),
            pixels: Tensor::cat(&images.pixels, 0),
            feature_rows: images.feature_rows(),
            grids: images.grids,
            feature_indices: Tensor::from_slice(&rows.feature_indices),
            is_padded: 0.0 < n_padding,
            starts_together: side == PadSide::Right || n_padding == 0.0,
            last_indices: Tensor::from_slice(&rows.last_indices),
            packing: is_worth_packing.then(|| Packing::new(&rows.mask, rows.shape)),
        };
        Ok(if device.is_cuda() { on_host.uploaded(of_pixels, device) } else { on_host })
    }

    /// The same tensors again.
    pub fn share(&self) -> Batch {
        self.map(|tensor| tensor.shallow_clone())
    }

    /// The same on a device, in one copy.
    fn uploaded(&self, of_pixels: Kind, device: Device) -> Batch {
        let mut given = Vec::new();
        self.map(|tensor| {
            given.push(tensor.shallow_clone());
            tensor.shallow_clone()
        });
        let in_kind = |tensor| match Tensor::kind(tensor) {
            Kind::Float => (tensor, of_pixels),
            kind => (tensor, kind),
        };
        let kinds: Vec<(&Tensor, Kind)> = given.iter().map(in_kind).collect();
        let arrived = upload(&kinds, device).unwrap_or_else(|error| panic!("{error}"));
        let mut arrived = arrived.into_iter();
        self.map(|_| arrived.next().expect("each tensor arrives"))
    }

    /// Changes each tensor, first to last.
    fn map(&self, mut change: impl FnMut(&Tensor) -> Tensor) -> Batch {
        Batch {
            ids: change(&self.ids),
            mask: change(&self.mask),
            positions: change(&self.positions),
            next_positions: change(&self.next_positions),
            pixels: change(&self.pixels),
            grids: self.grids.clone(),
            feature_indices: change(&self.feature_indices),
            feature_rows: self.feature_rows.as_ref().map(&mut change),
            is_padded: self.is_padded,
            starts_together: self.starts_together,
            last_indices: change(&self.last_indices),
            packing: self.packing.as_ref().map(|packing| packing.map(&mut change)),
        }
    }

    /// Number of prompts.
    pub fn n_rows(&self) -> i64 {
        self.ids.size()[0]
    }

    /// Largest position plus 1 minus number of tokens, for each row (b).
    pub fn rope_deltas(&self) -> Tensor {
        &self.next_positions - self.mask.sum_dim_intlist([1i64].as_slice(), false, Kind::Int64)
    }
}

/// Tokens of a row, padding included, where the longest prompt has `longest`.
fn width(longest: usize, device: Device) -> usize {
    if device.is_cuda() { longest.next_multiple_of(GPU_WIDTH) } else { longest }
}

/// Checks what comes from outside and computes the row's positions.
fn check_prompt(prompt: &Prompt, config: &Config) -> Result<Positions, String> {
    let vision = &config.vision_config;
    if prompt.ids.is_empty() {
        return Err("expected tokens, found none".to_owned());
    }
    if let Some(id) = prompt.ids.iter().find(|&&id| !(0..config.vocab_size).contains(&id)) {
        return Err(format!("expected ids below {}, found {id}", config.vocab_size));
    }
    if prompt.ids.contains(&config.video_token_id) {
        return Err("expected text and images, found a video placeholder".to_owned());
    }
    for grid in &prompt.grids {
        let merge = vision.spatial_merge_size;
        if grid.t < 1 || grid.h < 1 || grid.w < 1 || grid.h % merge != 0 || grid.w % merge != 0 {
            return Err(format!(
                "expected rows and columns in multiples of {merge}, found {grid:?}"
            ));
        }
    }
    let n_patches: i64 = prompt.grids.iter().map(Grid::n_patches).sum();
    let (expected, found) = ([n_patches, vision.patch_len()], prompt.pixels.size());
    if expected[..] != found[..] || prompt.pixels.kind() != Kind::Float {
        let kind = prompt.pixels.kind();
        return Err(format!(
            "expected pixels {expected:?} of kind Float, found {found:?} of {kind:?}"
        ));
    }
    prompt_positions(&prompt.ids, &prompt.grids, config)
}

/// The images of all prompts, those of prompts that share their pixels' memory once.
struct Images<'a> {
    pixels: Vec<&'a Tensor>,
    grids: Vec<Grid>,
    /// First feature of the images of each prompt, and how many there are.
    features: Vec<(i64, i64)>,
    n_features: i64,
}

impl<'a> Images<'a> {
    fn of(prompts: &[&'a Prompt], config: &Config) -> Self {
        let mut images =
            Images { pixels: Vec::new(), grids: Vec::new(), features: Vec::new(), n_features: 0 };
        let mut seen = BTreeMap::new();
        for prompt in prompts {
            let n: i64 = prompt.grids.iter().map(|grid| grid.n_tokens(config)).sum();
            let memory = (prompt.pixels.data_ptr() as usize, n);
            if n == 0 || !seen.contains_key(&memory) {
                seen.insert(memory, images.n_features);
                images.n_features += n;
                images.pixels.push(&prompt.pixels);
                images.grids.extend(&prompt.grids);
            }
            images.features.push((seen[&memory], n));
        }
        images
    }

    /// The feature of each placeholder, unless that is its own number.
    fn feature_rows(&self) -> Option<Tensor> {
        let rows: Vec<i64> =
            self.features.iter().flat_map(|&(first, n)| first..first + n).collect();
        (self.n_features != rows.len() as i64).then(|| Tensor::from_slice(&rows))
    }
}

/// The rectangle while it is filled, row after row.
struct Rows {
    shape: [i64; 2],
    ids: Vec<i64>,
    mask: Vec<i64>,
    axes: [Vec<i64>; 3],
    feature_indices: Vec<i64>,
    last_indices: Vec<i64>,
}

impl Rows {
    fn new(n_rows: usize, n_tokens: usize, pad_id: i64) -> Rows {
        let count = n_rows * n_tokens;
        Rows {
            shape: [n_rows as i64, n_tokens as i64],
            ids: vec![pad_id; count],
            mask: vec![0; count],
            axes: [(); 3].map(|()| vec![0; count]),
            feature_indices: Vec::new(),
            last_indices: Vec::new(),
        }
    }

    fn fill(
        &mut self,
        row: usize,
        side: PadSide,
        prompt: &Prompt,
        positions: &Positions,
        config: &Config,
    ) {
        let (width, len) = (self.shape[1] as usize, prompt.ids.len());
        let start = match side {
            PadSide::Left => (row + 1) * width - len,
            PadSide::Right => row * width,
        };
        self.ids[start..start + len].copy_from_slice(&prompt.ids);
        self.mask[start..start + len].fill(1);
        for (axis, positions) in self.axes.iter_mut().zip(&positions.axes) {
            axis[start..start + len].copy_from_slice(positions);
        }
        let is_placeholder = |&token_idx: &usize| prompt.ids[token_idx] == config.image_token_id;
        let indices = (0..len).filter(is_placeholder).map(|token_idx| (start + token_idx) as i64);
        self.feature_indices.extend(indices);
        self.last_indices.push((start + len) as i64 - 1);
    }

    fn tensor(&self, values: &[i64]) -> Tensor {
        Tensor::from_slice(values).view(self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_of_like_lengths_have_one_width_on_a_gpu() {
        let widths = |device| [320, 321, 336].map(|longest| width(longest, device));
        assert_eq!(widths(Device::Cuda(0)), [320, 336, 336]);
        assert_eq!(widths(Device::Cpu), [320, 321, 336]);
    }
}
