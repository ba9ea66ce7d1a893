//! Our number, and where one more run of it would lie.

use std::collections::BTreeMap;

use clsrl_spec::Seed;

use super::question::FineTune;
use crate::statistics::{Interval, Level, Proportion, SeedValues, t_quantile};

/// A number and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// The number, in its metric's unit.
    pub(crate) value: f64,
    /// Where one more run would lie, 95 of 100 times; none where the spread between seeds is not known.
    pub(crate) interval: Option<Interval>,
}

/// One cell of a number: its accuracies by seed, in percent, over the same images.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// What the number changes by when this accuracy does.
    pub(super) weight: f64,
    /// The fine-tunes; cells that share them vary together.
    pub(super) fine_tune: FineTune,
    pub(super) by_seed: BTreeMap<Seed, f64>,
    pub(super) n_images: usize,
}

impl Part {
    pub(super) fn mean(&self) -> f64 {
        self.by_seed.values().sum::<f64>() / self.by_seed.len() as f64
    }

    /// The distances to both ends of Wilson's interval around the mean accuracy, in points.
    fn reach(&self) -> (f64, f64) {
        let n_right = (self.mean() / 100.0 * self.n_images as f64).round() as usize;
        let Ok(share) = Proportion::new(n_right.min(self.n_images), self.n_images) else {
            return (0.0, 0.0); // without an image there is no accuracy either
        };
        let interval = share.wilson_pct(Level::FIVE_PERCENT);
        (share.pct() - interval.lower, interval.upper - share.pct())
    }
}

/// The weighted sum of accuracies.
pub(super) fn sum(parts: &[Part]) -> Estimate {
    around(parts.iter().map(|part| part.weight * part.mean()).sum(), parts)
}

/// The harmonic mean of two weighted sums; the interval is that of its linear part.
pub(super) fn harmonic_mean(base: Vec<Part>, new: Vec<Part>) -> Estimate {
    let mean = |parts: &[Part]| parts.iter().map(|part| part.weight * part.mean()).sum::<f64>();
    let (of_base, of_new) = (mean(&base), mean(&new));
    let sum = of_base + of_new;
    let value = if sum == 0.0 { 0.0 } else { 2.0 * of_base * of_new / sum };
    // Where both are zero, the slope of where both are alike.
    let slope = |other: f64| if sum == 0.0 { 0.5 } else { 2.0 * (other / sum).powi(2) };
    let weighted = |parts: Vec<Part>, slope: f64| {
        parts.into_iter().map(move |part| Part { weight: slope * part.weight, ..part })
    };
    let parts: Vec<Part> =
        weighted(base, slope(of_new)).chain(weighted(new, slope(of_base))).collect();
    around(value, &parts)
}

/// Both sources of chance, added as squared distances from the value (MOVER, Zou and Donner 2008).
fn around(value: f64, parts: &[Part]) -> Estimate {
    let Some(seeds) = seed_reach(parts) else { return Estimate { value, interval: None } };
    let (mut below, mut above) = (seeds.powi(2), seeds.powi(2));
    for part in parts {
        let (down, up) = part.reach();
        let (down, up) = if part.weight < 0.0 { (up, down) } else { (down, up) };
        // Twice: our lists and the paper's are drawn apart.
        below += 2.0 * (part.weight * down).powi(2);
        above += 2.0 * (part.weight * up).powi(2);
    }
    let interval = Interval { lower: value - below.sqrt(), upper: value + above.sqrt() };
    Estimate { value, interval: Some(interval) }
}

/// How far one more seed of every fine-tune would be from the mean over ours; none with one seed.
fn seed_reach(parts: &[Part]) -> Option<f64> {
    let mut groups: BTreeMap<FineTune, Vec<&Part>> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.fine_tune.train_on.is_some()) {
        groups.entry(part.fine_tune).or_default().push(part);
    }
    let (mut variance, mut per_freedom) = (0.0, 0.0);
    for group in groups.values() {
        let of_seed = |seed: &Seed| {
            group.iter().filter_map(|part| Some(part.weight * part.by_seed.get(seed)?)).sum()
        };
        let values: Vec<f64> = group[0].by_seed.keys().map(of_seed).collect();
        let n = values.len() as f64;
        let one_more = SeedValues::new(values).ok()?.sd()?.powi(2) * (1.0 + 1.0 / n);
        variance += one_more;
        per_freedom += one_more.powi(2) / (n - 1.0);
    }
    if variance == 0.0 {
        return Some(0.0);
    }
    // Satterthwaite's degrees of freedom.
    let t = t_quantile(Level::FIVE_PERCENT.get() / 2.0, variance.powi(2) / per_freedom);
    Some(t * variance.sqrt())
}

