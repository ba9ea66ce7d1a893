//! The first frame of a GIF in the mode that Pillow opens it in: palette indices, or gray levels.
//!
//! The frame is placed on the logical screen, which grows where the frame leaves it; outside the frame
//! stands the transparent index, or index zero. Transparency is not applied.

use std::io::Cursor;

use ::gif::{ColorOutput, DecodeOptions};

use super::error::DecodeError;
use super::limits::check_size;
use super::raster::{Raster, Samples};

const FORMAT: &str = "GIF";

/// Decodes the first frame of a GIF file.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, DecodeError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.allow_unknown_blocks(true);
    options.set_memory_limit(::gif::MemoryLimit::Unlimited); // sizes are checked below
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(DecodeError::Gif)?;
    let screen = (usize::from(decoder.width()), usize::from(decoder.height()));
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder
        .next_frame_info()
        .map_err(DecodeError::Gif)?
        .ok_or(DecodeError::Broken { format: FORMAT, what: "no image in it" })?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (frame_width, frame_height) = (usize::from(frame.width), usize::from(frame.height));
    let background = frame.transparent.unwrap_or(0);
    let palette = frame.palette.clone().or(global);
    let width = screen.0.max(left + frame_width);
    let height = screen.1.max(top + frame_height);
    check_size(width as u64, height as u64)?;
    let mut pixels = vec![0; frame_width * frame_height];
    decoder.read_into_buffer(&mut pixels).map_err(DecodeError::Gif)?;
    let mut samples = vec![background; width * height];
    if 0 < frame_width {
        for (y, row) in pixels.chunks_exact(frame_width).enumerate() {
            let start = (top + y) * width + left;
            samples[start..start + frame_width].copy_from_slice(row);
        }
    }
    let samples = match palette.filter(|palette| !is_gray_ramp(palette)) {
        None => Samples::Gray(samples),
        Some(palette) => Samples::from_indices(&samples, &palette),
    };
    Ok(Raster { width, height, samples })
}

/// Whether every entry is its own index in gray: Pillow then opens the image as grayscale.
fn is_gray_ramp(palette: &[u8]) -> bool {
    palette
        .chunks_exact(3)
        .enumerate()
        .all(|(idx, rgb)| rgb.iter().all(|&value| usize::from(value) == idx))
}
