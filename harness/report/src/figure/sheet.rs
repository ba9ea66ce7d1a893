//! One drawing, as SVG and as PNG.

use plotters::backend::{DrawingBackend, SVGBackend};

use super::{
    colour::WHITE,
    pen::{Area, Pen, UNITS, printable},
    pixels::Pixels,
};
use crate::ReportError;

/// Pixels of a PNG per point: 300 per inch where a point is four thirds of the printer's.
const PIXELS_PER_POINT: f64 = 3.0;

/// Something that can be drawn on any backend.
pub(crate) trait Drawing {
    /// Width and height, in points.
    fn size(&self) -> (f64, f64);
    /// What it shows, for those who do not see it: a title and a sentence.
    fn told(&self) -> (String, String);
    /// Draws it on a white page.
    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>);
}

/// The text of a standalone SVG, which can stand in HTML as it is.
pub(crate) fn svg(drawing: &impl Drawing) -> Result<String, ReportError> {
    let mut text = String::new();
    draw(drawing, &mut SVGBackend::with_string(&mut text, units(drawing.size())))?;
    // The backend's own first tag knows nothing of points, and nothing of readers who do not see.
    let (_, shapes) = text.split_once('>').unwrap_or_default();
    let (width, height) = drawing.size();
    let (units_across, units_down) = units(drawing.size());
    let (title, told) = drawing.told();
    let (title, told) = (escaped(&title), escaped(&told));
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {units_across} {units_down}\" role=\"img\">\n<title>{title}</title>\n\
         <desc>{told}</desc>{shapes}"
    ))
}

/// The bytes of a PNG.
pub(crate) fn png(drawing: &impl Drawing) -> Result<Vec<u8>, ReportError> {
    let mut pixels = Pixels::new(units(drawing.size()), (PIXELS_PER_POINT / UNITS) as f32);
    draw(drawing, &mut pixels)?;
    let undrawn = |error: png::EncodingError| ReportError::Draw { reason: error.to_string() };
    let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(pixels.width), side(pixels.height));
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().map_err(undrawn)?;
    writer.write_image_data(&pixels.rgb).map_err(undrawn)?;
    writer.finish().map_err(undrawn)?;
    Ok(bytes)
}

fn draw<B: DrawingBackend>(drawing: &impl Drawing, backend: &mut B) -> Result<(), ReportError> {
    let (width, height) = drawing.size();
    let mut pen = Pen::new(backend);
    pen.fill(Area { left: 0.0, top: 0.0, width, height }, WHITE);
    drawing.draw(&mut pen);
    pen.finish().map_err(|reason| ReportError::Draw { reason })
}

fn units((width, height): (f64, f64)) -> (u32, u32) {
    ((width * UNITS).round() as u32, (height * UNITS).round() as u32)
}

/// Text between tags.
fn escaped(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
