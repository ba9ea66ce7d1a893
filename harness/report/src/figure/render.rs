//! Images of an SVG: PNG and PDF, with the font that is compiled in.

use std::sync::{Arc, LazyLock};

use krilla::{Document, geom::Size, page::PageSettings};
use krilla_svg::{SurfaceExt, SvgSettings};
use png::{BitDepth, ColorType, DeflateCompression, Encoder, EncodingError, Filter};
use resvg::{
    tiny_skia::{Color, Pixmap, Transform},
    usvg::{Options, Tree, fontdb},
};

use super::face;
use crate::ReportError;

/// Pixels of a PNG per point: 300 per inch where a point is four thirds of the printer's.
const PIXELS_PER_POINT: f32 = 3.0;

/// Noto Sans and nothing of the machine's.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    for file in face::FILES {
        fonts.load_font_data(file.to_vec());
    }
    Arc::new(fonts)
});

/// Renders an SVG as the bytes of a PNG.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, ReportError> {
    pixels(&parse(svg)?)
}

/// Renders an SVG as the bytes of a PDF of one page, its texts as text.
pub(crate) fn pdf(svg: &str) -> Result<Vec<u8>, ReportError> {
    page(&parse(svg)?)
}

fn parse(svg: &str) -> Result<Tree, ReportError> {
    let options = Options { fontdb: Arc::clone(&FONTS), ..Options::default() };
    Tree::from_str(svg, &options).map_err(unrendered)
}

fn pixels(tree: &Tree) -> Result<Vec<u8>, ReportError> {
    let size = tree.size().to_int_size().scale_by(PIXELS_PER_POINT);
    let pixmap = size.and_then(|size| Pixmap::new(size.width(), size.height()));
    let mut pixmap = pixmap.ok_or_else(|| unrendered("no pixels"))?;
    pixmap.fill(Color::WHITE); // a figure in a dark page or on a slide is on white paper, too
    let scale = Transform::from_scale(PIXELS_PER_POINT, PIXELS_PER_POINT);
    resvg::render(tree, scale, &mut pixmap.as_mut());
    encode(&pixmap).map_err(unrendered)
}

/// A PNG of opaque pixels. Figures are areas of one colour: what is above is what is here, and the shortest search
/// packs that. The filters and the search of `Pixmap::encode_png` took a third of a report, for files a quarter smaller.
fn encode(pixmap: &Pixmap) -> Result<Vec<u8>, EncodingError> {
    let pixels = pixmap.pixels().iter();
    let rgb: Vec<u8> =
        pixels.flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_deflate_compression(DeflateCompression::Level(1));
    encoder.set_filter(Filter::Up);
    encoder.write_header()?.write_image_data(&rgb)?;
    Ok(bytes)
}

fn page(tree: &Tree) -> Result<Vec<u8>, ReportError> {
    let (width, height) = (tree.size().width(), tree.size().height());
    let size = Size::from_wh(width, height).ok_or_else(|| unrendered("no size"))?;
    let mut document = Document::new();
    let mut page = document.start_page_with(PageSettings::new(size));
    let mut surface = page.surface();
    let drawn = surface.draw_svg(tree, size, SvgSettings::default());
    surface.finish();
    page.finish();
    drawn.ok_or_else(|| unrendered("the SVG cannot be drawn"))?;
    document.finish().map_err(unrendered)
}

fn unrendered(reason: impl std::fmt::Display) -> ReportError {
    ReportError::Render { reason: reason.to_string() }
}
