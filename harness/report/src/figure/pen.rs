//! A pen on a plotters backend: shapes and texts in points, whatever the backend counts in.

use plotters::style::{
    Color, FontStyle, FontTransform, IntoFont, RGBAColor, RGBColor, ShapeStyle, TextStyle,
    text_anchor::{HPos, Pos, VPos},
};
use plotters_backend::{BackendCoord, DrawingBackend, DrawingErrorKind};

use super::{
    colour::{GREY, Rgb},
    face::FAMILY,
};

/// Backends count in whole numbers: tenths of a point.
pub(super) const UNITS: f64 = 10.0;

/// The height of capitals and digits, in ems.
const CAPITALS: f64 = 0.714;

/// Draws, and keeps the first error.
pub(crate) struct Pen<'a, B: DrawingBackend> {
    backend: &'a mut B,
    failed: Option<String>,
}

/// A rectangle, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A colour and how much of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink(pub(super) Rgb, pub(super) f64);

/// How a text is set.
#[derive(Clone, Copy)]
pub(super) struct Lettered {
    pub(super) size: f64,
    pub(super) colour: Rgb,
    pub(super) is_bold: bool,
    pub(super) side: HPos,
}

impl Area {
    pub(super) fn right(self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(self) -> f64 {
        self.top + self.height
    }

    pub(super) fn centre(self) -> (f64, f64) {
        (self.left + self.width / 2.0, self.top + self.height / 2.0)
    }

    /// Smaller on every side.
    pub(super) fn inset(self, by: f64) -> Self {
        Area {
            left: self.left + by,
            top: self.top + by,
            width: self.width - 2.0 * by,
            height: self.height - 2.0 * by,
        }
    }
}

impl From<Rgb> for Ink {
    fn from(colour: Rgb) -> Self {
        Ink(colour, 1.0)
    }
}

impl Lettered {
    pub(super) fn new(size: f64, colour: Rgb, side: HPos) -> Self {
        Lettered { size, colour, is_bold: false, side }
    }

    pub(super) fn bold(self) -> Self {
        Lettered { is_bold: true, ..self }
    }
}

impl<'a, B: DrawingBackend> Pen<'a, B> {
    pub(super) fn new(backend: &'a mut B) -> Self {
        Pen { backend, failed: None }
    }

    /// Whether all was drawn.
    pub(super) fn finish(mut self) -> Result<(), String> {
        let presented = self.backend.present();
        self.keep(presented);
        self.failed.map_or(Ok(()), Err)
    }

    pub(super) fn fill(&mut self, area: Area, ink: impl Into<Ink>) {
        let (from, to) = (units(area.left, area.top), units(area.right(), area.bottom()));
        let drawn = self.backend.draw_rect(from, to, &style(ink.into(), 0.0), true);
        self.keep(drawn);
    }

    pub(super) fn outline(&mut self, area: Area, ink: impl Into<Ink>, width: f64) {
        let Area { left, top, .. } = area;
        let (right, bottom) = (area.right(), area.bottom());
        // A little over the corner, so that it is closed.
        let corners =
            [(left, top), (right, top), (right, bottom), (left, bottom), (left, top - width / 2.0)];
        self.line(&corners, ink, width);
    }

    pub(super) fn line(&mut self, points: &[(f64, f64)], ink: impl Into<Ink>, width: f64) {
        let path = points.iter().map(|&(x, y)| units(x, y));
        let drawn = self.backend.draw_path(path, &style(ink.into(), width));
        self.keep(drawn);
    }

    /// A level grey line of dashes of some length.
    pub(super) fn dashes(&mut self, (left, right): (f64, f64), y: f64, dash: f64) {
        let mut x = left;
        while x < right {
            self.line(&[(x, y), ((x + dash).min(right), y)], GREY, 1.2);
            x += dash + 2.8;
        }
    }

    pub(super) fn polygon(&mut self, corners: &[(f64, f64)], ink: impl Into<Ink>) {
        let path: Vec<BackendCoord> = corners.iter().map(|&(x, y)| units(x, y)).collect();
        let drawn = self.backend.fill_polygon(path, &style(ink.into(), 0.0));
        self.keep(drawn);
    }

    pub(super) fn disk(&mut self, (x, y): (f64, f64), radius: f64, ink: impl Into<Ink>) {
        let radius = (radius * UNITS).round() as u32;
        let drawn = self.backend.draw_circle(units(x, y), radius, &style(ink.into(), 0.0), true);
        self.keep(drawn);
    }

    /// A text whose capitals are centred on a height.
    pub(super) fn text(&mut self, text: &str, at: (f64, f64), lettered: Lettered) {
        self.write(text, at, lettered, FontTransform::None);
    }

    /// A text from below to above, centred on a point.
    pub(super) fn upright_text(&mut self, text: &str, at: (f64, f64), lettered: Lettered) {
        self.write(text, at, lettered, FontTransform::Rotate270);
    }

    fn write(
        &mut self,
        text: &str,
        (x, y): (f64, f64),
        lettered: Lettered,
        transform: FontTransform,
    ) {
        let Lettered { size, colour, is_bold, side } = lettered;
        // The backend's `Top` is 0.76 em above the baseline.
        let raised = (0.76 - CAPITALS / 2.0) * size;
        let at = match transform {
            FontTransform::Rotate270 => units(x - raised, y),
            _ => units(x, y - raised),
        };
        let weight = if is_bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = (FAMILY, 1.24 * size * UNITS).into_font().style(weight).transform(transform);
        let colour = RGBColor::from(colour);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(side, VPos::Top));
        let drawn = self.backend.draw_text(&printable(text), &style, at);
        self.keep(drawn);
    }

    fn keep(&mut self, drawn: Result<(), DrawingErrorKind<B::ErrorType>>) {
        if let (Err(error), None) = (drawn, &self.failed) {
            self.failed = Some(error.to_string());
        }
    }
}

/// Text as XML may hold it, on one line; the backend escapes what has a meaning.
pub(super) fn printable(text: &str) -> String {
    let kept = |character: char| match character {
        control if control.is_control() => ' ',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        // What turns the direction of writing would move what stands beside it.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        other => other,
    };
    text.chars().map(kept).collect()
}

fn units(x: f64, y: f64) -> BackendCoord {
    ((x * UNITS).round() as i32, (y * UNITS).round() as i32)
}

fn style(Ink(colour, share): Ink, width: f64) -> ShapeStyle {
    let color: RGBAColor = RGBColor::from(colour).mix(share);
    ShapeStyle { color, filled: width <= 0.0, stroke_width: (width * UNITS).round() as u32 }
}
