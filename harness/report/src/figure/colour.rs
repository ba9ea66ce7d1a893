//! Colours: a diverging map around zero, and a palette for lines.
//!
//! The map is ColorBrewer's RdBu, the palette Okabe and Ito's; both are safe for the common forms of
//! colour blindness. Nothing is shown by colour alone: cells hold their numbers, lines differ in marker.

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

pub(super) const WHITE: Rgb = Rgb(255, 255, 255);
pub(super) const BLACK: Rgb = Rgb(17, 17, 17);
pub(super) const GREY: Rgb = Rgb(96, 96, 96);
pub(super) const PALE: Rgb = Rgb(226, 226, 226);

/// From the largest loss to the largest gain.
const RED_TO_BLUE: [Rgb; 11] = [
    Rgb(0x67, 0x00, 0x1f),
    Rgb(0xb2, 0x18, 0x2b),
    Rgb(0xd6, 0x60, 0x4d),
    Rgb(0xf4, 0xa5, 0x82),
    Rgb(0xfd, 0xdb, 0xc7),
    Rgb(0xf7, 0xf7, 0xf7),
    Rgb(0xd1, 0xe5, 0xf0),
    Rgb(0x92, 0xc5, 0xde),
    Rgb(0x43, 0x93, 0xc3),
    Rgb(0x21, 0x66, 0xac),
    Rgb(0x05, 0x30, 0x61),
];

const LINES: [Rgb; 7] = [
    Rgb(0x00, 0x72, 0xb2),
    Rgb(0xd5, 0x5e, 0x00),
    Rgb(0x00, 0x9e, 0x73),
    Rgb(0xcc, 0x79, 0xa7),
    Rgb(0xe6, 0x9f, 0x00),
    Rgb(0x56, 0xb4, 0xe9),
    Rgb(0x33, 0x33, 0x33),
];

/// A symmetric scale of changes: red below zero, blue above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Diverging {
    /// The change, in points, that has the darkest colours.
    pub(crate) limit: f64,
}

impl Diverging {
    /// The scale that holds these values, rounded up to a number that one can read.
    pub(crate) fn holding(values: impl IntoIterator<Item = f64>) -> Self {
        const LIMITS: [f64; 16] = [
            1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 80.0,
        ];
        let finite = values.into_iter().filter(|value| value.is_finite());
        let largest = finite.map(f64::abs).fold(0.0, f64::max);
        let limit = LIMITS.into_iter().find(|&limit| largest <= limit);
        Diverging { limit: limit.unwrap_or(100.0) }
    }

    /// A value's colour; what is beyond the scale has its end's.
    pub(crate) fn colour(self, value: f64) -> Rgb {
        let last = (RED_TO_BLUE.len() - 1) as f64;
        let position = (0.5 + value / self.limit / 2.0).clamp(0.0, 1.0) * last;
        let below = RED_TO_BLUE[position.floor() as usize];
        let above = RED_TO_BLUE[position.ceil() as usize];
        below.mixed(above, position.fract())
    }
}

impl Rgb {
    /// The colour of a figure's nth line.
    pub(crate) fn of_line(n: usize) -> Self {
        LINES[n % LINES.len()]
    }

    /// Black or white, whichever is better read on this colour.
    pub(crate) fn ink(self) -> Self {
        // Where both contrasts of WCAG 2 are equal; either is above 4.5 there.
        if self.luminance() < 0.179 { WHITE } else { Rgb(0, 0, 0) }
    }

    /// As in HTML and LaTeX, without `#`.
    pub(crate) fn hex(self) -> String {
        let Rgb(red, green, blue) = self;
        format!("{red:02X}{green:02X}{blue:02X}")
    }

    /// A part of the way to another colour.
    fn mixed(self, other: Rgb, share: f64) -> Self {
        let mix = |from: u8, to: u8| {
            (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8
        };
        Rgb(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// The relative luminance of WCAG 2.
    pub(super) fn luminance(self) -> f64 {
        let linear = |channel: u8| match f64::from(channel) / 255.0 {
            low if low <= 0.040_45 => low / 12.92,
            high => ((high + 0.055) / 1.055).powf(2.4),
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }
}
