//! The distribution of a resampled average, worked out instead of drawn.
//!
//! Given how often every seed is drawn, the images of a target add up to a sum of independent draws, whose
//! distribution is the n-th power of one draw's in the frequencies; targets are independent, so theirs multiply; and
//! over the ways of drawing seeds it is their mean. Cells that share neither fine-tunes nor images are worked out
//! apart and multiplied too. All sums lie on one lattice where the sizes of targets have a small common multiple;
//! where they have none each target's sums are moved to the nearest of evenly spaced places, which moves no quantile
//! by more than half a place for every target.

use std::collections::BTreeMap;

use super::{
    Average,
    average::Target,
    fourier::{Complex, Fourier},
    sums::{Sums, greatest_common_divisor, multiply},
};

/// The most ways of drawing the seeds of fine-tunes that vary together. Three seeds of one fine-tune have 10, five 126.
const MAX_WAYS: usize = 2000;

/// The most seeds of a fine-tune; eight have more ways than that.
const MAX_SEEDS: usize = 7;

/// The distribution of a resampled mean, in points or percent.
pub(super) struct Distribution {
    /// The value of the first place and the distance of the next.
    first: f64,
    step: f64,
    masses: Vec<f64>,
    /// How far a value may lie from where it should be.
    pub(super) error: f64,
}

/// Fine-tunes and targets that vary together.
struct Part<'a> {
    targets: Vec<&'a Target>,
    /// Ways of drawing all fine-tunes' seeds, with their probabilities; those of other parts are drawn once each.
    ways: Vec<(f64, Vec<Vec<usize>>)>,
}

/// The places on which all sums of an average lie, and what a sum is worth in them.
struct Places {
    /// What a sum is worth in points, times its target's images.
    unit: f64,
    first: f64,
    step: f64,
    n: usize,
    error: f64,
}

impl Distribution {
    /// Works the distribution out, with so many places where its targets have no common lattice within them; none
    /// where seeds can be drawn in too many ways.
    pub(super) fn of(average: &Average, n_places: usize) -> Option<Distribution> {
        let common = average
            .n_seeds
            .iter()
            .fold(1, |common, &n| common / greatest_common_divisor(common, n as i64) * n as i64);
        let parts = parts(average)?;
        // For every part, every way and every target: the distribution of its sum.
        let sums: Vec<Vec<Vec<Sums>>> = parts
            .iter()
            .map(|part| {
                let of_way = |(_, times): &(f64, Vec<Vec<usize>>)| {
                    let worth = |target: &Target, row: &[i8]| {
                        let columns = target.columns.iter().zip(row);
                        let weighted = columns.map(|(&(group, seed), &score)| {
                            let weight = common / average.n_seeds[group] as i64;
                            times[group][seed] as i64 * weight * i64::from(score)
                        });
                        weighted.sum()
                    };
                    part.targets
                        .iter()
                        .map(|target| Sums::of(target, |row| worth(target, row)))
                        .collect()
                };
                part.ways.iter().map(of_way).collect()
            })
            .collect::<Option<_>>()?;
        let unit = 100.0 / (common as f64 * average.n_cells() as f64);
        let places = Places::of(&parts, &sums, unit, n_places);
        let fourier = Fourier::holding(places.n);
        let mut product = vec![Complex::ONE; fourier.size()];
        for (part, sums) in parts.iter().zip(&sums) {
            multiply(&mut product, &places.spectrum(part, sums, &fourier));
        }
        let mut masses = fourier.masses(product);
        masses.truncate(places.n);
        let Places { first, step, error, .. } = places;
        Some(Distribution { first, step, masses, error })
    }

    /// The smallest value that at least `share` of the mass is not above.
    pub(super) fn lower(&self, share: f64) -> f64 {
        self.value(reached(self.masses.iter(), share))
    }

    /// The largest value that at least `share` of the mass is not below.
    pub(super) fn upper(&self, share: f64) -> f64 {
        self.value(self.masses.len() - 1 - reached(self.masses.iter().rev(), share))
    }

