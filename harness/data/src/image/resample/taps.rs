//! Which inputs an output position of one axis is made of, and how much each weighs.

use std::f64::consts::PI;

/// Fraction bits of Pillow's fixed-point weights.
const PRECISION_BITS: u32 = 22;

/// Where libtorch's weights of 16 bits stop to grow.
const MAX_PRECISION_BITS: u32 = 22;

/// A resampling filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::image) enum Filter {
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

/// For every output position of one axis: where its inputs start and how much each weighs.
pub(super) struct Taps {
    bounds: Vec<(usize, usize)>, // first input, number of inputs
    weights: Vec<f64>,           // stride per output
    fixed: Vec<i32>,             // the same in fixed point
    precision: u32,              // fraction bits of the latter
    stride: usize,
}

/// The inputs of one output position.
pub(super) struct Tap<'a> {
    pub start: usize,
    pub weights: &'a [f64],
    pub fixed: &'a [i32],
}

impl Taps {
    pub fn new(from: usize, to: usize, filter: Filter) -> Self {
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
        let fixed = weights.iter().map(|&weight| to_fixed(weight, PRECISION_BITS)).collect();
        Taps { bounds, weights, fixed, precision: PRECISION_BITS, stride }
    }

    /// The same filter with libtorch's weights: as many fraction bits as leave the largest one within 16 bits.
    pub fn of_16_bits(from: usize, to: usize, filter: Filter) -> Self {
        let mut taps = Taps::new(from, to, filter);
        let largest = taps.weights.iter().copied().fold(0.0, f64::max);
        let fits = |bits: u32| 0.5 + largest * f64::from(1u32 << bits) < f64::from(1u32 << 15);
        taps.precision =
            (1..=MAX_PRECISION_BITS).take_while(|&bits| fits(bits)).last().unwrap_or(0);
        taps.fixed = taps.weights.iter().map(|&weight| to_fixed(weight, taps.precision)).collect();
        taps
    }

    /// The fraction bits of weights in fixed point.
    pub fn precision(&self) -> u32 {
        self.precision
    }

    /// The number of output positions.
    pub fn len(&self) -> usize {
        self.bounds.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = Tap<'_>> {
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

fn to_fixed(weight: f64, precision: u32) -> i32 {
    let scaled = weight * f64::from(1u32 << precision);
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
