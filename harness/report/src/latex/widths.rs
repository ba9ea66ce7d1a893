//! How wide a text is in LaTeX's own font, Computer Modern, so that a table is known to fit before TeX sees it.
//!
//! Times, which conferences' classes take instead, is narrower in every letter that tables hold.

use crate::table::Style;

/// A size of letters that LaTeX has at 10 points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    /// What switches to it.
    pub(super) command: &'static str,
    /// In points.
    pub(super) points: f64,
    /// From one line to the next, in points.
    pub(super) leading: f64,
    /// Small letters are drawn wider: by how much at most, against those of 10 points.
    pub(super) stretch: f64,
}

/// `\small`.
pub(super) const SMALL: Size =
    Size { command: "\\small", points: 9.0, leading: 11.0, stretch: 1.03 };
/// `\footnotesize`.
pub(super) const FOOTNOTE: Size =
    Size { command: "\\footnotesize", points: 8.0, leading: 9.5, stretch: 1.063 };
/// `\scriptsize`.
pub(super) const SCRIPT: Size =
    Size { command: "\\scriptsize", points: 7.0, leading: 8.0, stretch: 1.14 };
/// One point less.
pub(super) const SIX: Size =
    Size { command: "\\fontsize{6}{7}\\selectfont", points: 6.0, leading: 7.0, stretch: 1.23 };
/// `\tiny`, the least that is printed.
pub(super) const TINY: Size = Size { command: "\\tiny", points: 5.0, leading: 6.0, stretch: 1.37 };

/// cmr10's widths of the characters from blank to tilde, in thousandths of its size, from its metrics.
const WIDTHS: [u16; 95] = [
    334, 278, 500, 833, 500, 833, 778, 278, 389, 389, 500, 778, 278, 333, 278, 500, 500, 500, 500,
    500, 500, 500, 500, 500, 500, 500, 278, 278, 780, 778, 780, 472, 778, 750, 708, 722, 764, 681,
    653, 785, 750, 361, 514, 778, 625, 917, 750, 778, 681, 778, 736, 556, 722, 750, 750, 1028, 750,
    750, 611, 278, 780, 278, 780, 780, 278, 500, 556, 444, 556, 444, 306, 500, 556, 278, 306, 528,
    278, 833, 556, 500, 556, 528, 392, 394, 389, 556, 528, 722, 528, 528, 444, 780, 780, 780, 780,
];

/// A piece of a text that no line breaks is at most so many ems wide, in letters of 10 points.
pub(super) const PIECE: f64 = 7.0;

/// The width of a text, in points, at most.
pub(super) fn width(text: &str, size: Size, style: Style) -> f64 {
    let of = |character: char| {
        let ems = ems(character);
        // Bold letters are wider, digits less so.
        let bold = match (style, character.is_alphabetic()) {
            (Style::Bold, true) => 1.25,
            (Style::Bold, false) => 1.15,
            _ => 1.0,
        };
        ems * bold
    };
    text.chars().map(of).sum::<f64>() * size.points * size.stretch
}

/// The width of a character in letters of 10 points, of which it is a share.
pub(super) fn ems(character: char) -> f64 {
    match character {
        ' '..='~' => f64::from(WIDTHS[character as usize - 32]) / 1000.0,
        // What TeX cannot set becomes its code point in typewriter letters.
        '\u{100}'.. if !is_known(character) => 4.2,
        '→' | '…' | '—' => 1.05,
        '\u{a0}' => 0.334,
        _ => 0.8,
    }
}

fn is_known(character: char) -> bool {
    matches!(character, '−' | '–' | '—' | '±' | '†' | '→' | '·' | '’' | '…')
}
