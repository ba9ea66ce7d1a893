//! The distribution of what a resample of a target's images adds up to.

use std::collections::BTreeMap;

use super::{
    average::Target,
    fourier::{Complex, Fourier},
};

/// The mass that may be missing at the ends of a distribution.
const MISSING_MASS: f64 = 1e-13;

/// The most places of one target's distribution. ImageNet's 50,000 images under five seeds have 2^15.
const MAX_PLACES: usize = 1 << 20;

/// Sums of whole numbers: `first`, `first + step` and so on, with their probabilities.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    pub(super) first: i64,
    pub(super) step: i64,
    pub(super) masses: Vec<f64>,
}

impl Sums {
    /// Of as many draws with replacement as there are images, each worth what `worth` makes of its row of scores.
    /// None where the distribution has too many places.
    pub(super) fn of(target: &Target, worth: impl Fn(&[i8]) -> i64) -> Option<Sums> {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for (row, n) in &target.patterns {
            *counts.entry(worth(row)).or_default() += n;
        }
        let n = target.n_images;
        let least = *counts.keys().next()?;
        let step =
            counts.keys().fold(0, |step, worth| greatest_common_divisor(step, worth - least));
        if step == 0 {
            return Some(Sums { first: least * n as i64, step: 1, masses: vec![1.0] });
        }
        // From here on in steps above the least.
        let shares: Vec<(usize, f64)> = counts
            .iter()
            .map(|(worth, count)| (((worth - least) / step) as usize, *count as f64 / n as f64))
            .collect();
        let (low, high) = reach(&shares, n);
        if MAX_PLACES <= high - low {
            return None;
        }
        let fourier = Fourier::holding(high - low + 1);
        let mut spectrum = vec![0.0; fourier.size()];
        shares.iter().for_each(|(steps, share)| spectrum[steps % fourier.size()] += share);
        let spectrum = fourier.spectrum(spectrum);
        let masses = fourier.masses(spectrum.into_iter().map(|value| value.power(n)).collect());
        // Sums are known up to multiples of the size, and all but the missing mass lies from low to high.
        let masses = (low..=high).map(|sum| masses[sum % fourier.size()]).collect();
        Some(Sums { first: least * n as i64 + low as i64 * step, step, masses })
    }

    /// The largest sum.
    pub(super) fn last(&self) -> i64 {
        self.first + self.step * (self.masses.len() as i64 - 1)
    }

    /// Every sum with its probability.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, f64)> {
        let sum = |place: usize| self.first + self.step * place as i64;
        self.masses.iter().enumerate().map(move |(place, mass)| (sum(place), *mass))
    }
}

/// Between which numbers of steps all but the missing mass of `n` draws lies, by Bernstein's inequality.
fn reach(shares: &[(usize, f64)], n: usize) -> (usize, usize) {
    let mean: f64 = shares.iter().map(|(steps, share)| *steps as f64 * share).sum();
    let off = |steps: &usize| *steps as f64 - mean;
    let variance: f64 = shares.iter().map(|(steps, share)| off(steps).powi(2) * share).sum();
    let farthest = shares.iter().map(|(steps, _)| off(steps).abs()).fold(0.0, f64::max);
    let bits = (2.0 / MISSING_MASS).ln();
    let third = farthest * bits / 3.0;
    let reach = third + (third * third + 2.0 * n as f64 * variance * bits).sqrt();
    let (mean, most) = (n as f64 * mean, shares.iter().map(|(steps, _)| steps * n).max());
    let high = (mean + reach).ceil() as usize;
    ((mean - reach).floor().max(0.0) as usize, high.min(most.unwrap_or(0)))
}

/// Of two numbers of which the first is not negative; of 0 and n it is n.
pub(super) fn greatest_common_divisor(mut a: i64, b: i64) -> i64 {
    let mut b = b.abs();
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The product of spectra, place by place.
pub(super) fn multiply(product: &mut [Complex], by: &[Complex]) {
    for (product, by) in product.iter_mut().zip(by) {
        *product = product.times(*by);
    }
}
