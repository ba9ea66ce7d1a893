//! Qwen2-VL's image processors: from an image to normalised patches, in the bits of the one that uses Pillow or of
//! the fast one, which uses torchvision.
//!
//! Owns the order of the steps and the settings file; the steps themselves live in the siblings.

mod settings;

use std::path::Path;

use clsrl_files::Folder;
use clsrl_spec::{AlphaRule, ImagePath, ImageSteps, ProcessorKind};

pub use self::settings::ProcessorForm;
use super::decode::{decode_file, read};
use super::error::{ImageError, SizeError};
use super::image_cache::{ImageCache, Key};
use super::image_file::ImageFile;
use super::resample::{bicubic, bicubic_torchvision, lanczos};
use super::rgb::RgbImage;
use super::size::{fetch_resize, smart_resize};

const CHANNELS: usize = 3;

/// The version of all that decides a resized image's pixels and stands in this folder: decoding, conversion and
/// resizing. To be raised with every change of a pixel, or caches give out the pixels of before.
pub(crate) const PIXELS_VERSION: u32 = 2;

/// The settings of a model's image processor.
#[derive(Debug, Clone, PartialEq)]
pub struct Processor {
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Side of a merge block in patches.
    pub merge_size: usize,
    /// Frames per patch; a still image is repeated.
    pub temporal_patch_size: usize,
    /// Subtracted from each channel after scaling to 0..1.
    pub image_mean: [f32; 3],
    /// Each channel is divided by it last.
    pub image_std: [f32; 3],
    /// Smallest number of pixels after smart-resize.
    pub min_pixels: usize,
    /// Largest number of pixels after smart-resize.
    pub max_pixels: usize,
}

/// An image as the vision tower reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Patches {
    /// One row per patch, in merge-block order; a row is channel, time, y, x.
    pub values: Vec<f32>,
    /// The grid in patches: time, height, width.
    pub grid_thw: [usize; 3],
}

impl Processor {
    /// Reads the settings of a model directory, from the file that transformers reads them from.
    ///
    /// # Errors
    /// Where there is none, or one of its keys is missing or out of range; nothing is defaulted.
    pub fn from_dir(model_dir: &Path) -> Result<Self, ImageError> {
        Processor::from_folder(&Folder::unchecked(model_dir))
    }

    /// As [`Processor::from_dir`], from files that may be held to their digests.
    ///
    /// # Errors
    /// Those of [`Processor::from_dir`].
    pub fn from_folder(model: &Folder) -> Result<Self, ImageError> {
        settings::read(model).map(|(processor, _)| processor)
    }

    /// Reads the settings as [`Processor::from_dir`] does, and says where they stand.
    ///
    /// # Errors
    /// Those of [`Processor::from_dir`].
    pub fn recognise(model_dir: &Path) -> Result<(Self, ProcessorForm), ImageError> {
        settings::read(&Folder::unchecked(model_dir))
    }

    /// Replaces the limits of smart-resize.
    pub fn with_pixels(self, min_pixels: usize, max_pixels: usize) -> Self {
        Processor { min_pixels, max_pixels, ..self }
    }

    /// Image tokens that the vision tower makes of some patches.
    pub fn n_features(&self, patches: &Patches) -> usize {
        patches.grid_thw.iter().product::<usize>() / self.merge_size.pow(2)
    }

    /// Smart-resizes an image, bicubic, with Pillow.
    pub fn resize(&self, rgb: &RgbImage) -> Result<RgbImage, ImageError> {
        self.resize_with(ProcessorKind::Pil, rgb)
    }

    fn resize_with(&self, kind: ProcessorKind, rgb: &RgbImage) -> Result<RgbImage, ImageError> {
        let (height, width) = smart_resize(
            rgb.height as usize,
            rgb.width as usize,
            self.factor(),
            self.min_pixels,
            self.max_pixels,
        )?;
        let (width, height) = (width as u32, height as u32);
        Ok(match kind {
            ProcessorKind::Pil => bicubic(rgb, width, height),
            ProcessorKind::Torchvision => bicubic_torchvision(rgb, width, height),
        })
    }

    /// Resizes, rescales, normalises and cuts an image into patches, with Pillow.
    pub fn patches(&self, rgb: &RgbImage) -> Result<Patches, ImageError> {
        self.to_patches(&self.resize(rgb)?, ProcessorKind::Pil)
    }

    /// Loads an image as it is right before rescaling.
    pub fn load_rgb(
        &self,
        path: &Path,
        steps: impl Into<ImageSteps>,
    ) -> Result<RgbImage, ImageError> {
        self.rgb_of(&read(path)?, path, steps.into())
    }

    /// What [`Processor::load_rgb`] makes of the bytes of an image's file.
    fn rgb_of(&self, bytes: &[u8], path: &Path, steps: ImageSteps) -> Result<RgbImage, ImageError> {
        let in_file = |error| match error {
            ImageError::Size(source) => ImageError::Resize { path: path.to_owned(), source },
            other => other,
        };
        let raster = decode_file(bytes, path)?;
        let ordered = match steps.path {
            ImagePath::Direct => raster.into_rgb(),
            ImagePath::Rgb(side) => lanczos(&raster.into_rgb(), side, side),
            ImagePath::Native(side) => raster.lanczos_square(side as usize).into_rgb(),
            ImagePath::Eval(side) => {
                let rgb = match steps.alpha {
                    AlphaRule::Dropped => raster.into_rgb(),
                    AlphaRule::White => raster.into_rgb_on_white(),
                };
                lanczos(&self.fetch(&rgb).map_err(in_file)?, side, side)
            }
        };
        self.resize_with(steps.processor, &ordered).map_err(in_file)
    }

