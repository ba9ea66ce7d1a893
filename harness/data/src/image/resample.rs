//! Pillow's resampling, bit for bit: separable filters in fixed point.
//!
//! As of Pillow 13 the vertical pass comes first where the height shrinks much more than the width;
//! before, the horizontal pass always did. The order shows in a level or two, because the samples are
//! rounded in between.
//!
//! Works on interleaved samples and knows nothing of colour modes. The 8-bit path rounds to bytes
//! between the two passes; the 16-bit path sums in double precision, as Pillow's does.

use std::f64::consts::PI;

use super::raster::RgbImage;

/// Fraction bits of a fixed-point coefficient.
const PRECISION_BITS: u32 = 22;

/// A resampling filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Bicubic,
    Lanczos,
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        match self {
            Filter::Bicubic => cubic(x.abs()),
            Filter::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Filter::Lanczos => 0.0,
        }
    }
}

/// Resizes with Pillow's Lanczos filter.
pub fn lanczos(rgb: &RgbImage, width: u32, height: u32) -> RgbImage {
    resize_rgb(rgb, width, height, Filter::Lanczos)
}

/// Resizes with Pillow's bicubic filter.
pub fn bicubic(rgb: &RgbImage, width: u32, height: u32) -> RgbImage {
    resize_rgb(rgb, width, height, Filter::Bicubic)
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
    let columns = Taps::new(from.0, to.0, filter);
    let rows = Taps::new(from.1, to.1, filter);
    if is_vertical_first(from, to) {
        let low = vertical_u8(samples, from.0 * C, &rows);
        return if from.0 == to.0 { low } else { horizontal_u8::<C>(&low, from.0, &columns) };
    }
    let wide = if from.0 == to.0 {
        samples.to_vec()
    } else {
        horizontal_u8::<C>(samples, from.0, &columns)
    };
    if from.1 == to.1 { wide } else { vertical_u8(&wide, to.0 * C, &rows) }
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
        let low = vertical_u16(samples, from.0, &rows);
        return if from.0 == to.0 { low } else { horizontal_u16(&low, from.0, &columns) };
    }
    let wide =
        if from.0 == to.0 { samples.to_vec() } else { horizontal_u16(samples, from.0, &columns) };
    if from.1 == to.1 { wide } else { vertical_u16(&wide, to.0, &rows) }
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

/// For every output position of one axis: where its inputs start and how much each weighs.
struct Taps {
    bounds: Vec<(usize, usize)>, // first input, number of inputs
    weights: Vec<f64>,           // stride per output
    fixed: Vec<i32>,             // the same in fixed point
    stride: usize,
}

/// The inputs of one output position.
struct Tap<'a> {
    start: usize,
    weights: &'a [f64],
    fixed: &'a [i32],
}

impl Taps {
    fn new(from: usize, to: usize, filter: Filter) -> Self {
        let scale = from as f64 / to as f64;
        let filter_scale = scale.max(1.0);
        let support = filter.support() * filter_scale;
        let stride = support.ceil() as usize * 2 + 1;
        let mut bounds = Vec::with_capacity(to);
        let mut weights = vec![0.0; to * stride];
        for (out, row) in weights.chunks_exact_mut(stride).enumerate() {
            let center = (out as f64 + 0.5) * scale;
            let start = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            let row = &mut row[..end - start];
            for (k, weight) in row.iter_mut().enumerate() {
                let x = (k as f64 + start as f64 - center + 0.5) * (1.0 / filter_scale);
                *weight = filter.weight(x);
            }
            let total = row.iter().fold(0.0, |sum, weight| sum + weight);
            if total != 0.0 {
                row.iter_mut().for_each(|weight| *weight /= total);
            }
            bounds.push((start, end - start));
        }
        let fixed = weights.iter().map(|&weight| to_fixed(weight)).collect();
        Taps { bounds, weights, fixed, stride }
    }

    fn iter(&self) -> impl Iterator<Item = Tap<'_>> {
        self.bounds.iter().enumerate().map(|(out, &(start, n))| {
            let first = out * self.stride;
            Tap {
                start,
                weights: &self.weights[first..first + n],
                fixed: &self.fixed[first..first + n],
            }
        })
    }
}

impl Tap<'_> {
    fn sum_u16(&self, sample: impl Fn(usize) -> u16) -> u16 {
        let sum =
            self.weights.iter().enumerate().fold(0.0, |sum, (k, w)| sum + f64::from(sample(k)) * w);
        (sum + 0.5).floor().clamp(0.0, 65535.0) as u16
    }
}

fn horizontal_u16(samples: &[u16], width: usize, taps: &Taps) -> Vec<u16> {
    let rows = samples.chunks_exact(width);
    rows.flat_map(|row| taps.iter().map(|tap| tap.sum_u16(|k| row[tap.start + k]))).collect()
}

fn vertical_u16(samples: &[u16], width: usize, taps: &Taps) -> Vec<u16> {
    let sum = |tap: &Tap<'_>, x: usize| tap.sum_u16(|k| samples[(tap.start + k) * width + x]);
    taps.iter().flat_map(|tap| (0..width).map(move |x| sum(&tap, x))).collect()
}

fn horizontal_u8<const C: usize>(samples: &[u8], width: usize, taps: &Taps) -> Vec<u8> {
    let mut out = Vec::with_capacity(taps.bounds.len() * (samples.len() / width));
    for row in samples.chunks_exact(width * C) {
        for tap in taps.iter() {
            let mut sums = [1i32 << (PRECISION_BITS - 1); C];
            let inputs = row[tap.start * C..].chunks_exact(C);
            for (pixel, &weight) in inputs.zip(tap.fixed) {
                for (sum, &sample) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(sample) * weight;
                }
            }
            out.extend(sums.map(clip));
        }
    }
    out
}

fn vertical_u8(samples: &[u8], row_len: usize, taps: &Taps) -> Vec<u8> {
    let mut out = Vec::with_capacity(taps.bounds.len() * row_len);
    let mut sums = vec![0i32; row_len];
    for tap in taps.iter() {
        sums.fill(1 << (PRECISION_BITS - 1));
        let inputs = samples[tap.start * row_len..].chunks_exact(row_len);
        for (row, &weight) in inputs.zip(tap.fixed) {
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += i32::from(sample) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| clip(sum)));
    }
    out
}

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

fn to_fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1u32 << PRECISION_BITS);
    if weight < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 }
}

/// Keys' cubic with a = -0.5, for a distance of zero or more.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    x.sin() / x
}

#[cfg(test)]
mod tests;
