//! A mean and what bounds it.

use strum::IntoStaticStr;

use crate::{
    number::{Printed, certain},
    statistics::Interval,
};

/// A mean over seeds: percent of an accuracy, points of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Estimate {
    /// The mean over the seeds that are there; of an average, over its cells' means, and none unless all
    /// of them have one.
    pub(crate) mean: Option<f64>,
    /// The standard deviation over seeds (n − 1), from two on; of an average, that of whole seeds.
    pub(crate) sd: Option<f64>,
    /// The fewest seeds of a cell.
    pub(crate) n_seeds: usize,
    /// The most seeds of a cell that were planned.
    pub(crate) n_planned: usize,
    /// The images, those of one target counted once.
    pub(crate) n_images: usize,
    /// What bounds the mean.
    pub(crate) bounds: Option<Bounds>,
}

/// An interval at 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    /// In the mean's unit.
    pub(crate) interval: Interval,
    pub(crate) kind: IntervalKind,
    /// How far an end may lie from where it should be; 0 but where resamples were drawn.
    pub(crate) end_error: f64,
}

impl Bounds {
    /// An interval whose ends a formula gives.
    pub(crate) fn by_formula(interval: Interval, kind: IntervalKind) -> Self {
        Bounds { interval, kind, end_error: 0.0 }
    }
}

/// How an interval is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum IntervalKind {
    /// Wilson's, of one run's accuracy, or of seeds that all have the same.
    Wilson,
    /// Newcombe's, of an average whose images and seeds never differ.
    Newcombe,
    /// Student's t, over seeds.
    StudentT,
    /// Tango's score interval, of a change.
    Score,
    /// The percentiles of the hierarchical bootstrap.
    Bootstrap,
}

impl Estimate {
    /// Whether the mean is there but rests on fewer seeds than planned.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.mean.is_some() && self.n_seeds < self.n_planned
    }

    /// Half the interval's width: what stands behind ±.
    pub(crate) fn half_width(&self) -> Option<f64> {
        self.bounds.map(|bounds| bounds.interval.half_width())
    }

    /// The same as printed, with as many of `digits` decimals as are certain.
    pub(crate) fn half_width_printed(&self, digits: usize) -> Printed {
        let error = self.bounds.map_or(0.0, |bounds| bounds.end_error);
        certain(self.half_width(), error, digits)
    }
}

impl IntervalKind {
    /// Its name in data.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }

    /// Its name in notes.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            IntervalKind::Wilson => "Wilson's for one run and for seeds that agree",
            IntervalKind::Newcombe => {
                "Newcombe's from Wilson's for averages where no answer differs"
            }
            IntervalKind::StudentT => "Student's over seeds",
            IntervalKind::Score => "the score interval where nothing differs",
            IntervalKind::Bootstrap => "a bootstrap of seeds and images for averages",
        }
    }
}
