//! The discrete Fourier transform of sizes that are powers of two.

use std::f64::consts::TAU;

/// A complex number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) const ZERO: Complex = Complex { re: 0.0, im: 0.0 };
    pub(super) const ONE: Complex = Complex { re: 1.0, im: 0.0 };

    fn plus(self, other: Self) -> Self {
        Complex { re: self.re + other.re, im: self.im + other.im }
    }

    fn minus(self, other: Self) -> Self {
        Complex { re: self.re - other.re, im: self.im - other.im }
    }

    pub(super) fn times(self, other: Self) -> Self {
        Complex {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }

    /// The power, by squaring.
    pub(super) fn power(self, mut exponent: usize) -> Self {
        let (mut square, mut product) = (self, Complex::ONE);
        while 0 < exponent {
            if exponent % 2 == 1 {
                product = product.times(square);
            }
            square = square.times(square);
            exponent /= 2;
        }
        product
    }
}

/// Transforms of one size, a power of two.
pub(super) struct Fourier {
    /// exp(−2πi k / size), for k below half of the size.
    roots: Vec<Complex>,
    size: usize,
}

impl Fourier {
    /// Prepares for at least that many values.
    pub(super) fn holding(n: usize) -> Self {
        let size = n.next_power_of_two();
        let root = |k: usize| {
            let (sin, cos) = (TAU * k as f64 / size as f64).sin_cos();
            Complex { re: cos, im: -sin }
        };
        Fourier { roots: (0..size / 2).map(root).collect(), size }
    }

    /// The number of values.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The spectrum of masses at 0, 1, 2 and so on; those that are left out are none.
    pub(super) fn spectrum(&self, masses: impl IntoIterator<Item = f64>) -> Vec<Complex> {
        let mut values: Vec<Complex> =
            masses.into_iter().map(|re| Complex { re, im: 0.0 }).collect();
        values.resize(self.size, Complex::ZERO);
        self.transform(&mut values);
        values
    }

    /// The masses that have a spectrum; what rounding leaves below zero is none.
    pub(super) fn masses(&self, mut spectrum: Vec<Complex>) -> Vec<f64> {
        // The inverse is the transform of the conjugate, and what comes out is real.
        spectrum.iter_mut().for_each(|value| value.im = -value.im);
        self.transform(&mut spectrum);
        spectrum.iter().map(|value| (value.re / self.size as f64).max(0.0)).collect()
    }

    /// In place, by decimation in time (Cooley and Tukey 1965).
    fn transform(&self, values: &mut [Complex]) {
        if self.size == 1 {
            return;
        }
        let n_bits = self.size.trailing_zeros();
        for at in 0..self.size {
            let other = at.reverse_bits() >> (usize::BITS - n_bits);
            if at < other {
                values.swap(at, other);
            }
        }
        let mut half = 1;
        while half < self.size {
            let stride = self.size / (2 * half);
            for block in values.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                let roots = self.roots.iter().step_by(stride);
                for ((low, high), root) in low.iter_mut().zip(high).zip(roots) {
                    let turned = high.times(*root);
                    (*low, *high) = (low.plus(turned), low.minus(turned));
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spectrum_is_the_sum_that_defines_it_and_goes_back() {
        for n in [1, 2, 8, 32] {
            let fourier = Fourier::holding(n);
            let masses: Vec<f64> = (0..n).map(|k| ((k * k * 7 + 3) % 11) as f64 / 11.0).collect();
            let spectrum = fourier.spectrum(masses.iter().copied());
            for (frequency, found) in spectrum.iter().enumerate() {
                let term = |(k, mass): (usize, &f64)| {
                    let angle = -TAU * (k * frequency % n) as f64 / n as f64;
                    Complex { re: mass * angle.cos(), im: mass * angle.sin() }
                };
                let expected =
                    masses.iter().enumerate().map(term).fold(Complex::ZERO, Complex::plus);
                let off = found.minus(expected);
                assert!(off.re.hypot(off.im) < 1e-12, "{n}, {frequency}: {found:?}, {expected:?}");
            }
            for (found, expected) in fourier.masses(spectrum).iter().zip(&masses) {
                assert!((found - expected).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn a_power_is_a_product() {
        let z = Complex { re: 0.6, im: 0.8 };
        let product = z.times(z).times(z).times(z).times(z);
        let off = z.power(5).minus(product);
        assert!(off.re.hypot(off.im) < 1e-15 && z.power(0) == Complex::ONE);
    }
}