    /// The standard deviation.
    pub(super) fn deviation(&self) -> f64 {
        let moment = |of: &dyn Fn(f64) -> f64| -> f64 {
            self.masses.iter().enumerate().map(|(place, mass)| of(self.value(place)) * mass).sum()
        };
        let mean = moment(&|value| value);
        moment(&|value| (value - mean).powi(2)).sqrt()
    }

    /// The mass at or below zero and at or above it; what lies too near to tell is in both.
    pub(super) fn beyond_zero(&self) -> (f64, f64) {
        let near = self.error + 1e-9;
        let sum = |is_in: &dyn Fn(f64) -> bool| -> f64 {
            let masses = self.masses.iter().enumerate();
            masses.filter(|(place, _)| is_in(self.value(*place))).map(|(_, mass)| mass).sum()
        };
        (sum(&|value| value <= near), sum(&|value| -near <= value))
    }

    fn value(&self, place: usize) -> f64 {
        self.first + self.step * place as f64
    }
}

/// The first place at which at least a share is reached, but for what rounding takes from it.
fn reached<'a>(masses: impl Iterator<Item = &'a f64>, share: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (place, mass) in masses.enumerate() {
        sum += mass;
        last = place;
        if share * (1.0 - 1e-9) <= sum {
            return place;
        }
    }
    last
}

