//! The font: Noto Sans and its widths.

use std::sync::LazyLock;

use ttf_parser::Face;

/// The families that an SVG asks for: the font that widths are measured in, and what is like it.
pub(super) const FAMILY: &str = "Noto Sans, Helvetica, Arial, sans-serif";

/// Both faces' files.
pub(super) const FILES: [&[u8]; 2] = [notosans::REGULAR_TTF, notosans::BOLD_TTF];

static FACES: LazyLock<[Face<'static>; 2]> = LazyLock::new(|| {
    FILES
        .map(|file| Face::parse(file, 0).expect("the font is compiled in and a test draws with it"))
});

/// A text's width at a size, both in the same unit.
pub(super) fn width(text: &str, size: f64, is_bold: bool) -> f64 {
    let face = &FACES[usize::from(is_bold)];
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

/// In ems; the box of a missing glyph for what the font has not.
fn advance(face: &Face<'_>, character: char) -> f64 {
    let glyph = face.glyph_index(character).unwrap_or_default();
    f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) / f64::from(face.units_per_em())
}
