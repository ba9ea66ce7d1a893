//! The two passes over 16-bit samples of one channel, in double precision.

use super::taps::{Tap, Taps};

pub(super) fn horizontal(samples: &[u16], width: usize, taps: &Taps) -> Vec<u16> {
    let rows = samples.chunks_exact(width);
    rows.flat_map(|row| taps.iter().map(|tap| sum(&tap, |k| row[tap.start + k]))).collect()
}

pub(super) fn vertical(samples: &[u16], width: usize, taps: &Taps) -> Vec<u16> {
    let at = |tap: &Tap<'_>, x: usize| sum(tap, |k| samples[(tap.start + k) * width + x]);
    taps.iter().flat_map(|tap| (0..width).map(move |x| at(&tap, x))).collect()
}

fn sum(tap: &Tap<'_>, sample: impl Fn(usize) -> u16) -> u16 {
    let inputs = tap.weights.iter().enumerate();
    let sum = inputs.fold(0.0, |sum, (k, weight)| sum + f64::from(sample(k)) * weight);
    (sum + 0.5).floor().clamp(0.0, 65535.0) as u16
}
