//! Draws of binomial and multinomial counts.
//!
//! A bootstrap needs how many images of each kind a resample has, not which ones. Drawing the counts
//! gives the same distribution as drawing images, in a time that grows with the number of kinds and
//! the root of the number of images.

use clsrl_spec::Stream;

/// Kinds of things, by what each has of those that are not of a kind before it.
pub(super) struct Kinds {
    /// None of a kind that has all of them.
    shares: Vec<Option<Share>>,
}

/// A probability, and what a draw needs of it: thousands of draws have the same.
struct Share {
    share: f64,
    odds: f64,
    ln_share: f64,
    ln_rest: f64,
}

impl Kinds {
    /// Takes the kinds' sizes; at least one is above zero.
    pub(super) fn new(sizes: impl Iterator<Item = usize> + Clone) -> Self {
        let mut size_left: usize = sizes.clone().sum();
        let share = |size: usize| {
            let share = (size != size_left).then(|| Share::new(size as f64 / size_left as f64));
            size_left -= size;
            share
        };
        Kinds { shares: sizes.map(share).collect() }
    }
}

impl Share {
    fn new(share: f64) -> Self {
        Share {
            share,
            odds: share / (1.0 - share),
            ln_share: share.ln(),
            ln_rest: (-share).ln_1p(),
        }
    }
}

/// Draws counts of up to a number of trials.
pub(super) struct CountSampler {
    /// ln k! at k.
    ln_factorials: Vec<f64>,
}

impl CountSampler {
    /// Prepares for counts of up to `n_max` trials.
    pub(super) fn new(n_max: usize) -> Self {
        let mut ln_factorials = vec![0.0];
        let mut sum = 0.0;
        for k in 1..=n_max {
            sum += (k as f64).ln();
            ln_factorials.push(sum);
        }
        CountSampler { ln_factorials }
    }

    /// Draws, for every kind, how many of `n` draws with replacement are of it.
    pub(super) fn multinomial(
        &self,
        stream: &mut Stream,
        kinds: &Kinds,
        n: usize,
        drawn: &mut [usize],
    ) {
        let mut n_left = n;
        for (share, drawn) in kinds.shares.iter().zip(drawn) {
            *drawn = match share {
                None => n_left,
                Some(share) => self.binomial(stream, n_left, share),
            };
            n_left -= *drawn;
        }
    }

    /// Draws the successes of `n` trials of one probability, by inversion outwards from the mode.
    fn binomial(&self, stream: &mut Stream, n: usize, share: &Share) -> usize {
        let &Share { share, odds, ln_share, ln_rest } = share;
        if n == 0 || share <= 0.0 {
            return 0;
        }
        let mode = (((n + 1) as f64 * share) as usize).min(n);
        let at_mode =
            (self.ln_factorials[n] - self.ln_factorials[mode] - self.ln_factorials[n - mode]
                + mode as f64 * ln_share
                + (n - mode) as f64 * ln_rest)
                .exp();
        let mut left = stream.unit() - at_mode;
        let (mut below, mut mass_below) = (mode, at_mode);
        let (mut above, mut mass_above) = (mode, at_mode);
        while 0.0 <= left {
            if 0 < below {
                mass_below *= below as f64 / ((n - below + 1) as f64 * odds);
                below -= 1;
                left -= mass_below;
                if left < 0.0 {
                    return below;
                }
            }
            if above < n {
                mass_above *= (n - above) as f64 * odds / (above + 1) as f64;
                above += 1;
                left -= mass_above;
                if left < 0.0 {
                    return above;
                }
            }
            // All mass is used up but for what rounding left of it.
            if below == 0 && above == n {
                break;
            }
        }
        mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of a count over many draws, against n p and n p (1 − p), within five
    /// standard errors.
    fn check(n: usize, share: f64) {
        let n_draws = 20_000;
        let sampler = CountSampler::new(n);
        let mut stream = Stream::new(1, &["binomial"]);
        let draws: Vec<f64> = (0..n_draws)
            .map(|_| sampler.binomial(&mut stream, n, &Share::new(share)) as f64)
            .collect();
        let mean = draws.iter().sum::<f64>() / n_draws as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / n_draws as f64;
        let expected = n as f64 * share * (1.0 - share);
        let off = (mean - n as f64 * share) / (expected / n_draws as f64).sqrt();
        assert!(off.abs() < 5.0, "n {n}, share {share}: mean {mean}, {off} standard errors off");
        assert!((variance / expected - 1.0).abs() < 0.1, "n {n}, share {share}: {variance}");
    }

    #[test]
    fn counts_have_the_mean_and_variance_of_a_binomial() {
        check(1, 0.5);
        check(48, 0.02);
        check(48, 0.9);
        check(1692, 0.1);
        check(50_000, 0.3);
    }

    #[test]
    fn kinds_share_all_draws_among_them() {
        let sampler = CountSampler::new(1000);
        let mut stream = Stream::new(1, &["multinomial"]);
        for sizes in [vec![7], vec![5, 0, 3], vec![0, 0, 9], vec![1, 1, 1, 1]] {
            let mut drawn = vec![0; sizes.len()];
            let kinds = Kinds::new(sizes.iter().copied());
            sampler.multinomial(&mut stream, &kinds, 1000, &mut drawn);
            assert_eq!(drawn.iter().sum::<usize>(), 1000);
            for (size, n) in sizes.iter().zip(&drawn) {
                assert!(0 < *size || *n == 0, "{n} of a kind that has none");
            }
        }
    }
}
