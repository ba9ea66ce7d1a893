//! From coefficients to pixels: samples, chroma upsampling, colours.

use super::frame::{Colours, Component, Frame, Picture};
use super::header::read;
use super::transform::inverse;
use crate::image::error::{DecodeError, JpegError};
use crate::image::raster::{Raster, Samples};

/// The samples of one component; rows may be padded.
struct Plane {
    samples: Vec<u8>,
    stride: usize,
    width: usize,
    height: usize,
}

/// Decodes a JPEG file to gray, RGB or CMYK.
pub(in crate::image) fn decode(bytes: &[u8]) -> Result<Raster, DecodeError> {
    assemble(&read(bytes)?).map_err(DecodeError::Jpeg)
}

/// Turns a decoded stream into a picture of the mode that Pillow opens it in.
fn assemble(picture: &Picture) -> Result<Raster, JpegError> {
    let frame = &picture.frame;
    let planes = frame.components.iter().map(Plane::new).collect::<Result<Vec<_>, _>>()?;
    let n = planes.len();
    let mut pixels = vec![0u8; frame.width * frame.height * n];
    let mut rows = vec![Vec::new(); n];
    for (y, out) in pixels.chunks_exact_mut(frame.width * n).enumerate() {
        for ((row, plane), component) in rows.iter_mut().zip(&planes).zip(&frame.components) {
            plane.upsample_row(y, component, frame, row);
        }
        match &rows[..] {
            [gray] => out.copy_from_slice(&gray[..frame.width]),
            rows => interleave(out, rows, picture.colours),
        }
    }
    let samples = match picture.colours {
        Colours::Gray => Samples::Gray(pixels),
        Colours::Rgb | Colours::YCbCr => Samples::Rgb(pixels),
        Colours::Cmyk | Colours::Ycck => Samples::Cmyk(pixels),
    };
    Ok(Raster { width: frame.width, height: frame.height, samples })
}

fn interleave(out: &mut [u8], rows: &[Vec<u8>], colours: Colours) {
    for (x, pixel) in out.chunks_exact_mut(rows.len()).enumerate() {
        for (value, row) in pixel.iter_mut().zip(rows) {
            *value = row[x];
        }
        // Files with inks store them inverted (Adobe's habit, which Pillow takes for the rule).
        match colours {
            Colours::Gray | Colours::Rgb => {}
            Colours::YCbCr => ycc_to_rgb(pixel),
            Colours::Cmyk => pixel.iter_mut().for_each(|value| *value = 255 - *value),
            // Red is 255 minus cyan, and inverted once more it is the ink's own value.
            Colours::Ycck => {
                ycc_to_rgb(pixel);
                pixel[3] = 255 - pixel[3];
            }
        }
    }
}

/// Converts the first three values with libjpeg's 16-bit constants.
fn ycc_to_rgb(pixel: &mut [u8]) {
    const HALF: i32 = 1 << 15;
    let [y, cb, cr] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
    let (cb, cr) = (cb - 128, cr - 128);
    let red = y + ((91881 * cr + HALF) >> 16);
    let green = y + ((-22554 * cb - 46802 * cr + HALF) >> 16);
    let blue = y + ((116130 * cb + HALF) >> 16);
    pixel[0] = red.clamp(0, 255) as u8;
    pixel[1] = green.clamp(0, 255) as u8;
    pixel[2] = blue.clamp(0, 255) as u8;
}

impl Plane {
    fn new(component: &Component) -> Result<Self, JpegError> {
        let quant = component
            .quant
            .as_ref()
            .ok_or(JpegError::Segment { segment: "SOS", what: "a component has no scan" })?;
        let stride = component.blocks_wide * 8;
        let mut samples = vec![0; stride * component.blocks_high * 8];
        for (idx, block) in component.blocks.iter().enumerate() {
            let (x, y) = (idx % component.blocks_wide * 8, idx / component.blocks_wide * 8);
            for (row, values) in inverse(block, quant).chunks_exact(8).enumerate() {
                let start = (y + row) * stride + x;
                samples[start..start + 8].copy_from_slice(values);
            }
        }
        Ok(Plane { samples, stride, width: component.width, height: component.height })
    }

    fn row(&self, y: usize) -> &[u8] {
        let start = y.min(self.height - 1) * self.stride;
        &self.samples[start..start + self.width]
    }

    /// Writes row `y` of the full-size picture; at least its width.
    fn upsample_row(&self, y: usize, component: &Component, frame: &Frame, out: &mut Vec<u8>) {
        let (across, down) = (frame.h_max / component.h, frame.v_max / component.v);
        out.clear();
        let near = self.row(y / down);
        // The farther row of a triangle filter; the picture's edges repeat.
        let far = |below| self.row(if below { y / down + 1 } else { (y / down).saturating_sub(1) });
        let is_odd = y % 2 == 1;
        match (across, down) {
            (1, 1) => out.extend_from_slice(near),
            (2, 1) if 2 < self.width => widen_row(near, out),
            (1, 2) => {
                let bias = if is_odd { 2 } else { 1 };
                out.extend(
                    near.iter()
                        .zip(far(is_odd))
                        .map(|(&a, &b)| ((u32::from(a) * 3 + u32::from(b) + bias) >> 2) as u8),
                );
            }
            (2, 2) if 2 < self.width => widen_rows(near, far(is_odd), out),
            _ => near.iter().for_each(|&value| out.extend(std::iter::repeat_n(value, across))),
        }
    }
}

/// Doubles a row with weights 3/4 and 1/4; the roundings alternate.
fn widen_row(row: &[u8], out: &mut Vec<u8>) {
    let at = |x: usize| u32::from(row[x.min(row.len() - 1)]);
    for x in 0..row.len() {
        let (left, right) = (at(x.saturating_sub(1)), at(x + 1));
        out.push(((at(x) * 3 + left + 1) >> 2) as u8);
        out.push(((at(x) * 3 + right + 2) >> 2) as u8);
    }
}

/// Doubles a row across, between two rows, with weights 9, 3, 3 and 1 in 16.
fn widen_rows(near: &[u8], far: &[u8], out: &mut Vec<u8>) {
    let at = |x: usize| {
        let x = x.min(near.len() - 1);
        u32::from(near[x]) * 3 + u32::from(far[x])
    };
    for x in 0..near.len() {
        let (left, right) = (at(x.saturating_sub(1)), at(x + 1));
        out.push(((at(x) * 3 + left + 8) >> 4) as u8);
        out.push(((at(x) * 3 + right + 7) >> 4) as u8);
    }
}
