//! PNG in its own mode, and the chunk rules by which Pillow calls a file broken or truncated.
//!
//! As Pillow does: chunk checksums are checked up to the image data and not in it, the data's own sum
//! is, the file must reach past every chunk that begins, and a missing IEND is forgiven. Of an animation the default image is read.

use std::io::Cursor;

use ::png::{BitDepth, ColorType, DecodeOptions, Decoder, Reader, Transformations};

use super::error::DecodeError;
use super::limits::check_size;
use super::raster::{Raster, Samples};

const FORMAT: &str = "PNG";
const SIGNATURE_LEN: usize = 8;

/// Decodes a PNG file.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, DecodeError> {
    check_chunks(bytes)?;
    let mut options = DecodeOptions::default();
    options.set_ignore_crc(true);
    options.set_ignore_adler32(false);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(DecodeError::Png)?;
    check_size(u64::from(header.width), u64::from(header.height))?;
    let mut reader = decoder.read_info().map_err(DecodeError::Png)?;
    let n_bytes = reader
        .output_buffer_size()
        .ok_or(DecodeError::Broken { format: FORMAT, what: "a row too long for memory" })?;
    let mut packed = vec![0; n_bytes];
    let frame = reader.next_frame(&mut packed).map_err(DecodeError::Png)?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    packed.truncate(frame.line_size * height);
    let samples = match frame.bit_depth {
        BitDepth::Eight | BitDepth::Sixteen => packed,
        BitDepth::One | BitDepth::Two | BitDepth::Four => {
            unpack(&packed, frame.line_size, width, frame.bit_depth as usize)
        }
    };
    Ok(Raster { width, height, samples: in_mode(samples, &reader)? })
}

/// Puts one byte (or two) per sample into the mode that Pillow opens the image in.
fn in_mode(samples: Vec<u8>, reader: &Reader<Cursor<&[u8]>>) -> Result<Samples, DecodeError> {
    let (colour, depth) = reader.output_color_type();
    let scaled = |factor: u8| samples.iter().map(|&v| v.wrapping_mul(factor)).collect::<Vec<u8>>();
    Ok(match (colour, depth) {
        (ColorType::Indexed, _) => {
            let palette = reader
                .info()
                .palette
                .as_ref()
                .ok_or(DecodeError::Broken { format: FORMAT, what: "no palette" })?;
            Samples::from_indices(&samples, palette)
        }
        (ColorType::Grayscale, BitDepth::One) => Samples::Bilevel(scaled(0xff)),
        (ColorType::Grayscale, BitDepth::Two) => Samples::Gray(scaled(0x55)),
        (ColorType::Grayscale, BitDepth::Four) => Samples::Gray(scaled(0x11)),
        (ColorType::Grayscale, BitDepth::Sixteen) => Samples::Gray16(
            samples.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect(),
        ),
        (ColorType::Grayscale, BitDepth::Eight) => Samples::Gray(samples),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => {
            Samples::Rgba(samples.chunks_exact(4).flat_map(|p| [p[0], p[0], p[0], p[2]]).collect())
        }
        (ColorType::GrayscaleAlpha, _) => Samples::GrayAlpha(samples),
        (ColorType::Rgb, BitDepth::Sixteen) => Samples::Rgb(high_bytes(&samples)),
        (ColorType::Rgb, _) => Samples::Rgb(samples),
        (ColorType::Rgba, BitDepth::Sixteen) => Samples::Rgba(high_bytes(&samples)),
        (ColorType::Rgba, _) => Samples::Rgba(samples),
    })
}

fn high_bytes(samples: &[u8]) -> Vec<u8> {
    samples.iter().step_by(2).copied().collect()
}

/// Spreads samples of 1, 2 or 4 bits over a byte each.
fn unpack(packed: &[u8], line_size: usize, width: usize, n_bits: usize) -> Vec<u8> {
    let per_byte = 8 / n_bits;
    let mask = (1u8 << n_bits) - 1;
    let mut samples = Vec::with_capacity(packed.len() * per_byte);
    for line in packed.chunks_exact(line_size) {
        samples.extend(
            (0..width).map(|x| line[x / per_byte] >> (8 - n_bits * (x % per_byte + 1)) & mask),
        );
    }
    samples
}

/// Walks the chunks: sums must be right before the image data, and no chunk after it may be cut off.
fn check_chunks(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut rest = &bytes[SIGNATURE_LEN..];
    let mut in_header = true;
    loop {
        let Some((chunk, name)) = rest.split_first_chunk::<4>().and_then(|(length, tail)| {
            let (name, _) = tail.split_first_chunk::<4>()?;
            Some((u32::from_be_bytes(*length) as usize, *name))
        }) else {
            // Without image data the decoder says so; after it, Pillow forgives a missing end.
            return Ok(());
        };
        let is_name = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if name == *b"IEND" || (!in_header && !is_name) {
            return Ok(());
        }
        in_header &= name != *b"IDAT";
        let body_end = 8usize.saturating_add(chunk);
        let Some(body) = rest.get(4..body_end) else {
            return Err(DecodeError::Truncated { format: FORMAT });
        };
        let Some(sum) = rest.get(body_end..body_end.saturating_add(4)) else {
            // The last chunk's sum may be missing once the image data is there.
            return if in_header { Err(DecodeError::Truncated { format: FORMAT }) } else { Ok(()) };
        };
        if in_header && crc32fast::hash(body).to_be_bytes() != *sum {
            return Err(DecodeError::Broken { format: FORMAT, what: "a wrong chunk checksum" });
        }
        rest = &rest[body_end + 4..];
    }
}
