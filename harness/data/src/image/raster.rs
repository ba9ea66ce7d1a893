//! A decoded image in its file's own mode, and what Pillow makes of it: RGB, or a resized copy.
//!
//! Knows the modes' arithmetic; knows no file format.

use super::resample::{Filter, nearest, resize_u8, resize_u16};
use super::rgb::RgbImage;

/// A decoded image in the mode that Pillow opens it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raster {
    pub width: usize,
    pub height: usize,
    pub samples: Samples,
}

/// The samples of an image, interleaved, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Samples {
    /// Black and white as 0 and 255.
    Bilevel(Vec<u8>),
    Gray(Vec<u8>),
    Gray16(Vec<u16>),
    GrayAlpha(Vec<u8>),
    /// The colours that a palette gives; resized by picking, never by mixing.
    Palette(Vec<u8>),
    Rgb(Vec<u8>),
    Rgba(Vec<u8>),
    /// Ink amounts: 255 is full ink.
    Cmyk(Vec<u8>),
}

impl Samples {
    /// Looks palette indices up; Pillow's entries that the file leaves out are black.
    pub fn from_indices(indices: &[u8], palette: &[u8]) -> Self {
        let entry = |idx: &u8| {
            let start = usize::from(*idx) * 3;
            palette.get(start..start + 3).map_or([0; 3], |rgb| [rgb[0], rgb[1], rgb[2]])
        };
        Samples::Palette(indices.iter().flat_map(entry).collect())
    }
}

impl Raster {
    /// Converts to RGB: alpha is dropped, not composited, and 16-bit gray is clipped at 255.
    pub fn into_rgb(self) -> RgbImage {
        let pixels = match self.samples {
            Samples::Rgb(samples) | Samples::Palette(samples) => samples,
            Samples::Bilevel(samples) | Samples::Gray(samples) => {
                samples.iter().flat_map(|&v| [v; 3]).collect()
            }
            Samples::Gray16(samples) => {
                samples.iter().flat_map(|&v| [v.min(255) as u8; 3]).collect()
            }
            Samples::GrayAlpha(samples) => {
                samples.chunks_exact(2).flat_map(|pixel| [pixel[0]; 3]).collect()
            }
            Samples::Rgba(samples) => {
                samples.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
            }
            Samples::Cmyk(samples) => samples.chunks_exact(4).flat_map(cmyk_to_rgb).collect(),
        };
        RgbImage { width: self.width as u32, height: self.height as u32, pixels }
    }

    /// Converts to RGB as `qwen_vl_utils` does from 0.0.10 on: RGBA is pasted onto white, any other mode loses its
    /// alpha.
    pub fn into_rgb_on_white(self) -> RgbImage {
        let Samples::Rgba(samples) = &self.samples else { return self.into_rgb() };
        let over_white = |&[r, g, b, alpha]: &[u8; 4]| {
            // One rounding for the sum of both shares, as in Pillow's `paste`.
            [r, g, b].map(|value| {
                div_255(u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha))
            })
        };
        let pixels = samples.as_chunks().0.iter().flat_map(over_white).collect();
        RgbImage { width: self.width as u32, height: self.height as u32, pixels }
    }

    /// Resizes to a square with Lanczos in the image's own mode.
    ///
    /// Black and white and palette images get the nearest pixel, and alpha is multiplied in before
    /// and divided out after, as Pillow's `resize` does.
    pub fn lanczos_square(self, side: usize) -> Raster {
        let (from, to) = ((self.width, self.height), (side, side));
        if from == to {
            return self;
        }
        let filter = Filter::Lanczos;
        let samples = match self.samples {
            Samples::Bilevel(samples) => Samples::Bilevel(nearest::<1>(&samples, from, to)),
            Samples::Palette(samples) => Samples::Palette(nearest::<3>(&samples, from, to)),
            Samples::Gray(samples) => Samples::Gray(resize_u8::<1>(&samples, from, to, filter)),
            Samples::Gray16(samples) => Samples::Gray16(resize_u16(&samples, from, to, filter)),
            Samples::Rgb(samples) => Samples::Rgb(resize_u8::<3>(&samples, from, to, filter)),
            Samples::Cmyk(samples) => Samples::Cmyk(resize_u8::<4>(&samples, from, to, filter)),
            Samples::GrayAlpha(mut samples) => {
                samples.chunks_exact_mut(2).for_each(premultiply);
                let mut resized = resize_u8::<2>(&samples, from, to, filter);
                resized.chunks_exact_mut(2).for_each(unpremultiply);
                Samples::GrayAlpha(resized)
            }
            Samples::Rgba(mut samples) => {
                samples.chunks_exact_mut(4).for_each(premultiply);
                let mut resized = resize_u8::<4>(&samples, from, to, filter);
                resized.chunks_exact_mut(4).for_each(unpremultiply);
                Samples::Rgba(resized)
            }
        };
        Raster { width: side, height: side, samples }
    }
}

/// Multiplies the colours by the last channel.
fn premultiply(pixel: &mut [u8]) {
    let Some((&mut alpha, colours)) = pixel.split_last_mut() else { return };
    colours.iter_mut().for_each(|value| *value = mul_div_255(*value, alpha));
}

/// Divides the colours by the last channel; fully opaque and fully transparent ones stay.
fn unpremultiply(pixel: &mut [u8]) {
    let Some((&mut alpha, colours)) = pixel.split_last_mut() else { return };
    if alpha == 0 || alpha == 255 {
        return;
    }
    for value in colours {
        *value = (255 * u32::from(*value) / u32::from(alpha)).min(255) as u8;
    }
}

fn cmyk_to_rgb(pixel: &[u8]) -> [u8; 3] {
    let light = 255 - pixel[3];
    [0, 1, 2].map(|ink| light - mul_div_255(pixel[ink], light))
}

/// a * b / 255, rounded to nearest.
fn mul_div_255(a: u8, b: u8) -> u8 {
    div_255(u32::from(a) * u32::from(b))
}

/// A product or sum of products of bytes over 255, rounded to nearest.
fn div_255(value: u32) -> u8 {
    let value = value + 128;
    (((value >> 8) + value) >> 8) as u8
}