    /// Loads an image as patches.
    pub fn load(&self, path: &Path, steps: impl Into<ImageSteps>) -> Result<Patches, ImageError> {
        let steps = steps.into();
        self.to_patches(&self.load_rgb(path, steps)?, steps.processor)
    }

    /// Turns a file that was read into patches; the same as [`Processor::load`]'s.
    pub fn load_file(
        &self,
        file: &ImageFile,
        steps: impl Into<ImageSteps>,
    ) -> Result<Patches, ImageError> {
        let steps = steps.into();
        self.to_patches(&self.rgb_of(file.bytes(), file.path(), steps)?, steps.processor)
    }

    /// Turns a file that was read into patches, from a cache where it is kept there; the same patches as
    /// [`Processor::load`]'s.
    ///
    /// # Errors
    /// Those of [`Processor::load`]; a cache has none.
    pub fn load_through(
        &self,
        cache: &ImageCache,
        file: &ImageFile,
        steps: impl Into<ImageSteps>,
    ) -> Result<Patches, ImageError> {
        let steps = steps.into();
        let key = Key::new(file.sha256(), &self.transform(steps));
        if let Some(kept) = cache.get(key) {
            return self.to_patches(&kept, steps.processor);
        }
        let rgb = self.rgb_of(file.bytes(), file.path(), steps)?;
        cache.keep(key, &rgb);
        self.to_patches(&rgb, steps.processor)
    }

    /// Whether an image of this width and height can become model input in this order of steps.
    ///
    /// # Errors
    /// Those of resizing it.
    pub fn check_size(
        &self,
        (width, height): (u32, u32),
        order: ImagePath,
    ) -> Result<(), SizeError> {
        let (width, height) = (width as usize, height as usize);
        match order {
            ImagePath::Direct => {
                let limits = (self.min_pixels, self.max_pixels);
                smart_resize(height, width, self.factor(), limits.0, limits.1).map(drop)
            }
            ImagePath::Eval(_) => fetch_resize(height, width, self.factor()).map(drop),
            ImagePath::Rgb(_) | ImagePath::Native(_) => Ok(()), // a square of one size
        }
    }

    /// Everything but the file that decides the pixels of [`Processor::load_rgb`], in words.
    fn transform(&self, steps: ImageSteps) -> String {
        let Processor { min_pixels, max_pixels, .. } = self;
        let factor = self.factor();
        format!(
            "pixels {PIXELS_VERSION}: {steps}, {min_pixels} to {max_pixels}, blocks of {factor}"
        )
    }

    /// The resize of `qwen_vl_utils.fetch_image`, which has limits of its own.
    fn fetch(&self, rgb: &RgbImage) -> Result<RgbImage, ImageError> {
        let (height, width) = fetch_resize(rgb.height as usize, rgb.width as usize, self.factor())?;
        Ok(bicubic(rgb, width as u32, height as u32))
    }

    fn factor(&self) -> usize {
        self.patch_size * self.merge_size
    }

    /// Normalises a resized image and lays its patches out in merge-block order.
    fn to_patches(&self, rgb: &RgbImage, kind: ProcessorKind) -> Result<Patches, ImageError> {
        let (height, width, factor) = (rgb.height as usize, rgb.width as usize, self.factor());
        if height % factor != 0 || width % factor != 0 || height == 0 || width == 0 {
            return Err(SizeError::Uneven { height, width, factor }.into());
        }
        let levels = self.levels(kind);
        let mut values = Vec::with_capacity(rgb.pixels.len() * self.temporal_patch_size);
        for block_y in (0..height).step_by(factor) {
            for block_x in (0..width).step_by(factor) {
                for y in (block_y..block_y + factor).step_by(self.patch_size) {
                    for x in (block_x..block_x + factor).step_by(self.patch_size) {
                        self.push_patch(&mut values, rgb, (x, y), &levels);
                    }
                }
            }
        }
        Ok(Patches { values, grid_thw: [1, height / self.patch_size, width / self.patch_size] })
    }

    /// Lays a patch out in one pass: every value is looked up once and copied for every further frame.
    fn push_patch(
        &self,
        values: &mut Vec<f32>,
        rgb: &RgbImage,
        (left, top): (usize, usize),
        levels: &[[f32; 256]; CHANNELS],
    ) {
        let rows = rgb.pixels.chunks_exact(rgb.width as usize * CHANNELS);
        for (channel, level) in levels.iter().enumerate() {
            let first = values.len();
            for row in rows.clone().skip(top).take(self.patch_size) {
                let (pixels, _) = row.as_chunks::<CHANNELS>();
                let pixels = &pixels[left..left + self.patch_size];
                values.extend(pixels.iter().map(|pixel| level[usize::from(pixel[channel])]));
            }
            let end = values.len();
            for _ in 1..self.temporal_patch_size {
                values.extend_from_within(first..end);
            }
        }
    }

    /// The value of every byte in every channel. With Pillow it is scaled in double precision, and the rest is in
    /// single; with torchvision mean and deviation are scaled instead.
    fn levels(&self, kind: ProcessorKind) -> [[f32; 256]; CHANNELS] {
        let level = |byte: usize, mean: f32, std: f32| match kind {
            ProcessorKind::Pil => ((byte as f64 * (1.0 / 255.0)) as f32 - mean) / std,
            ProcessorKind::Torchvision => (byte as f32 - mean * 255.0) / (std * 255.0),
        };
        std::array::from_fn(|channel| {
            let (mean, std) = (self.image_mean[channel], self.image_std[channel]);
            std::array::from_fn(|byte| level(byte, mean, std))
        })
    }
}

#[cfg(test)]
mod tests;
