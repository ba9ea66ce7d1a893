//! The interval of a mean of independent proportions, from the interval of each.

use std::collections::BTreeMap;

use super::Interval;

/// A proportion among several: its estimate, its interval, and the images that it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    /// In the interval's unit.
    pub estimate: f64,
    /// Around the estimate.
    pub interval: Interval,
    /// Parts of one name rest on the same images, and count as varying together.
    pub images: &'a str,
}

/// The interval of the mean of some parts, each with the same weight; none of no part.
///
/// The squared distances from each estimate to its interval's end are added (Newcombe 1998, method 10, for two
/// proportions; Zou and Donner 2008, MOVER, for any number). From Wilson's intervals it has a width where every
/// part is at 0 or 100 %, and one that can be worked out from those of the parts.
pub fn square_and_add(parts: &[Part<'_>]) -> Option<Interval> {
    let n = parts.len() as f64;
    let mean = parts.iter().map(|part| part.estimate).sum::<f64>() / n;
    let reach = |of: fn(&Part<'_>) -> f64| {
        let mut by_images = BTreeMap::new();
        for part in parts {
            *by_images.entry(part.images).or_insert(0.0) += of(part) / n;
        }
        by_images.values().map(|distance: &f64| distance.powi(2)).sum::<f64>().sqrt()
    };
    (!parts.is_empty()).then(|| Interval {
        lower: mean - reach(|part| part.estimate - part.interval.lower),
        upper: mean + reach(|part| part.interval.upper - part.estimate),
    })
}
