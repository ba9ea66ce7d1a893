//! WebP as RGB or RGBA, of an animation the first frame; decoding itself is the `image` crate's.

use std::io::Cursor;

use ::image::codecs::webp::WebPDecoder;
use ::image::{ColorType, ImageDecoder};

use super::error::DecodeError;
use super::limits::check_size;
use super::raster::{Raster, Samples};

const FORMAT: &str = "WebP";

/// Decodes a WebP file.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, DecodeError> {
    let broken = |source| DecodeError::Other { format: FORMAT, source };
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    check_size(u64::from(width), u64::from(height))?;
    let colour = decoder.color_type();
    let (width, height) = (width as usize, height as usize);
    let mut samples = vec![0; width * height * usize::from(colour.channel_count())];
    decoder.read_image(&mut samples).map_err(broken)?;
    let samples = match colour {
        ColorType::Rgba8 => Samples::Rgba(samples),
        _ => Samples::Rgb(samples),
    };
    Ok(Raster { width, height, samples })
}
