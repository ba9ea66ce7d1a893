//! The font: Noto Sans, its widths and its outlines.

use std::sync::LazyLock;

use ttf_parser::{Face, OutlineBuilder};

/// The families that an SVG asks for: the font that widths are measured in, and what is like it.
pub(super) const FAMILY: &str = "Noto Sans, Helvetica, Arial, sans-serif";

static REGULAR: LazyLock<Face<'static>> = LazyLock::new(|| parsed(notosans::REGULAR_TTF));
static BOLD: LazyLock<Face<'static>> = LazyLock::new(|| parsed(notosans::BOLD_TTF));

fn parsed(bytes: &'static [u8]) -> Face<'static> {
    Face::parse(bytes, 0).expect("the font is compiled in and a test draws with it")
}

pub(super) fn face(is_bold: bool) -> &'static Face<'static> {
    if is_bold { &BOLD } else { &REGULAR }
}

/// A text's width at a size, both in the same unit.
pub(super) fn width(text: &str, size: f64, is_bold: bool) -> f64 {
    let face = face(is_bold);
    text.chars().map(|character| advance(face, character)).sum::<f64>() * size
}

/// The same in the fonts that an SVG may be shown in; DejaVu Sans is the widest of the usual ones.
pub(super) fn widest(text: &str, size: f64, is_bold: bool) -> f64 {
    1.12 * width(text, size, is_bold)
}

/// The width of a figure's title over its subtitle.
pub(super) fn width_of_head(title: &str, subtitle: &str) -> f64 {
    widest(title, 15.0, true).max(widest(subtitle, 11.0, false))
}

/// A line and where it bends: the pieces of an outline, in ems, up being positive, from a text's origin.
pub(super) trait Outline {
    fn line(&mut self, from: (f64, f64), to: (f64, f64));
    fn curve(&mut self, from: (f64, f64), control: (f64, f64), to: (f64, f64));
}

/// Walks along the outlines of a text.
pub(super) fn trace(text: &str, is_bold: bool, outline: &mut dyn Outline) {
    let face = face(is_bold);
    let em = f64::from(face.units_per_em());
    let mut left = 0.0;
    for character in text.chars() {
        let glyph = face.glyph_index(character).unwrap_or_default();
        let mut walk = Walk { outline, em, left, start: (0.0, 0.0), at: (0.0, 0.0) };
        face.outline_glyph(glyph, &mut walk);
        left += advance(face, character);
    }
}

/// In ems; the box of a missing glyph for what the font has not.
fn advance(face: &Face<'_>, character: char) -> f64 {
    let glyph = face.glyph_index(character).unwrap_or_default();
    f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) / f64::from(face.units_per_em())
}

struct Walk<'a> {
    outline: &'a mut dyn Outline,
    em: f64,
    left: f64,
    start: (f64, f64),
    at: (f64, f64),
}

impl Walk<'_> {
    fn point(&self, x: f32, y: f32) -> (f64, f64) {
        (self.left + f64::from(x) / self.em, f64::from(y) / self.em)
    }
}

impl OutlineBuilder for Walk<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.start = self.point(x, y);
        self.at = self.start;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.point(x, y);
        self.outline.line(self.at, to);
        self.at = to;
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (control, to) = (self.point(x1, y1), self.point(x, y));
        self.outline.curve(self.at, control, to);
        self.at = to;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        // TrueType has quadratic curves alone; a cubic one goes through its controls' middle.
        let control = self.point((x1 + x2) / 2.0, (y1 + y2) / 2.0);
        let to = self.point(x, y);
        self.outline.curve(self.at, control, to);
        self.at = to;
    }

    fn close(&mut self) {
        self.outline.line(self.at, self.start);
        self.at = self.start;
    }
}
