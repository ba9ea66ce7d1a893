//! An axis of numbers: its range, its ticks, and where a number lies.

use plotters::coord::{
    ranged1d::{BoldPoints, Ranged},
    types::RangedCoordf64,
};

use super::pen::UNITS;

/// An axis over a range of numbers.
pub(super) struct Ticks {
    range: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ticks {
    /// An axis that holds all values, with a little room, within bounds that numbers cannot leave.
    pub(super) fn holding(
        values: impl IntoIterator<Item = f64>,
        bounds: (f64, f64),
        most: usize,
    ) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let room = match high - low {
            none if none < 1e-9 => (high.abs() * 0.1).max(0.5),
            some => some * 0.06,
        };
        let (low, high) = ((low - room).max(bounds.0), (high + room).min(bounds.1));
        let high = if low < high { high } else { low + 1.0 };
        let range: RangedCoordf64 = (low..high).into();
        let ticks = range.key_points(BoldPoints(most));
        Ticks { range, ticks }
    }

    /// The ticks, each with its label.
    pub(super) fn labelled(&self) -> Vec<(f64, String)> {
        let step = self.ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::MAX, f64::min);
        let digits = (0..6).find(|&digits| 0.999 < step * 10f64.powi(digits)).unwrap_or(6) as usize;
        self.ticks
            .iter()
            .map(|&tick| (tick, crate::number::fixed(Some(tick), digits).text))
            .collect()
    }

    /// Where a number lies between two places, in points.
    pub(super) fn at(&self, value: f64, (from, to): (f64, f64)) -> f64 {
        let units = |place: f64| (place * UNITS).round() as i32;
        f64::from(self.range.map(&value, (units(from), units(to)))) / UNITS
    }
}
