//! BMP in the mode that Pillow opens it in; decoding itself is the `image` crate's.

use std::io::Cursor;

use ::image::codecs::bmp::BmpDecoder;
use ::image::{ColorType, ImageDecoder};

use super::decode::check_size;
use super::error::DecodeError;
use super::raster::{Raster, Samples};

const FORMAT: &str = "BMP";

/// Decodes a BMP file.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, DecodeError> {
    let broken = |source| DecodeError::Other { format: FORMAT, source };
    let mut decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    check_size(u64::from(width), u64::from(height))?;
    let palette = decoder.get_palette().map(<[[u8; 3]]>::to_vec);
    decoder.set_indexed_color(palette.is_some());
    let colour = decoder.color_type();
    let n_channels = if palette.is_some() { 1 } else { usize::from(colour.channel_count()) };
    let (width, height) = (width as usize, height as usize);
    let mut samples = vec![0; width * height * n_channels];
    decoder.read_image(&mut samples).map_err(broken)?;
    let samples = match (palette, colour) {
        (Some(palette), _) => indexed(samples, palette),
        (None, ColorType::Rgba8) => Samples::Rgba(samples),
        (None, _) => Samples::Rgb(samples),
    };
    Ok(Raster { width, height, samples })
}

/// Pillow drops a palette that is black and white, or a gray ramp.
fn indexed(samples: Vec<u8>, palette: Vec<[u8; 3]>) -> Samples {
    if palette == [[0; 3], [255; 3]] {
        return Samples::Bilevel(samples.iter().map(|&idx| idx.wrapping_mul(255)).collect());
    }
    let is_ramp = palette.len() != 2
        && palette.iter().enumerate().all(|(idx, rgb)| rgb.iter().all(|&v| usize::from(v) == idx));
    if is_ramp { Samples::Gray(samples) } else { Samples::Palette(samples, palette) }
}