#[cfg(test)]
mod tests {
    use clsrl_spec::{DatasetId, MethodId};

    use super::*;

    fn part(weight: f64, train_on: Option<DatasetId>, values: &[f64]) -> Part {
        let by_seed = values.iter().enumerate().map(|(idx, &v)| (idx as Seed, v)).collect();
        let fine_tune = FineTune { method: MethodId::ClsRl, train_on, shots: 4 };
        Part { weight, fine_tune, by_seed, n_images: usize::MAX >> 16 }
    }

    fn half_width(estimate: Estimate) -> f64 {
        estimate.interval.unwrap().half_width()
    }

    const DTD: Option<DatasetId> = Some(DatasetId::Dtd);

    /// scipy.stats.t.ppf(0.975, 2) * statistics.stdev([70, 72, 71]) * (1 + 1 / 3) ** 0.5
    #[test]
    fn one_more_seed_lies_as_students_t_has_it() {
        let estimate = sum(&[part(1.0, DTD, &[70.0, 72.0, 71.0])]);
        assert_eq!(estimate.value, 71.0);
        assert!((half_width(estimate) - 4.968_275).abs() < 1e-3, "{estimate:?}");
    }

    #[test]
    fn one_seed_has_no_interval_and_zero_shot_needs_no_seeds() {
        assert_eq!(sum(&[part(1.0, DTD, &[70.0])]).interval, None);
        assert!(half_width(sum(&[part(1.0, None, &[70.0])])) < 1e-3);
    }

    #[test]
    fn cells_of_one_fine_tune_vary_together_and_others_do_not() {
        let values = [70.0, 72.0, 71.0];
        let eurosat = Some(DatasetId::Eurosat);
        let alone = half_width(sum(&[part(1.0, DTD, &values)]));
        let together = sum(&[part(0.5, DTD, &values), part(0.5, DTD, &values)]);
        assert!((half_width(together) - alone).abs() < 1e-3);
        let apart = sum(&[part(0.5, DTD, &values), part(0.5, eurosat, &values)]);
        // scipy.stats.t.ppf(0.975, 4) * (1 * 4 / 3 / 2) ** 0.5
        assert!((half_width(apart) - 2.266_958).abs() < 1e-3, "{apart:?}");
    }

    /// statsmodels' proportion_confint(1184, 1692, method="wilson") is 67.749 to 72.113, and twice the variance.
    #[test]
    fn images_count_once_for_us_and_once_for_the_paper() {
        let mut cell = part(1.0, None, &[100.0 * 1184.0 / 1692.0]);
        cell.n_images = 1692;
        let interval = sum(&[cell]).interval.unwrap();
        assert!((interval.lower - 66.82654).abs() < 1e-3, "{interval:?}");
        assert!((interval.upper - 72.99819).abs() < 1e-3, "{interval:?}");
    }

    #[test]
    fn the_harmonic_mean_moves_as_its_slope_says() {
        let (base, new) = ([60.0, 62.0], [80.0, 80.0]);
        let of =
            |base: &[f64]| harmonic_mean(vec![part(1.0, DTD, base)], vec![part(1.0, DTD, &new)]);
        let step = 1e-4;
        let moved = of(&base.map(|value| value + step)).value - of(&base).value;
        let alone = half_width(sum(&[part(1.0, DTD, &base)]));
        assert!((of(&base).value - 2.0 * 61.0 * 80.0 / 141.0).abs() < 1e-9);
        assert!((half_width(of(&base)) / alone - moved / step).abs() < 1e-3);
    }

    #[test]
    fn nothing_right_has_a_harmonic_mean_of_zero_and_still_an_interval() {
        let none = || vec![Part { n_images: 48, ..part(1.0, DTD, &[0.0, 0.0]) }];
        let estimate = harmonic_mean(none(), none());
        assert_eq!((estimate.value, estimate.interval.unwrap().lower), (0.0, 0.0));
        assert!(1.0 < estimate.interval.unwrap().upper, "{estimate:?}");
    }
}
