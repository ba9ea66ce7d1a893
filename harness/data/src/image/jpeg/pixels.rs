//! From coefficients to pixels: samples, chroma upsampling, colours.

use super::colours::colour_row;
use super::frame::{Colours, Component, Frame, Image};
use super::header::read;
use super::transform::inverse;
use super::upsampling::{mix_rows, widen_row, widen_rows};
use crate::image::error::{DecodeError, JpegError};
use crate::image::raster::{Raster, Samples};

/// The samples of one component; rows may be padded.
struct Plane {
    samples: Vec<u8>,
    stride: usize,
    width: usize,
    height: usize,
    /// How many pixels of the image a sample covers.
    across: usize,
    down: usize,
}

/// Decodes a JPEG file to gray, RGB or CMYK.
pub(in crate::image) fn decode(bytes: &[u8]) -> Result<Raster, DecodeError> {
    assemble(&read(bytes)?).map_err(DecodeError::Jpeg)
}

/// Turns a decoded stream into an image of the mode that Pillow opens it in.
fn assemble(image: &Image) -> Result<Raster, JpegError> {
    let frame = &image.frame;
    let planes = frame.components.iter().map(|component| Plane::new(component, frame));
    let planes = planes.collect::<Result<Vec<_>, _>>()?;
    let n = planes.len();
    let mut pixels = vec![0u8; frame.width * frame.height * n];
    let mut widened: Vec<Vec<u8>> =
        planes.iter().map(|plane| vec![0; plane.width * plane.across]).collect();
    for (y, out) in pixels.chunks_exact_mut(frame.width * n).enumerate() {
        let mut rows: [&[u8]; 4] = [&[]; 4];
        for ((row, plane), widened) in rows.iter_mut().zip(&planes).zip(&mut widened) {
            *row = plane.full_size_row(y, widened);
        }
        colour_row(out, rows, image.colours);
    }
    let samples = match image.colours {
        Colours::Gray => Samples::Gray(pixels),
        Colours::Rgb | Colours::YCbCr => Samples::Rgb(pixels),
        Colours::Cmyk | Colours::Ycck => Samples::Cmyk(pixels),
    };
    Ok(Raster { width: frame.width, height: frame.height, samples })
}

impl Plane {
    fn new(component: &Component, frame: &Frame) -> Result<Self, JpegError> {
        let quant = component
            .quant
            .as_ref()
            .ok_or(JpegError::Segment { segment: "SOS", what: "a component has no scan" })?;
        let stride = component.blocks_wide * 8;
        let mut samples = vec![0; stride * component.blocks_high * 8];
        let rows_of_blocks = component.blocks.chunks_exact(component.blocks_wide);
        for (blocks, rows) in rows_of_blocks.zip(samples.chunks_exact_mut(stride * 8)) {
            inverse(blocks, quant, rows);
        }
        Ok(Plane {
            samples,
            stride,
            width: component.width,
            height: component.height,
            across: frame.h_max / component.h,
            down: frame.v_max / component.v,
        })
    }

    fn row(&self, y: usize) -> &[u8] {
        let start = y.min(self.height - 1) * self.stride;
        &self.samples[start..start + self.width]
    }

    /// Row `y` of the full-size image, at least its width: the plane's own, or made in `room`.
    fn full_size_row<'a>(&'a self, y: usize, room: &'a mut [u8]) -> &'a [u8] {
        let near = self.row(y / self.down);
        // The farther row of a triangle filter; the image's edges repeat.
        let is_odd = y % 2 == 1;
        let far = if is_odd { y / self.down + 1 } else { (y / self.down).saturating_sub(1) };
        match (self.across, self.down) {
            (1, 1) => return near,
            (2, 1) if 2 < self.width => widen_row(near, room),
            (1, 2) => mix_rows(near, self.row(far), if is_odd { 2 } else { 1 }, room),
            (2, 2) if 2 < self.width => widen_rows(near, self.row(far), room),
            (across, _) => {
                for (wide, &value) in room.chunks_exact_mut(across).zip(near) {
                    wide.fill(value);
                }
            }
        }
        room
    }
}