impl Places {
    /// The places that hold all sums of targets, which `unit` over a target's images turns into points.
    fn of(parts: &[Part<'_>], sums: &[Vec<Vec<Sums>>], unit: f64, n_places: usize) -> Places {
        let each = || {
            parts
                .iter()
                .zip(sums)
                .flat_map(|(part, ways)| ways.iter().flat_map(|way| part.targets.iter().zip(way)))
        };
        let n_targets = parts.iter().map(|part| part.targets.len()).sum::<usize>();
        let (low, high) = ends(parts, sums, unit);
        if high <= low {
            return Places { unit, first: low, step: 1.0, n: 1, error: 0.0 };
        }
        if let Some((multiple, step)) = lattice(each()) {
            let step = step as f64 * unit / multiple as f64;
            let n = ((high - low) / step).round() as usize + 1;
            if n <= n_places {
                return Places { unit, first: low, step, n, error: 0.0 };
            }
        }
        // A place more for every target, whose sums may be moved up by half of one.
        let step = (high - low) / n_places.saturating_sub(2 + n_targets).max(1) as f64;
        Places { unit, first: low, step, n: n_places, error: n_targets as f64 * step / 2.0 }
    }

    /// The spectrum of one part: over its ways the mean of what its targets' make together.
    fn spectrum(&self, part: &Part<'_>, ways: &[Vec<Sums>], fourier: &Fourier) -> Vec<Complex> {
        if let [target] = part.targets[..] {
            let mut masses = vec![0.0; self.n];
            let low = ways.iter().map(|way| way[0].first).min().unwrap_or(0);
            for ((probability, _), way) in part.ways.iter().zip(ways) {
                self.place(target, &way[0], low, *probability, &mut masses);
            }
            return fourier.spectrum(masses);
        }
        let lows: Vec<i64> = (0..part.targets.len())
            .map(|at| ways.iter().map(|way| way[at].first).min().unwrap_or(0))
            .collect();
        let mut mean = vec![Complex::ZERO; fourier.size()];
        for ((probability, _), way) in part.ways.iter().zip(ways) {
            let mut product = vec![Complex { re: *probability, im: 0.0 }; fourier.size()];
            for ((target, sums), low) in part.targets.iter().zip(way).zip(&lows) {
                let mut masses = vec![0.0; self.n];
                self.place(target, sums, *low, 1.0, &mut masses);
                multiply(&mut product, &fourier.spectrum(masses));
            }
            for (mean, value) in mean.iter_mut().zip(product) {
                (mean.re, mean.im) = (mean.re + value.re, mean.im + value.im);
            }
        }
        mean
    }

    /// Adds a target's masses at their places, counted from that of its lowest sum.
    fn place(&self, target: &Target, sums: &Sums, low: i64, share: f64, masses: &mut [f64]) {
        let unit = self.unit / target.n_images as f64 / self.step;
        for (sum, mass) in sums.iter() {
            masses[((sum - low) as f64 * unit).round() as usize] += mass * share;
        }
    }
}

/// The lowest and the highest value that all targets' sums can have together, in points.
fn ends(parts: &[Part<'_>], sums: &[Vec<Vec<Sums>>], unit: f64) -> (f64, f64) {
    let (mut low, mut high) = (0.0, 0.0);
    for (part, ways) in parts.iter().zip(sums) {
        for (at, target) in part.targets.iter().enumerate() {
            let points = |sum: Option<i64>| sum.unwrap_or(0) as f64 * unit / target.n_images as f64;
            low += points(ways.iter().map(|way| way[at].first).min());
            high += points(ways.iter().map(|way| way[at].last()).max());
        }
    }
    (low, high)
}

/// The common multiple of the targets' sizes, and the step that all sums are apart where they are counted in parts
/// of it; none where the multiple is out of reach.
fn lattice<'a>(
    sums: impl Iterator<Item = (&'a &'a Target, &'a Sums)> + Clone,
) -> Option<(i64, i64)> {
    let mut multiple = 1i64;
    for (target, _) in sums.clone() {
        let n = target.n_images as i64;
        multiple = multiple.checked_mul(n / greatest_common_divisor(multiple, n))?;
        if 1 << 40 < multiple {
            return None;
        }
    }
    let mut step = 0;
    let mut firsts: BTreeMap<*const Target, i64> = BTreeMap::new();
    for (target, sums) in sums {
        let scale = multiple / target.n_images as i64;
        let first = *firsts.entry(std::ptr::from_ref(*target)).or_insert(sums.first);
        step = greatest_common_divisor(step, scale.checked_mul(sums.first - first)?);
        if 1 < sums.masses.len() {
            step = greatest_common_divisor(step, scale.checked_mul(sums.step)?);
        }
    }
    Some((multiple, step.max(1)))
}

/// What varies together, apart from what does not; none where seeds can be drawn in too many ways.
fn parts(average: &Average) -> Option<Vec<Part<'_>>> {
    let mut left: Vec<&Target> = average.targets.iter().collect();
    let mut parts = Vec::new();
    while let Some(first) = left.pop() {
        let mut targets = vec![first];
        let mut groups: Vec<usize> = first.columns.iter().map(|(group, _)| *group).collect();
        while let Some(at) = left
            .iter()
            .position(|target| target.columns.iter().any(|(group, _)| groups.contains(group)))
        {
            let target = left.swap_remove(at);
            groups.extend(target.columns.iter().map(|(group, _)| *group));
            targets.push(target);
        }
        groups.sort_unstable();
        groups.dedup();
        let once: Vec<Vec<usize>> = average.n_seeds.iter().map(|&n| vec![1; n]).collect();
        let mut ways = vec![(1.0, once)];
        for group in groups {
            let of_group = ways_of_seeds(average.n_seeds[group])?;
            if MAX_WAYS < ways.len() * of_group.len() {
                return None;
            }
            ways = ways
                .iter()
                .flat_map(|(probability, times)| {
                    of_group.iter().map(move |(of_group, drawn)| {
                        let mut times = times.clone();
                        times[group].clone_from(drawn);
                        (probability * of_group, times)
                    })
                })
                .collect();
        }
        parts.push(Part { targets, ways });
    }
    Some(parts)
}

/// How often each of `n` seeds may be drawn in `n` draws, with the probability; none where they are too many.
fn ways_of_seeds(n: usize) -> Option<Vec<(f64, Vec<usize>)>> {
    if MAX_SEEDS < n {
        return None;
    }
    let mut ways = vec![(1.0, Vec::new(), n)];
    for place in 0..n {
        ways = ways
            .into_iter()
            .flat_map(|(probability, drawn, left)| {
                let from = if place + 1 == n { left } else { 0 };
                (from..=left).map(move |times| {
                    let mut drawn: Vec<usize> = drawn.clone();
                    drawn.push(times);
                    // n! over the product of factorials, times n to the power of −n.
                    let probability = (1..=times)
                        .fold(probability, |p, k| p * (left - k + 1) as f64 / k as f64 / n as f64);
                    (probability, drawn, left - times)
                })
            })
            .collect();
    }
    Some(ways.into_iter().map(|(probability, drawn, _)| (probability, drawn)).collect())
}

#[cfg(test)]
mod tests;
