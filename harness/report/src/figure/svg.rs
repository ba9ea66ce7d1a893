//! SVG: shapes and texts in points, written as they are drawn.

use std::fmt::Write;

use super::{
    colour::{BLACK, GREY, Rgb, WHITE},
    face::FAMILY,
};
use crate::xml;

/// The height of capitals and digits, in ems.
const CAPITALS: f64 = 0.714;

/// Something that can be drawn.
pub(crate) trait Drawing {
    /// Width and height, in units.
    fn size(&self) -> (f64, f64);
    /// Points of a page for each of them.
    fn scale(&self) -> f64;
    /// What it shows, for those who do not see it: a title and a sentence.
    fn description(&self) -> (String, String);
    /// Draws it on a white page.
    fn draw(&self, pen: &mut Pen);
}

/// Renders a standalone SVG, which can stand in HTML as it is.
pub(crate) fn svg(drawing: &impl Drawing) -> String {
    let (width, height) = drawing.size();
    let mut pen = Pen::default();
    pen.fill(Area { left: 0.0, top: 0.0, width, height }, WHITE);
    drawing.draw(&mut pen);
    let (title, description) = drawing.description();
    let (title, description) = (escape(&title), escape(&description));
    let shapes = pen.shapes;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"{FAMILY}\" role=\"img\">\n\
         <title>{title}</title>\n<desc>{description}</desc>\n{shapes}</svg>\n",
        Points(width * drawing.scale()),
        Points(height * drawing.scale())
    )
}

/// Draws by appending to the body of an SVG.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    shapes: String,
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

/// Which part of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lettered {
    pub(super) size: f64,
    pub(super) colour: Rgb,
    pub(super) is_bold: bool,
    pub(super) anchor: Anchor,
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
    pub(super) fn new(size: f64, colour: Rgb, anchor: Anchor) -> Self {
        Lettered { size, colour, is_bold: false, anchor }
    }

    pub(super) fn bold(self) -> Self {
        Lettered { is_bold: true, ..self }
    }
}

impl Pen {
    /// Fills whole pixels, so that boxes which touch leave no seam.
    pub(super) fn fill(&mut self, Area { left, top, width, height }: Area, ink: impl Into<Ink>) {
        self.shape(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {} shape-rendering=\"crispEdges\"/>",
            Points(left),
            Points(top),
            Points(width),
            Points(height),
            paint("fill", ink.into())
        ));
    }

    pub(super) fn outline(&mut self, area: Area, ink: impl Into<Ink>, width: f64) {
        let Area { left, top, .. } = area;
        let stroke = paint("stroke", ink.into());
        self.shape(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" {stroke} stroke-width=\"{}\"/>",
            Points(left),
            Points(top),
            Points(area.width),
            Points(area.height),
            Points(width)
        ));
    }

    pub(super) fn line(&mut self, points: &[(f64, f64)], ink: impl Into<Ink>, width: f64) {
        let stroke = paint("stroke", ink.into());
        self.shape(format_args!(
            "<polyline points=\"{}\" fill=\"none\" {stroke} stroke-width=\"{}\"/>",
            Path(points),
            Points(width)
        ));
    }

    /// A level grey line of dashes of some length.
    pub(super) fn dashes(&mut self, (left, right): (f64, f64), y: f64, dash: f64) {
        let stroke = paint("stroke", GREY.into());
        self.shape(format_args!(
            "<polyline points=\"{}\" fill=\"none\" {stroke} stroke-width=\"1.2\" stroke-dasharray=\"{} 2.8\"/>",
            Path(&[(left, y), (right, y)]),
            Points(dash)
        ));
    }

    pub(super) fn polygon(&mut self, corners: &[(f64, f64)], ink: impl Into<Ink>) {
        let fill = paint("fill", ink.into());
        self.shape(format_args!("<polygon points=\"{}\" {fill}/>", Path(corners)));
    }

    pub(super) fn disk(&mut self, (x, y): (f64, f64), radius: f64, ink: impl Into<Ink>) {
        self.shape(format_args!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}/>",
            Points(x),
            Points(y),
            Points(radius),
            paint("fill", ink.into())
        ));
    }

    /// A figure's title over its subtitle.
    pub(super) fn title(&mut self, title: &str, subtitle: &str, margin: f64) {
        let bold = Lettered::new(15.0, BLACK, Anchor::Start).bold();
        self.text(title, (margin, margin + 8.0), bold);
        self.text(subtitle, (margin, margin + 28.0), Lettered::new(11.0, GREY, Anchor::Start));
    }

    /// A text whose capitals are centred on a height.
    pub(super) fn text(&mut self, text: &str, (x, y): (f64, f64), lettered: Lettered) {
        let baseline = y + CAPITALS / 2.0 * lettered.size;
        let place = format!("x=\"{}\" y=\"{}\"", Points(x), Points(baseline));
        self.write(text, &place, lettered);
    }

    /// A text from below to above, centred on a point.
    pub(super) fn upright_text(&mut self, text: &str, (x, y): (f64, f64), lettered: Lettered) {
        let baseline = Points(x + CAPITALS / 2.0 * lettered.size);
        let place = format!("transform=\"translate({baseline} {}) rotate(-90)\"", Points(y));
        self.write(text, &place, lettered);
    }

    fn write(&mut self, text: &str, place: &str, lettered: Lettered) {
        let Lettered { size, colour, is_bold, anchor } = lettered;
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if is_bold { " font-weight=\"bold\"" } else { "" };
        self.shape(format_args!(
            "<text {place}{anchor} font-size=\"{}\"{weight} {}>{}</text>",
            Points(size),
            paint("fill", colour.into()),
            escape(text)
        ));
    }

    fn shape(&mut self, shape: std::fmt::Arguments<'_>) {
        writeln!(self.shapes, "{shape}").expect("memory takes every text");
    }
}

/// A fill or a stroke.
fn paint(what: &str, Ink(colour, share): Ink) -> String {
    let colour = colour.hex();
    match share < 1.0 {
        true => format!("{what}=\"#{colour}\" {what}-opacity=\"{share:.2}\""),
        false => format!("{what}=\"#{colour}\""),
    }
}

/// A number of points, to a tenth.
struct Points(f64);

impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        // A zero has no sign, and a whole number no point.
        write!(f, "{}", if tenths == 0.0 { 0.0 } else { tenths })
    }
}

/// The corners of a path.
struct Path<'a>(&'a [(f64, f64)]);

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, &(x, y)) in self.0.iter().enumerate() {
            let between = if position == 0 { "" } else { " " };
            write!(f, "{between}{},{}", Points(x), Points(y))?;
        }
        Ok(())
    }
}

/// Text as XML may hold it, on one line.
fn escape(text: &str) -> String {
    xml::escape(text, |character| match character {
        control if control.is_control() => ' ',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        // What turns the direction of writing would move what stands beside it.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        other => other,
    })
}
