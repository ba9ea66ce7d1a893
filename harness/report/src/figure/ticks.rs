//! An axis of numbers: its range, its ticks, and where a number lies.

use crate::number::fixed;

/// An axis over a range of numbers.
pub(super) struct Ticks {
    /// The ends; the first is below the second.
    range: (f64, f64),
    /// Between two ticks; there is a tick at each multiple within the range.
    step: f64,
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
        Ticks { range: (low, high), step: step((low, high), most) }
    }

    /// The ticks, each with its label, which has the digits that the step has.
    pub(super) fn labelled(&self) -> Vec<(f64, String)> {
        let Ticks { range, step } = *self;
        let digits = (0..6).find(|&digits| 0.999 < step * 10f64.powi(digits)).unwrap_or(6) as usize;
        let (first, last) = multiples(range, step);
        let ticks = (first..=last).map(|n| n as f64 * step);
        ticks.map(|tick| (tick, fixed(Some(tick), digits).text)).collect()
    }

    /// Where a number lies between two places, in points.
    pub(super) fn at(&self, value: f64, (from, to): (f64, f64)) -> f64 {
        let (low, high) = self.range;
        from + (value - low) / (high - low) * (to - from)
    }
}

/// 1, 2 or 5 times a power of ten: the smallest such step that has no more than `most` multiples within a range.
fn step(range: (f64, f64), most: usize) -> f64 {
    let exponent = (range.1 - range.0).log10().floor() as i32 + 1;
    let finer = (0..).flat_map(|below: i32| {
        let power = 10f64.powi(exponent - below);
        [power, power / 2.0, power / 5.0]
    });
    let fits = |step: &f64| {
        let (first, last) = multiples(range, *step);
        last - first < most as i64
    };
    finer.take_while(fits).last().unwrap_or(range.1 - range.0)
}

/// Of a step's multiples within a range, the first and the last.
fn multiples((low, high): (f64, f64), step: f64) -> (i64, i64) {
    // A multiple at an end counts, whatever its last bits.
    const ROUNDING: f64 = 1e-9;
    ((low / step - ROUNDING).ceil() as i64, (high / step + ROUNDING).floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: (f64, f64), most: usize, labels: &[&str]) {
        let axis = Ticks { range, step: step(range, most) };
        let found: Vec<String> = axis.labelled().into_iter().map(|(_, label)| label).collect();
        assert_eq!(found, labels);
    }

    #[test]
    fn ticks_are_the_finest_round_numbers_that_are_few_enough() {
        check((0.0, 100.0), 5, &["0", "50", "100"]);
        check((0.0, 100.0), 6, &["0", "20", "40", "60", "80", "100"]);
        check((0.54, 0.71), 5, &["0.55", "0.60", "0.65", "0.70"]);
        check((-3.2, 4.1), 5, &["−2", "0", "2", "4"]);
        check((0.82, 4.18), 6, &["1", "2", "3", "4"]);
        check((31.3, 31.9), 2, &["31.5"]);
    }

    #[test]
    fn a_number_lies_in_proportion_whichever_way_the_axis_runs() {
        let axis = Ticks::holding([0.0, 100.0], (0.0, 100.0), 5);
        assert_eq!(
            [0.0, 25.0, 100.0].map(|value| axis.at(value, (140.0, 0.0))),
            [140.0, 105.0, 0.0]
        );
    }
}
