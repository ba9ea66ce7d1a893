//! BMP in the mode that Pillow opens it in; decoding itself is the `image` crate's.
//!
//! Differs from Pillow in 16-bit files, whose five-bit levels are rounded here and cut off there.

use std::io::Cursor;

use ::image::codecs::bmp::BmpDecoder;
use ::image::{ColorType, ImageDecoder};

use super::error::DecodeError;
use super::limits::check_size;
use super::raster::{Raster, Samples};

const FORMAT: &str = "BMP";

/// Decodes a BMP file.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, DecodeError> {
    let broken = |source| DecodeError::Other { format: FORMAT, source };
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    check_size(u64::from(width), u64::from(height))?;
    let palette = decoder.get_palette().map(<[[u8; 3]]>::to_vec);
    let colour = decoder.color_type();
    let (width, height) = (width as usize, height as usize);
    let mut samples = vec![0; width * height * usize::from(colour.channel_count())];
    decoder.read_image(&mut samples).map_err(broken)?;
    let samples = match (palette, colour) {
        (_, ColorType::Rgba8) => Samples::Rgba(samples),
        (Some(palette), _) => indexed(samples, &palette),
        (None, _) => Samples::Rgb(samples),
    };
    Ok(Raster { width, height, samples })
}

/// Pillow takes a black and white palette for bilevel and a gray ramp for grayscale.
fn indexed(samples: Vec<u8>, palette: &[[u8; 3]]) -> Samples {
    let gray = |samples: &[u8]| samples.iter().step_by(3).copied().collect();
    if palette == [[0; 3], [255; 3]] {
        return Samples::Bilevel(gray(&samples));
    }
    let is_ramp = palette.len() != 2
        && palette.iter().enumerate().all(|(idx, rgb)| rgb.iter().all(|&v| usize::from(v) == idx));
    if is_ramp { Samples::Gray(gray(&samples)) } else { Samples::Palette(samples) }
}
