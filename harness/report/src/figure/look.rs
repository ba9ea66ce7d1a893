//! How large a figure's parts are: on a screen, and in print, where a point is a point and a caption stands below.

/// Where a figure is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// With title, subtitle and intervals.
    Screen,
    /// In a column of text 5.5 inches wide.
    Text,
    /// In one of two columns, 3.25 inches wide: numbers without decimals.
    Column,
}

/// The sizes of a look, in units of the drawing; letters that were never printed smaller than 6 points.
pub(super) struct Sizes {
    /// Points of a page for each unit.
    pub(super) scale: f64,
    pub(super) margin: f64,
    /// Title and subtitle; none where the caption of a paper has them.
    pub(super) title: Option<f64>,
    pub(super) has_intervals: bool,
    pub(super) decimals: usize,
    /// A tile of a matrix.
    pub(super) tile: (f64, f64),
    /// The scale's bar is so long, and no figure narrower.
    pub(super) bar: f64,
    pub(super) narrowest: f64,
    /// Letters: of a tile's number, of labels and heads, of the legend.
    pub(super) number: f64,
    pub(super) label: f64,
    pub(super) small: f64,
    /// A line plot, and how many stand side by side at most.
    pub(super) plot: (f64, f64),
    pub(super) across: usize,
}

impl Look {
    pub(super) fn sizes(self) -> Sizes {
        match self {
            Look::Screen => Sizes {
                scale: 1.0,
                margin: 16.0,
                title: Some(44.0),
                has_intervals: true,
                decimals: 1,
                tile: (70.0, 42.0),
                bar: 240.0,
                narrowest: 430.0,
                number: 13.5,
                label: 12.0,
                small: 10.0,
                plot: (200.0, 140.0),
                across: 4,
            },
            // 720 units are 396 points.
            Look::Text => Sizes {
                scale: 0.55,
                margin: 2.0,
                title: None,
                has_intervals: false,
                decimals: 1,
                tile: (51.0, 32.0),
                bar: 180.0,
                narrowest: 430.0,
                number: 13.5,
                label: 13.0,
                small: 12.0,
                plot: (128.0, 110.0),
                across: 4,
            },
            // 425 units are 234 points.
            Look::Column => Sizes {
                scale: 0.55,
                margin: 2.0,
                title: None,
                has_intervals: false,
                decimals: 0,
                tile: (28.5, 27.0),
                bar: 120.0,
                narrowest: 380.0,
                number: 11.5,
                label: 11.5,
                small: 11.5,
                plot: (160.0, 120.0),
                across: 2,
            },
        }
    }
}
