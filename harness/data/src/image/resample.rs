//! Pillow's resampling and torchvision's, bit for bit: separable filters in fixed point.
//!
//! torchvision's is libtorch's `_upsample_bicubic2d_aa` of bytes, as on any CPU (its AVX2, AVX-512 and plain kernels
//! give the same bits): Pillow's filter with weights of 16 bits, the horizontal pass always first.
//!
//! As of Pillow 13 the vertical pass comes first where the height shrinks much more than the width;
//! before, the horizontal pass always did. The order shows in a level or two, because the samples are
//! rounded in between.
//!
//! Works on interleaved samples and knows nothing of colour modes. The 8-bit path rounds to bytes
//! between the two passes; the 16-bit path sums in double precision, as Pillow's does.

mod taps;
mod bytes;
mod words;

use super::rgb::RgbImage;
use taps::Taps;

pub(super) use taps::Filter;

/// Resizes with Pillow's Lanczos filter.
pub fn lanczos(rgb: &RgbImage, width: u32, height: u32) -> RgbImage {
    resize_rgb(rgb, width, height, Filter::Lanczos)
}

/// Resizes with Pillow's bicubic filter.
pub fn bicubic(rgb: &RgbImage, width: u32, height: u32) -> RgbImage {
    resize_rgb(rgb, width, height, Filter::Bicubic)
}

/// Resizes with torchvision's antialiased bicubic filter, as the fast processors do.
pub fn bicubic_torchvision(rgb: &RgbImage, width: u32, height: u32) -> RgbImage {
    let taps = |from: u32, to: u32| {
        (from != to).then(|| Taps::of_16_bits(from as usize, to as usize, Filter::Bicubic))
    };
    let mut pixels = rgb.pixels.clone();
    if let Some(columns) = taps(rgb.width, width) {
        pixels = bytes::horizontal::<3>(&pixels, rgb.width as usize, &columns);
    }
    if let Some(rows) = taps(rgb.height, height) {
        pixels = bytes::vertical(&pixels, width as usize * 3, &rows);
    }
    RgbImage { width, height, pixels }
}

fn resize_rgb(rgb: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    let from = (rgb.width as usize, rgb.height as usize);
    let pixels = resize_u8::<3>(&rgb.pixels, from, (width as usize, height as usize), filter);
    RgbImage { width, height, pixels }
}

/// Resizes `C` interleaved byte channels; sizes are (width, height).
pub(super) fn resize_u8<const C: usize>(
    samples: &[u8],
    from: (usize, usize),
    to: (usize, usize),
    filter: Filter,
) -> Vec<u8> {
    if from == to {
        return samples.to_vec();
    }
    let columns = Taps::new(from.0, to.0, filter);
    let rows = Taps::new(from.1, to.1, filter);
    if is_vertical_first(from, to) {
        let low = bytes::vertical(samples, from.0 * C, &rows);
        return if from.0 == to.0 { low } else { bytes::horizontal::<C>(&low, from.0, &columns) };
    }
    let wide = if from.0 == to.0 {
        samples.to_vec()
    } else {
        bytes::horizontal::<C>(samples, from.0, &columns)
    };
    if from.1 == to.1 { wide } else { bytes::vertical(&wide, to.0 * C, &rows) }
}

/// Resizes one channel of 16-bit samples; sizes are (width, height).
pub(super) fn resize_u16(
    samples: &[u16],
    from: (usize, usize),
    to: (usize, usize),
    filter: Filter,
) -> Vec<u16> {
    let columns = Taps::new(from.0, to.0, filter);
    let rows = Taps::new(from.1, to.1, filter);
    if is_vertical_first(from, to) {
        let low = words::vertical(samples, from.0, &rows);
        return if from.0 == to.0 { low } else { words::horizontal(&low, from.0, &columns) };
    }
    let wide = if from.0 == to.0 {
        samples.to_vec()
    } else {
        words::horizontal(samples, from.0, &columns)
    };
    if from.1 == to.1 { wide } else { words::vertical(&wide, to.0, &rows) }
}

/// Pillow 13's rule: the height loses pixels, and more than twice as many as the width.
fn is_vertical_first(from: (usize, usize), to: (usize, usize)) -> bool {
    let lost_height = from.1.saturating_sub(to.1);
    2 * from.0.saturating_sub(to.0) < lost_height
}

/// Picks the nearest sample for every output pixel; sizes are (width, height).
pub(super) fn nearest<const C: usize>(
    samples: &[u8],
    from: (usize, usize),
    to: (usize, usize),
) -> Vec<u8> {
    let columns = nearest_indices(from.0, to.0);
    let mut out = Vec::with_capacity(to.0 * to.1 * C);
    for y in nearest_indices(from.1, to.1) {
        let row = &samples[y * from.0 * C..(y + 1) * from.0 * C];
        for &x in &columns {
            out.extend_from_slice(&row[x * C..(x + 1) * C]);
        }
    }
    out
}

/// Steps by repeated addition, because Pillow does and the rounding shows at some sizes.
fn nearest_indices(from: usize, to: usize) -> Vec<usize> {
    let scale = from as f64 / to as f64;
    let mut position = scale * 0.5;
    let mut indices = Vec::with_capacity(to);
    for _ in 0..to {
        indices.push((position as usize).min(from - 1));
        position += scale;
    }
    indices
}

#[cfg(test)]
mod tests;
